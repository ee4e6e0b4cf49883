/*
 * The commands: each parses its arguments, asks the node over the control socket, shows what comes
 * back and returns the exit status. All block; one thread.
 */
#ifndef NODE_CLI_CLI_H
#define NODE_CLI_CLI_H

/* Exit statuses, fxnode(1). */
enum cli_status {
    CLI_DONE = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_UNREACHABLE = 3,
    CLI_REFUSED = 4,
    CLI_STOPPED = 5,
    CLI_TRUST = 6,
};

/* argv[0] is the command's name. */
int cli_accept(int argc, char **argv);
int cli_cancel(int argc, char **argv);
int cli_export(int argc, char **argv);
int cli_id(int argc, char **argv);
int cli_import(int argc, char **argv);
int cli_pair(int argc, char **argv);
int cli_pause(int argc, char **argv);
int cli_peers(int argc, char **argv);
int cli_reject(int argc, char **argv);
int cli_rename(int argc, char **argv);
int cli_resume(int argc, char **argv);
int cli_send(int argc, char **argv);
int cli_set(int argc, char **argv);
int cli_transfers(int argc, char **argv);
int cli_unpair(int argc, char **argv);
int cli_verify(int argc, char **argv);
int cli_version(int argc, char **argv);

#endif
