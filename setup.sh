#!/bin/sh
# Builds, tries out, tests and installs fxnode on Debian 12 and its kin.
set -eu
cd "$(dirname "$0")"

BUILD="build-essential cmake ninja-build pkg-config protobuf-c-compiler libprotobuf-c-dev libsodium-dev
    libavahi-client-dev libavahi-core-dev libsqlite3-dev libuv1-dev libxxhash-dev libzstd-dev
    libjansson-dev libinih-dev libseccomp-dev libssl-dev"
DEMO="python3 iproute2"
TEST="check clang clang-format clang-tidy libclang-rt-14-dev cppcheck mandoc shellcheck python3 iproute2
    nftables avahi-daemon avahi-utils dbus-daemon fish zsh fuse3 libfuse3-dev e2fsprogs xfsprogs
    btrfs-progs"

usage() {
    cat <<'EOF'
usage: ./setup.sh demo              build, and send a file between two nodes that find each other
       ./setup.sh test              build in several ways and run every test
       ./setup.sh install [PREFIX]  build and install under PREFIX (default /usr/local)

Each installs what it needs from Debian with apt-get, where it is missing.
EOF
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "setup.sh: this needs root and there is no sudo: $*" >&2
        return 1
    fi
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# need PACKAGE...: installs those that are missing; nothing is run where none is.
need() {
    if ! command -v dpkg-query >/dev/null; then
        echo "setup.sh: not a Debian system; taking for granted what these packages hold:" "$@" >&2
        return 0
    fi
    missing=
    for package in "$@"; do
        is_installed "$package" || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    echo "Installing:$missing"
    as_root apt-get -q update
    # shellcheck disable=SC2086 # one word for each package
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $missing
}

# build DIRECTORY OPTION...: configures and builds, quietly unless it fails.
build() {
    directory=$1
    shift
    mkdir -p "$directory"
    if ! { cmake -G Ninja -S . -B "$directory" "$@" && cmake --build "$directory"; } \
        >"$directory/setup.log" 2>&1; then
        tail -n 60 "$directory/setup.log" >&2
        echo "setup.sh: the build in $directory failed; all of it is in $directory/setup.log" >&2
        return 1
    fi
}

demo() {
    # shellcheck disable=SC2086
    need $BUILD $DEMO
    echo "Building ..."
    build build/release -DCMAKE_BUILD_TYPE=Release -DFXNODE_TESTS=OFF
    exec python3 -B tests/scenarios/demo.py --program build/release/node/fxnode
}

run_tests() {
    # shellcheck disable=SC2086
    need $BUILD $TEST
    exec python3 -B tests/run/main.py
}

install_program() {
    # shellcheck disable=SC2086
    need $BUILD
    echo "Building ..."
    build build/release -DCMAKE_BUILD_TYPE=Release -DFXNODE_TESTS=OFF
    prefix=${1:-/usr/local}
    existing=$prefix
    while [ ! -e "$existing" ]; do
        existing=$(dirname "$existing")
    done
    if [ -w "$existing" ]; then
        cmake --install build/release --prefix "$prefix"
    else
        as_root cmake --install build/release --prefix "$prefix"
    fi
}

case "${1:-}" in
demo) demo ;;
test) run_tests ;;
install) install_program "${2:-}" ;;
-h | --help | help)
    usage
    ;;
*)
    usage >&2
    exit 2
    ;;
esac
