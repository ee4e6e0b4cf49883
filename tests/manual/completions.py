#!/usr/bin/env python3
"""What the completions for bash, fish and zsh offer, asked of the shells themselves beside two real
nodes: commands, options, peers, settings and transfers; and nothing, without a trace, where no node
runs.

    tests/manual/completions.py PROGRAM SOURCE_DIRECTORY

Shells that are not there are left out. Exit status 0, or 1 where something else was offered."""

import base64
import hashlib
import os
import shutil
import socket
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenarios"))

from lab import Failure, check_equal  # noqa: E402
from lab import process  # noqa: E402
from lab.network import Loopback  # noqa: E402
from lab.node import PROGRAM, Node  # noqa: E402

PAIRED = "garret"

BASH = """
compopt() { :; } # there is no command line here that it could apply to
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_fxnode
printf '%s\\n' "${COMPREPLY[@]}"
"""


def bash(top, words, environment):
    script = f"{top}/completions/fxnode.bash"
    return process.run(["bash", "-c", BASH, "bash", script, "fxnode", *words], env=environment)


def fish(top, words, environment):
    line = " ".join(["fxnode", *words])
    return process.run(["fish", "--no-config", "-c", f"source {top}/completions/fxnode.fish; "
                        f"complete -C '{line}'"], env=environment)


# zsh completes only where somebody types: in a terminal of its own, that of `zpty`. What is offered
# goes to standard output by way of a file; the words in two parts are not matched by their own echo.
ZSH_TYPES = """
zmodload zsh/zpty
zpty typist zsh -f -i
zpty -w typist 'eval $SETUP'
zpty -r typist shown '*REA''DY*'
zpty -w -n typist "$LINE"$'\\t'
zpty -r typist shown '*END''ED*'
zpty -d typist
cat $OFFERED
"""
ZSH_SETUP = """
PROMPT= LISTMAX=10000
fpath=($COMPLETIONS $fpath)
autoload -Uz compinit && compinit -u -D
compadd() {
    local -a offered
    if ((! ${@[(I)-[OAD]*]})); then
        builtin compadd -O offered "$@"
        print -rl -- $offered >>$OFFERED
    fi
    builtin compadd "$@"
}
zle -C list-them list-choices _main_complete
report() { zle list-them; print -r -- END''ED }
zle -N report
bindkey '^I' report
print -r -- REA''DY
"""


def zsh(top, words, environment):
    del top
    path = os.path.join(environment["HOME"], "offered")
    open(path, "w", encoding="utf-8").close()
    return process.run(["zsh", "-f", "-c", ZSH_TYPES], env={
        **environment, "SETUP": ZSH_SETUP, "OFFERED": path, "TERM": "vt100",
        "LINE": " ".join(["fxnode", *words])})


def offered(shell, top, words, environment):
    lines = shell(top, words, environment).splitlines()
    return {line.split("\t")[0].rstrip("=") for line in lines} - {""}


def pair_with_nobody(node):
    """Has the node know a paired peer, of which there is a line of text only."""
    key = bytes(range(32))
    check = hashlib.blake2b(key, digest_size=32).digest()[:3]
    path = os.path.join(node.home, "peers")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"fxnode-peer {base64.b32encode(key + check).decode().lower()} {PAIRED}\n")
    node.run("import", path)


def start_node(directory, name):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    host = Loopback(name, os.path.join(directory, f"run-{name}"))
    return Node(host, directory, name=name, config={
        "discovery": "off", "listen": f"127.0.0.1:{port}", "accept": "ask"}).start()


def environment_of(node, program, top):
    """With the program under test as `fxnode`."""
    links = os.path.join(node.home, "bin")
    os.makedirs(links, exist_ok=True)
    if not os.path.lexists(f"{links}/fxnode"):
        os.symlink(program, f"{links}/fxnode")
        os.symlink(f"{top}/completions/fxnode.zsh", f"{links}/_fxnode")
    environment = node.environment()
    return {**environment, "PATH": f"{links}:{environment['PATH']}", "COMPLETIONS": links}


def check_shell(shell, top, program, sender, receiver):
    def expect(node, words, wanted, **env):
        found = offered(shell, top, words, {**environment_of(node, program, top), **env})
        check_equal(found, wanted, f"{shell.__name__}: {' '.join(words)}")
    expect(sender, ["pe"], {"peers"})
    expect(sender, ["send", "--de"], {"--detach"})
    expect(sender, ["daemon", "--accept", ""], {"ask", "paired", "all"})
    expect(sender, ["accept", "--al"], {"--always"})
    expect(sender, ["accept", "--exists", ""], {"rename", "skip", "overwrite"})
    expect(sender, ["--version", "--v"], {"--verbose"})
    expect(sender, ["--version", "--verbose", "--v"], set())
    expect(sender, ["--version", "--verbose", "--c"], {"--config"})
    stranger, paired = receiver.id.replace("-", ""), PAIRED
    expect(sender, ["send", ""], {stranger, paired})
    expect(sender, ["unpair", ""], {stranger, paired})
    for command in ("rename", "set"):
        expect(sender, [command, ""], {paired})
    expect(sender, ["set", paired, "di"], {"directory"})
    expect(receiver, ["accept", ""], {"1"})
    expect(receiver, ["resume", ""], set())
    elsewhere = os.path.join(sender.home, "elsewhere")
    for command in ("send", "accept"):
        expect(sender, [command, ""], set(), FXNODE_STATE=elsewhere)
    check_equal(os.path.lexists(elsewhere), False, "a node was started")
    expect(sender, ["unpair", "--state", receiver.state, ""], set())


def main():
    program, top = (os.path.abspath(path) for path in sys.argv[1:])
    os.environ[PROGRAM] = program
    shells = [shell for shell in (bash, fish, zsh) if shutil.which(shell.__name__)]
    with tempfile.TemporaryDirectory(prefix="fxnode-completions-") as directory:
        try:
            sender, receiver = (start_node(directory, name) for name in ("attic", "cellar"))
            path = os.path.join(directory, "file")
            with open(path, "wb") as file:
                file.write(b"content\n")
            sender.run("send", "--detach", receiver.at, path)
            receiver.daemon.wait_line("offers")
            pair_with_nobody(sender)
            for shell in shells:
                check_shell(shell, top, program, sender, receiver)
                print(f"{shell.__name__}: as it should be")
        except Failure as failure:
            print(f"FAILED: {failure}\n{process.said_by_all()}")
            return 1
        finally:
            process.stop_all()
    return 0


if __name__ == "__main__":
    sys.exit(main())
