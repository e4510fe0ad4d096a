#!/bin/sh
# Installs Holdfast into a directory of its own, as the image has it: install.sh DIRECTORY [EXTRAS].
# Builds the wheel of the sources that this script lies in, makes DIRECTORY a virtual environment without
# pip, and installs the wheel there with everything pinned. Nothing in DIRECTORY is written later: the
# modules are compiled here.
set -eu

target=$1
extras=${2:-embedded,postgres,mysql}
source=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

pip() {
    python3 -m pip --quiet --disable-pip-version-check --no-cache-dir "$@"
}

pip wheel --no-deps --wheel-dir "$work" "$source"
python3 -m venv --without-pip "$target"
pip --python "$target/bin/python" install --compile \
    --constraint "$source/constraints.txt" "$(echo "$work"/holdfast-*.whl)[$extras]"
