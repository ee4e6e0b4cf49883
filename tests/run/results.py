"""What came of the tests: counted, with reasons, from programs and from CTest."""

import os
import re
import subprocess
import tempfile
import xml.etree.ElementTree

# Most tests wait for disks, timers and other processes: so many at a time for each processor.
TESTS_PER_JOB = 5

# What CTest says of tests that begin, and of those that passed: `12/411 Test  #7: unit/... Passed`.
BEGUN = re.compile(r" +Start +\d+: ")
PASSED = re.compile(r" *(\d+)/(\d+) Test +#\d+: .* Passed +[0-9.]+ sec$")
PROGRESS = 50


class Results:
    """`jobs` is how many things run at a time."""

    def __init__(self, jobs):
        self.jobs = jobs
        self.passed = 0
        self.failed = []   # names
        self.skipped = []  # (name, reason)

    def add(self, name, ok):
        if ok:
            self.passed += 1
        else:
            self.failed.append(name)
            print(f"   FAILED: {name}", flush=True)
        return ok

    def skip(self, name, reason):
        self.skipped.append((name, reason))

    def command(self, name, argv, env=None):
        """Runs a program that counts as one test; what it says is shown where it fails."""
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              env={**os.environ, **(env or {})})
        if done.returncode != 0:
            print("\n".join(done.stdout.splitlines()[-100:]), flush=True)
        return self.add(name, done.returncode == 0)

    def ctest(self, name, directory, *options, env=None, prefix=()):
        """Runs CTest in a build directory; each of its tests counts."""
        with tempfile.TemporaryDirectory() as temporary:
            report = os.path.join(temporary, "report.xml")
            status = _show([*prefix, "ctest", "--test-dir", directory, "--output-on-failure", "-j",
                            str(TESTS_PER_JOB * self.jobs), "--output-junit", report,
                            "--no-tests=error", *options], {**os.environ, **(env or {})})
            if not os.path.exists(report):
                self.add(f"{name}/ctest", False)
                return
            failures = self._read(name, report)
        if status != 0 and not failures:
            self.add(f"{name}/ctest", False)

    def _read(self, name, report):
        """Counts the tests of a JUnit report; returns how many failed."""
        before = len(self.failed)
        for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
            full = f"{name}/{case.get('name')}"
            if case.get("status") == "run":
                self.passed += 1
            elif case.find("skipped") is not None and case.get("status") == "notrun":
                self.skip(full, _reason(case))
            else:
                self.failed.append(full)
        return len(self.failed) - before

    def conclude(self):
        for name in self.failed:
            print(f"failed: {name}")
        for name, reason in self.skipped:
            print(f"skipped: {name}: {reason}")
        print(f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped")
        return 1 if self.failed else 0


def _show(argv, env):
    """Runs CTest and shows what it says, but of tests that passed only how many; returns its status."""
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          errors="replace", env=env) as popen:
        for line in popen.stdout:
            passed = PASSED.match(line)
            if passed and int(passed[1]) % PROGRESS == 0:
                print(f"   {passed[1]} of {passed[2]}", flush=True)
            elif not passed and not BEGUN.match(line):
                print(line, end="", flush=True)
    return popen.returncode


def _reason(case):
    """The line in which the test says why it was skipped."""
    for line in (case.findtext("system-out") or "").splitlines():
        if line.startswith("SKIPPED: "):
            return line.removeprefix("SKIPPED: ")
    return case.find("skipped").get("message") or "no reason given"
