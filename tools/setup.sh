#!/bin/sh
# Makes .venv ready for `run`, `bench` or `test`; when it is, this takes a blink and says nothing.
#
# The venv belongs to one Python (PYTHON, else python3) and is made anew for another. What Debian's packages
# have to bring is installed with apt where that is allowed (root, or sudo without a password), else named.
set -eu
cd "$(dirname "$0")/.."
purpose=$1
python=${PYTHON:-python3}
venv=.venv

say() { printf '%s\n' "$*" >&2; }
stop() { say "$*"; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

install_packages() {
    if ! command -v apt-get >/dev/null; then
        stop "Please install what Debian calls: $* (this system has no apt-get). Then try again."
    elif ! as_root true 2>/dev/null; then
        stop "Please install what is missing, then try again:  sudo apt-get install $*"
    fi
    say "Installing Debian packages: $*"
    log=$(mktemp)
    as_root apt-get update >"$log" 2>&1 </dev/null || true  # an old list may do
    if ! as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        stop "apt-get could not install: $*"
    fi
    rm -f "$log"
}

# The servers to measure beside: without those that cannot be had, `make bench` goes without them, and says so.
install_peers() {
    missing=
    for peer in ngircd inspircd redis-server nats-server; do
        (PATH=$PATH:/usr/sbin && has $peer) || missing="$missing $peer"
    done
    for peer in $missing; do
        (install_packages $peer) || say "Measuring without $peer."
    done
}

can() { "$python" -c "$1" 2>/dev/null; }
has() { command -v "$1" >/dev/null; }

# The Debian packages that are missing for this purpose, one a line.
missing_packages() {
    can 'import ensurepip' || "$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'
    [ "$purpose" = run ] && return
    echo '#include <stdio.h>' | cc -E - >/dev/null 2>&1 || printf 'gcc\nlibc6-dev\n'
    [ "$purpose" = bench ] && return
    can 'import tkinter' || echo python3-tk
    has tmux || echo tmux
    has nc || echo netcat-openbsd
    has telnet || echo telnet
    has busybox || echo busybox
    has irssi || echo irssi
    has weechat || has weechat-curses || echo weechat-curses
    NODE_PATH=/usr/share/nodejs node -e 'require("ws")' 2>/dev/null || echo node-ws
    has strace || echo strace
    has faketime || echo faketime
    has systemd-analyze || echo systemd
    has ip || echo iproute2
    has Xvfb || echo xvfb
    has xdotool || echo xdotool
    has import || echo imagemagick
    has chromium || printf 'chromium\nfonts-noto-color-emoji\n'
    [ -n "$(fc-list 2>/dev/null)" ] || echo fonts-dejavu-core fontconfig
}

# A part of Debian's package prometheus, whose server nobody wants here. Where it cannot be had, a test does less.
fetch_promtool() {
    if has promtool || [ -x $venv/bin/promtool ] || ! has apt-get || ! has dpkg-deb; then return; fi
    folder=$(mktemp -d)
    if (cd "$folder" && apt-get download prometheus && dpkg-deb -x prometheus_*.deb .) >/dev/null 2>&1 </dev/null; then
        cp "$folder/usr/bin/promtool" $venv/bin/
    else
        say "There is no promtool here: the figures are looked at by Prometheus' Python reader alone."
    fi
    rm -rf "$folder"
}

can 'import sys' || stop "There is no $python here that runs. The chat needs Python 3.11 or newer."
can 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    stop "$python is $("$python" -V 2>&1); the chat needs Python 3.11 or newer. Try: PYTHON=python3.12 make $purpose"

requirements=requirements.txt
[ "$purpose" = test ] && requirements=requirements-dev.txt
stamp=$venv/ready-$purpose

identity() { "$1" -c 'import sys; print(sys.version, sys.base_prefix)' 2>/dev/null; }
state() { identity "$python"; cat requirements.txt requirements-dev.txt tools/setup.sh | cksum; }
if [ "$(cat "$stamp" 2>/dev/null)" = "$(state)" ] && [ -x $venv/bin/python ]; then
    exit 0
fi

packages=$(missing_packages)
# shellcheck disable=SC2086  # one word each
[ -z "$packages" ] || install_packages $packages
[ "$purpose" != bench ] || install_peers
if [ "$purpose" = test ]; then
    can 'import tkinter' || stop "$python has no tkinter, and Debian's python3-tk is for Debian's own: try PYTHON=/usr/bin/python3"
fi

if [ "$(identity $venv/bin/python)" != "$(identity "$python")" ]; then
    say "Making $venv with $("$python" -V)"
    "$python" -m venv --clear $venv
fi
say "Installing $requirements into $venv"
$venv/bin/python -m pip install --quiet --disable-pip-version-check -r $requirements
[ "$purpose" != test ] || fetch_promtool
state >$venv/ready-new
[ "$purpose" != test ] || cp $venv/ready-new $venv/ready-run  # what tests have, running has
mv $venv/ready-new "$stamp"
