/*
 * What the discovery helper gives up before it listens to the network: the file system, and other
 * processes.
 */
#ifndef NODE_HELPER_DISCOVERY_CONFINE_H
#define NODE_HELPER_DISCOVERY_CONFINE_H

/* No new privileges; then by Landlock nothing can be written or executed, and only system
 * directories can be read: what D-Bus and the C library look up, not what users keep; signals reach
 * no other process. By seccomp no program or process can be started, and no other process be
 * touched (EPERM; not in builds with a sanitizer). Open descriptors and the D-Bus socket are not
 * affected. One-way, for a process with one thread. What the kernel does not have is left out and a
 * debug line says so. 0 or -errno. */
int discovery_confine(void);

#endif
