"""`fxnode pair` on a terminal: what two people see and type, and what is left on the screen."""

import re

from lab import check, check_equal
from lab.data import make_file
from lab.node import program

CODE = r"^  (\d{4}) (\d{4})\r?$"
ON, OFF = "\x1b[7m", "\x1b[0m"


class _Screen:
    """What a terminal of a width shows after a stream: lines of (character, reversed) cells."""

    def __init__(self, text, width):
        self.lines = [[]]
        self._width = width
        self._column = 0
        self._reversed = False
        for part in re.findall(r"\x1b\[[0-9;]*[A-Za-z]|[^\x1b]", text):
            self._put(part)

    def _put(self, part):
        if part in (ON, OFF):
            self._reversed = part == ON
        elif part == "\x1b[K":
            del self.lines[-1][self._column:]
        elif part == "\r":
            self._column = 0
        elif part == "\n":
            self.lines.append([])
        else:
            check(not part.startswith("\x1b"), f"an escape sequence that is not known: {part!r}")
            if self._column == self._width:
                self.lines.append([])
                self._column = 0
            self.lines[-1][self._column:self._column + 1] = [(part, self._reversed)]
            self._column += 1

    def text(self):
        return ["".join(cell for cell, _ in line).rstrip() for line in self.lines]

    def digits(self):
        """The shapes of the eight large digits, as the cells that are reversed."""
        drawn = [line for line in self.lines if any(is_on for _, is_on in line)]
        lefts = [2 + 8 * i + (4 if i >= 4 else 0) for i in range(8)]
        return [tuple(any(is_on for _, is_on in line[left + 2 * cell:left + 2 * cell + 2])
                      for line in drawn for cell in range(3)) for left in lefts] if drawn else []


def _on_terminal(node, width, *arguments):
    words = " ".join(["stty", "cols", str(width), ";", "exec", program(), "pair", *arguments])
    return node.host.start(["script", "-qec", words, "/dev/null"], env=node.environment(),
                           name="terminal", typed=True)


def _code(shown):
    return "".join(shown.wait_line(CODE, lines=shown.out).groups())


def _wrong(code):
    return f"{(int(code) + 1) % 10 ** 8:08}"


def _screen(shown, width, status=0):
    check_equal(shown.wait(), status, f"status of pair\n{shown.said()}")
    return _Screen("\n".join(shown.out), width)


def shown_large(lab):
    """The code is drawn large and stands there as text; a wrong try is told; nothing is left of the
    countdown."""
    sender, receiver = lab.pair()
    shown = _on_terminal(receiver, 80)
    code = _code(shown)
    sender.run("pair", receiver.at, status=6, typed=_wrong(code))
    shown.wait_line("a wrong code was tried: 2 tries left", lines=shown.out)
    sender.run("pair", receiver.at, typed=f"{code[:4]}-{code[4:]}\n")
    screen = _screen(shown, 80)
    shapes = screen.digits()
    for i, shape in enumerate(shapes):
        for other in range(i):
            check_equal(shapes[other] == shape, code[other] == code[i], f"digits {other} and {i}")
    check_equal(len(shapes), 8, "large digits")
    text = screen.text()
    check(any(line.startswith("paired with ") for line in text), f"the end: {text}")
    check(not any(re.search(r"\d:\d\d left", line) for line in text), f"left over: {text}")
    check(re.search(r"\r\d:\d\d left", "\n".join(shown.out)), f"no countdown: {shown.said()}")


def shown_on_a_narrow_terminal(lab):
    """Where large digits do not fit there is the text alone; the countdown never wraps."""
    sender, receiver = lab.pair()
    shown = _on_terminal(receiver, 8)
    sender.run("pair", receiver.at, typed=_code(shown))
    screen = _screen(shown, 8)
    check_equal(screen.digits(), [], "large digits")
    left_over = [line for line in screen.text() if re.match(r"\d:\d\d", line)]
    check_equal(left_over, [], "left over of the countdown")


