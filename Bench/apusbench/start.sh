# Starts a module of apusbench with a Python that can run it. To be sourced: start MODULE ARGUMENT...

python_is_good() {
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

install_python() {
    echo "Installing Python ..." >&2
    local sudo=""
    if [ "$(id -u)" -ne 0 ]; then sudo="sudo"; fi
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null
}

start() {
    local module=$1
    shift
    if ! python_is_good; then install_python; fi
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$(dirname "${BASH_SOURCE[0]}")/.." exec python3 -m "$module" "$@"
}
