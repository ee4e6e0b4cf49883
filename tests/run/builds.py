"""Builds of the project and the tests that run in each."""

import json
import os
import subprocess
import tempfile

CLANG = "-DCMAKE_C_COMPILER=clang"

# Scenarios that are worth the time under sanitizers: every kind of process and message, small data.
UNDER_ASAN = "^(unit|fuzz)/|^scenario/(send|commands|discovery)/"
UNDER_TSAN = "^unit/(base|node|session|store)|^scenario/send/"
# They take several times as long there, and so many random trees (session-trees) are enough.
UNDER_SANITIZERS = {"FXNODE_LAB_PATIENCE": "4", "FXNODE_TREES": "12"}

# What the thread sanitizer is not to report, each with its reason.
TSAN_SILENCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tsan.txt")


def _build(results, preset, *options, wanted=None):
    """Configures and builds; False where that failed. `wanted` are suites and scenarios as for
    CTest's -R: nothing is built but the program and these suites."""
    if not results.command(f"{preset}/configure", ["cmake", "--preset", preset, *options]):
        return False
    targets = ["--target", "fxnode", *_suites(f"build/{preset}", wanted)] if wanted else []
    return results.command(f"{preset}/build", ["cmake", "--build", "--preset", preset, *targets])


def _suites(directory, wanted):
    """The programs of the suites (fxnode_suite in cmake/testing.cmake) among these tests."""
    told = subprocess.run(["ctest", "--test-dir", directory, "--show-only=json-v1", "-R", wanted,
                           "-L", "^suite$"], stdout=subprocess.PIPE, check=True).stdout
    return [f"test-{test['name'].removeprefix('unit/')}" for test in json.loads(told)["tests"]]


def _steady_addresses():
    """The sanitizers of Debian 12 cannot place their shadow where the kernel randomises more bits
    of an address than they know: run without, where the system lets us."""
    prefix = ["setarch", os.uname().machine, "--addr-no-randomize"]
    works = subprocess.run([*prefix, "true"], capture_output=True).returncode == 0
    return prefix if works else []


def dev(results):
    """gcc, warnings are errors: every test."""
    if _build(results, "dev"):
        results.ctest("dev", "build/dev")


def plain(results):
    """Without what is only faster with it: complete, and says so."""
    script = ('cmake --preset dev -B build/plain -DFXNODE_LIBCRYPTO=OFF && '
              'cmake --build build/plain --target test-node-common test-tunnel')
    if results.command("plain/build", ["sh", "-c", script]):
        results.ctest("plain", "build/plain", "-R", "^unit/(tunnel|node-common)$")


def asan(results):
    """clang, warnings are errors, address and undefined-behaviour sanitizers."""
    if _build(results, "asan", CLANG):
        results.ctest("asan", "build/asan", "-R", UNDER_ASAN, prefix=_steady_addresses(), env={
            "ASAN_OPTIONS": "detect_stack_use_after_return=1",
            "UBSAN_OPTIONS": "print_stacktrace=1", **UNDER_SANITIZERS})


def tsan(results):
    """clang, thread sanitizer: what has threads, that is sessions and the store."""
    if _build(results, "tsan", CLANG, wanted=UNDER_TSAN):
        results.ctest("tsan", "build/tsan", "-R", UNDER_TSAN, prefix=_steady_addresses(), env={
            "TSAN_OPTIONS": f"second_deadlock_stack=1:suppressions={TSAN_SILENCES}",
            **UNDER_SANITIZERS})


def install(results):
    """The release build, installed into an empty prefix, is complete and runs."""
    if not _build(results, "release"):
        return
    wanted = ("bin/fxnode", "libexec/fxnode/fxnode-daemon", "libexec/fxnode/fxnode-session",
              "libexec/fxnode/fxnode-discovery", "share/man/man1/fxnode.1",
              "share/man/man5/fxnode.conf.5", "share/man/man7/fxnode-protocol.7")
    with tempfile.TemporaryDirectory() as prefix:
        results.command("install", ["cmake", "--install", "build/release", "--prefix", prefix])
        for path in wanted:
            results.add(f"install/{path}", os.path.exists(os.path.join(prefix, path)))
        results.command("install/version", [os.path.join(prefix, "bin/fxnode"), "--version"])
        # Its parts are found where they were installed.
        results.command("install/daemon", [os.path.join(prefix, "bin/fxnode"), "daemon", "--help"])