def stopped(lab):
    """Ctrl-C ends either side quietly with status 5, and the code with it."""
    sender, receiver = lab.pair()
    shown = _on_terminal(receiver, 80)
    code = _code(shown)
    asked = _on_terminal(sender, 80, receiver.at)
    asked.wait_line("type the code", lines=asked.out)
    for command in (asked, shown):
        command.type("\x03")
        text = _screen(command, 80, status=5).text()
        check("fxnode: stopped: nothing was paired" in text, f"after Ctrl-C: {text}")
        check(not any("left" in line for line in text), f"left over: {text}")
    sender.run("pair", receiver.at, status=3, typed=code)
    check_equal((sender.paired(), receiver.paired()), ({}, {}), "paired peers")


def typed_on_a_terminal(lab):
    """What is no code costs no try and is asked for again; a wrong one too, up to three times."""
    sender, receiver = lab.pair()
    shown = _on_terminal(receiver, 80)
    code = _code(shown)
    asked = _on_terminal(sender, 80, receiver.at)
    asked.wait_line("type the code", lines=asked.out)
    for line in ("12", "x" * 300, "1234 5678 9"):
        before = len(asked.out)
        asked.type(f"{line}\n")
        asked.wait_line("A code has 8 digits", lines=asked.out, after=before)
    for left in ("2 tries", "1 try"):
        asked.type(f"{_wrong(code)}\n")
        asked.wait_line(f"not the code: {left} left", lines=asked.out)
        shown.wait_line(f"wrong code was tried: {left} left", lines=shown.out)
    asked.type(f" {code[:4]} {code[4:]}\n")
    check(any("paired with " in line for line in _screen(asked, 80).text()), asked.said())
    _screen(shown, 80)
    check_equal(list(sender.paired().values()), [receiver.id.replace("-", "")], "paired peers")


def given_by_a_script(lab):
    """Elsewhere the code is one line of standard output, and the first line of standard input;
    JSON has an event for each step."""
    sender, receiver = lab.pair()
    for useless in ("", "1234567\n", "0" * 5000):
        shown = receiver.command("pair", "--json")
        code = shown.wait_event(lambda event: event["event"] == "pair-code", "a code")["code"]
        sender.run("pair", receiver.at, status=2, typed=useless)
        shown.stop()
    shown = receiver.command("pair")
    code = "".join(shown.wait_line(r"^(\d{4}) (\d{4})$", lines=shown.out).groups())
    given = sender.run("pair", "--json", receiver.at, status=6, typed=f"{_wrong(code)}\n{code}\n")
    check_equal([event["event"] for event in given.events()],
                ["pair-ask", "pair-ask", "result"], "events of a wrong code")
    given = sender.run("pair", "--json", receiver.at, typed=code)
    check_equal([event["event"] for event in given.events()],
                ["pair-ask", "peer", "result"], "events of the right code")
    check_equal(shown.wait(), 0, f"status of pair\n{shown.said()}")
    check("\x1b" not in "".join(shown.out), shown.said())


def said_of_a_peer(lab):
    """Lists tell who is paired and what an offer is; rename and unpair say what they did."""
    sender, receiver = lab.pair(receiver={"config": {"accept": "ask"}})
    sender.knows(receiver, "cellar")
    renamed = sender.run("rename", "cellar", "attic").out
    check_equal(renamed, [f"cellar is now called attic ({receiver.id[:8]})"], "rename")
    listed = "\n".join(sender.run("peers").out)
    check(re.search(rf"^NAME .*\nattic  {receiver.id[:8]}  away +paired", listed), listed)
    sender.run("send", "--detach", "--json", receiver.at, make_file(lab.path("file"), 1000))
    receiver.daemon.wait_line("offers")
    listed = "\n".join(receiver.run("transfers").out)
    check(re.search(rf"not paired; 1 entry for {receiver.files}; fxnode accept 1 or fxnode reject 1"
                    r", within 2\d:\d\d:\d\d$", listed), listed)
    said = sender.run("unpair", "attic").out
    check_equal(said, [f"forgot attic ({receiver.id[:8]}); 1 transfer with it is paused"], "unpair")
