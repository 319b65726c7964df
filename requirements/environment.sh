# Sourced by ./run and ./test, which have gone to the repository's root: makes .venv hold exactly what a lock file
# says. Nothing but POSIX sh and a Python is assumed, so this also works on a bare Debian, in a chroot and on macOS.

say() { printf '%s\n' "$*" >&2; }
die() { say "fenxiao: $*"; exit 1; }

find_python() {
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.14 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

is_root() { [ "$(id -u)" = 0 ]; }

# Debian splits venv (in truth ensurepip) off into a package of its own.
need_python() {
    if ! python=$(find_python); then
        is_root && command -v apt-get >/dev/null 2>&1 && install_debian python3-venv
        python=$(find_python) || die 'Python 3.11 or newer is needed; install it, or name it in PYTHON=/path/to/python3.'
    fi
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        if is_root && command -v apt-get >/dev/null 2>&1; then
            install_debian "python$version-venv"
        fi
        "$python" -c 'import ensurepip, venv' 2>/dev/null ||
            die "this Python lacks venv and ensurepip; install them first (Debian, Ubuntu: sudo apt-get install python$version-venv)."
    fi
}

install_debian() {
    say "fenxiao: installing $* (apt-get)"
    export DEBIAN_FRONTEND=noninteractive
    # The package lists of a fresh image are empty or old; an unreachable list is no reason to stop here.
    apt-get update -qq >&2 || say 'fenxiao: apt-get update failed; going on with the lists at hand.'
    apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "$@" >&2 ||
        die "apt-get could not install: $*"
}

# sync LOCK: runtime or dev. The lock that was installed last lies in .venv as a copy: comparing it costs nothing.
sync() {
    if [ -x .venv/bin/python ] && cmp -s "requirements/$1.txt" ".venv/.installed-$1.txt"; then
        return 0
    fi
    # Two first starts at once must not fill one folder. mkdir is the only lock that every system has; its owner is
    # asked after, so that one left by a kill does not stop anybody.
    until mkdir .venv.lock 2>/dev/null; do
        [ -d .venv.lock ] || die "cannot write to $(pwd); the environment .venv is made there."
        owner=$(cat .venv.lock/pid 2>/dev/null || :)
        if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then
            rm -rf .venv.lock
        else
            sleep 1
        fi
    done
    echo $$ >.venv.lock/pid
    trap 'rm -rf .venv.lock' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    if ! cmp -s "requirements/$1.txt" ".venv/.installed-$1.txt" || [ ! -x .venv/bin/python ]; then
        install "$1"
    fi
    rm -rf .venv.lock
    trap - EXIT INT TERM
}

install() {
    say "fenxiao: preparing the environment .venv ($1), once"
    if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        need_python
        rm -rf .venv
        "$python" -m venv .venv || die 'python -m venv failed; see above.'
    fi
    if ! cmp -s requirements/uv.txt .venv/.installed-uv.txt; then
        .venv/bin/python -m ensurepip --upgrade >/dev/null 2>&1 || :
        rm -rf .venv/.uv
        .venv/bin/python -m pip --disable-pip-version-check install --quiet --no-warn-script-location \
            --require-hashes --target .venv/.uv -r requirements/uv.txt >&2 ||
            die 'pip could not install uv; see above. Is a package index reachable?'
        cp requirements/uv.txt .venv/.installed-uv.txt
    fi
    # uv does not read pip's settings; whoever uses a mirror has said so to pip.
    if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
        mirror=${PIP_INDEX_URL:-$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || :)}
        [ -z "$mirror" ] || export UV_DEFAULT_INDEX="$mirror"
    fi
    rm -f .venv/.installed-runtime.txt .venv/.installed-dev.txt
    # Pip stays, so that a later change of uv's own pin can be followed.
    # Copies where links are impossible: the cache may lie on another file system.
    UV_PYTHON_DOWNLOADS=never .venv/.uv/bin/uv --quiet pip install --exact --python .venv/bin/python \
        --require-hashes -r "requirements/$1.txt" >&2 ||
        die 'uv could not install the locked packages; see above.'
    # A relative line: the folder may be moved, or mounted elsewhere.
    for site in .venv/lib/python3*/site-packages; do
        echo ../../../../src >"$site/fenxiao.pth"
    done
    # dev holds all of runtime at the same pins.
    [ "$1" = runtime ] || cp requirements/runtime.txt .venv/.installed-runtime.txt
    cp "requirements/$1.txt" ".venv/.installed-$1.txt"
}
