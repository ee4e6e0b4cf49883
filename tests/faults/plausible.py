"""Which errors a call may return: what its manual page says and disks, networks and limits do."""

from control import SHORT

_MADE = ("EMFILE", "ENFILE", "ENOMEM")
_DISK = ("ENOSPC", "EIO", "EDQUOT")

ERRORS = {
    "memory": ("ENOMEM",),
    "map": ("ENOMEM",),
    "open": ("EMFILE", "ENOMEM", "EIO", "ENOSPC", "EACCES"),
    "close": ("EIO", "EINTR"),
    "read": ("EIO", "EINTR", SHORT),
    "pread": ("EIO", "EINTR", SHORT),
    "write": (*_DISK, "EINTR", SHORT),
    "pwrite": (*_DISK, "EINTR", SHORT),
    "copy": (*_DISK, SHORT),
    "seek": ("EIO",),
    "sync": ("EIO", "ENOSPC"),
    "rename": ("EIO", "ENOSPC", "EACCES"),
    "link": ("EIO", "ENOSPC", "EACCES", "EMLINK"),
    "unlink": ("EIO", "EACCES"),
    "mkdir": (*_DISK, "EACCES"),
    "truncate": ("EIO", "EINTR"),
    "allocate": (*_DISK, "EOPNOTSUPP", "EINTR"),
    "mode": ("EIO", "EPERM"),
    "times": ("EIO", "EPERM"),
    "setxattr": ("EIO", "ENOSPC"),
    "getxattr": ("EIO",),
    "stat": ("EIO", "ENOMEM"),
    "readlink": ("EIO",),
    "readdir": ("EIO",),
    "lock": ("ENOLCK", "EINTR"),
    "dup": ("EMFILE",),
    "socket": (*_MADE, "ENOBUFS"),
    "socketpair": _MADE,
    "events": _MADE,
    "watch": ("ENOMEM", "ENOSPC"),
    "accept": ("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "ECONNABORTED", "EINTR"),
    "connect": ("ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH", "EADDRNOTAVAIL", "EINTR"),
    "bind": ("EADDRINUSE",),
    "option": ("ENOBUFS",),
    "send": ("ECONNRESET", "EPIPE", "ENOBUFS", "ENOMEM", "EINTR", SHORT),
    "receive": ("ECONNRESET", "ETIMEDOUT", "ENOMEM", "EINTR", SHORT),
    "poll": ("EINTR", "ENOMEM"),
    "wait": ("EINTR",),
    "thread": ("EAGAIN",),
    "fork": ("EAGAIN", "ENOMEM"),
    "exec": ("ENOMEM", "EIO"),
}

# Where libuv calls abort(), the last one while the daemon starts: it is started again, and nothing is
# lost.
FATAL = ("memory", "watch", "socketpair")
