"""A real avahi-daemon with a message bus of its own on a host: the independent witness of what the
program publishes, and a publisher of things for it to find."""

import os
import shutil

from .errors import Skip

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
"""

AVAHI = """[server]
host-name={name}
use-ipv4=yes
use-ipv6=yes
allow-interfaces=eth0
enable-dbus=yes
[wide-area]
enable-wide-area=no
[publish]
publish-hinfo=no
publish-workstation=no
[rlimits]
"""

# avahi-daemon insists that its run directory belongs to the user avahi: here that is who we are.
START = """set -e
mount -t tmpfs tmpfs /run/avahi-daemon
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/group" /etc/group
exec avahi-daemon -f "$1/avahi.conf" --no-drop-root --no-chroot --no-rlimits
"""


class Avahi:
    """dbus-daemon and avahi-daemon on one host; the host's programs get its bus."""

    def __init__(self, host):
        for program in ("dbus-daemon", "avahi-daemon", "avahi-browse"):
            if shutil.which(program) is None:
                raise Skip(f"{program} is not installed")
        self.host = host
        self.directory = os.path.join(host.run_directory, "avahi")
        os.mkdir(self.directory)
        self._write("bus.conf", BUS.format(socket=f"{self.directory}/bus"))
        self._write("avahi.conf", AVAHI.format(name=host.name))
        self._write("passwd", "root:x:0:0::/:/bin/sh\navahi:x:0:0::/:/bin/false\n")
        self._write("group", "root:x:0:\navahi:x:0:\nnetdev:x:0:\n")
        host.bus = f"unix:path={self.directory}/bus"
        self.bus = host.start(["dbus-daemon", "--nofork", "--nopidfile", "--print-address",
                               f"--config-file={self.directory}/bus.conf"],
                              name=f"dbus-{host.name}")
        self.bus.wait_line("unix:", lines=self.bus.out)
        self.daemon = None
        self.start()

    def _write(self, name, text):
        with open(os.path.join(self.directory, name), "w", encoding="ascii") as file:
            file.write(text)

    def environment(self):
        return {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self.host.bus}

    def start(self):
        self.daemon = self.host.start(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", START, "sh",
             self.directory], env=self.environment(), name=f"avahi-{self.host.name}")
        self.daemon.wait_line("Server startup complete")

    def stop(self):
        self.daemon.stop()

    def browse(self):
        """A running avahi-browse of all fxnode instances; its lines begin with +, - or =."""
        return self.host.start(["avahi-browse", "-rp", "_fxnode._tcp"], env=self.environment(),
                               name=f"browse-{self.host.name}")

    def publish(self, name, port, *records):
        """A running avahi-publish of an instance of the program's service type."""
        return self.host.start(["avahi-publish", "-s", name, "_fxnode._tcp", str(port), *records],
                               env=self.environment(), name=f"publish-{self.host.name}")
