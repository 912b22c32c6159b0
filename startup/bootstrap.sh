# Sourced by ./startup/demo and ./tests/run. $root is the repository.

# enter EXTRA COMMAND...: becomes COMMAND inside .venv, after setting that up if needed (startup/bootstrap.py).
# EXTRA names an extra of setup.cfg, or is empty. There is one process all the way: a signal always reaches it.
enter() {
    unset PYTHONHOME PYTHONPATH
    found=$(find_python) || exit 1
    exec "$found" "$root/startup/bootstrap.py" "$@"
}

# The first Python that is new enough and can make a virtual environment. $PYTHON, if set, is the only candidate.
find_python() {
    seen=
    set -- python3.13 python3.12 python3.11 python3.14 python3 python
    if [ -n "${PYTHON-}" ]; then set -- "$PYTHON"; fi
    for name; do
        command -v "$name" >/dev/null 2>&1 || continue
        if ! version=$("$name" -V 2>&1); then
            seen="$seen
    $name: does not run"
        elif ! "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            seen="$seen
    $name: $version is too old"
        elif ! "$name" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            seen="$seen
    $name: has no venv module (Debian and Ubuntu: apt install python3-venv)"
        else
            command -v "$name"
            return 0
        fi
    done
    cat >&2 <<MESSAGE
Python 3.11 or newer with its venv module is needed. Found:${seen:-
    nothing${PYTHON:+ that runs at PYTHON=$PYTHON}}
Install one, or name it: PYTHON=/path/to/python3.12 $0
MESSAGE
    return 1
}
