#!/usr/bin/env python3
"""Every command and option that the program's own help names is in its manual and its completions,
and every key of the configuration is in fxnode.conf(5).

    tests/docs/options.py PROGRAM SOURCE_DIRECTORY"""

import os
import re
import subprocess
import sys

SHELLS = {"bash": r"--{0}\b", "zsh": r"--{0}\b", "fish": r"-l {0}\b"}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def help_of(program, *command):
    done = subprocess.run([program, *command, "--help"], capture_output=True, text=True, check=True)
    return done.stdout


def main():
    program, top = sys.argv[1:]
    manual = read(f"{top}/man/fxnode.1")
    completions = {shell: read(f"{top}/completions/fxnode.{shell}") for shell in SHELLS}
    faults = []
    commands = re.findall(r"^ +(?:fxnode )?([a-z]{2,})\b", help_of(program), re.MULTILINE)
    if "send" not in commands or "daemon" not in commands:
        sys.exit(f"the program's help does not list its commands: {commands}")
    for command in sorted(set(commands)):
        options = set(re.findall(r"--([a-z][a-z-]+)", help_of(program, command))) - {"help"}
        if not re.search(rf"^\.(It|Ss|Ic|Nm|Cm).*\b{command}\b", manual, re.MULTILINE):
            faults.append(f"{command}: not in fxnode(1)")
        faults += [f"{command}: not in the completions for {shell}"
                   for shell, text in completions.items() if not re.search(rf"\b{command}\b", text)]
        for option in sorted(options):
            if not re.search(rf"\bFl -{option}(?![a-z-])", manual):
                faults.append(f"{command} --{option}: not in fxnode(1)")
            faults += [f"{command} --{option}: not in the completions for {shell}"
                       for shell, text in completions.items()
                       if not re.search(SHELLS[shell].format(option), text)]
    keys = re.findall(r'\{"([a-z-]+)", set_', read(os.path.join(top, "node/common/config.c")))
    if not keys:
        sys.exit("no configuration keys found in node/common/config.c")
    pages = read(f"{top}/man/fxnode.conf.5")
    faults += [f"key {key}: not in fxnode.conf(5)" for key in keys
               if not re.search(rf"^\.(It|Ss|Cm|Ic|Li).*\b{key}\b", pages, re.MULTILINE)]
    print("\n".join(faults) or f"{len(set(commands))} commands and {len(keys)} keys are documented")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
