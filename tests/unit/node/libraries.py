#!/usr/bin/env python3
"""What the programs load when they start, and all that comes with it: what a peer speaks to has
nothing in its memory that its role does not need, and the commands start without it too.

    libraries.py DIRECTORY      with fxnode and its parts"""

import os
import subprocess
import sys

# By the beginning of the library's name; what else is there is the compiler's and the C library's.
COMMON = {"linux-vdso", "ld-linux", "libc.", "libm.", "libsodium", "libprotobuf-c"}
INSTRUMENTS = {"libasan", "libubsan", "libtsan", "libgcc_s", "libstdc++", "libdl", "libpthread",
               "librt", "libresolv"}
ALLOWED = {
    "fxnode": {"libjansson", "libinih"},
    "fxnode-session": {"libseccomp", "libxxhash", "libzstd"},
    "fxnode-daemon": {"libinih", "libsqlite3", "libuv"},
}


def loaded(program):
    """The names of the libraries that the dynamic linker would load for it."""
    lines = subprocess.run([program], env={**os.environ, "LD_TRACE_LOADED_OBJECTS": "1"},
                           check=True, capture_output=True, text=True).stdout.splitlines()
    return [os.path.basename(line.split()[0]) for line in lines]


def main():
    failed = False
    for name, own in ALLOWED.items():
        program = os.path.join(sys.argv[1], name)
        found = loaded(program)
        if not any(library.startswith("libsodium") for library in found):
            print(f"{name}: its libraries cannot be told: {found}")
            failed = True
        allowed = tuple(COMMON | INSTRUMENTS | own)
        for library in found:
            if not library.startswith(allowed):
                print(f"{name} loads {library}, which is none of its business")
                failed = True
    return failed


if __name__ == "__main__":
    sys.exit(main())
