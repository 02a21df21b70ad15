#!/usr/bin/env bash
# Runs once, as root, when Gradescope builds the image: Python, PyTorch for the CPU, the grader.
set -euo pipefail

root="${AUTOGRADER_ROOT:-/autograder}"
torch_index="${AUTOGRADER_TORCH_INDEX:-https://download.pytorch.org/whl/cpu}"
export DEBIAN_FRONTEND=noninteractive PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
export GRADER_CACHE="$root/cache"

apt-get update -q
# libseccomp2 is a layer of the sandbox; tzdata knows the time zone in which work is due.
apt-get install -qy --no-install-recommends python3 python3-venv python3-pip libseccomp2 tzdata

if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    echo "The grader needs Python 3.10: choose Ubuntu 22.04 or later as base image." >&2
    exit 1
fi
python3 -m venv "$root/venv"
python="$root/venv/bin/python"
"$python" -m pip install --quiet --upgrade pip
# torch comes first: the build on PyPI brings gigabytes for GPUs, and Gradescope has none.
"$python" -m pip install --quiet torch torchvision --index-url "$torch_index"
"$python" -m pip install --quiet "$root"/source/*.whl

# What can be wrong with an assignment should stop here, and not with the first student.
"$python" -I -m grader.gradescope_run "$root" --prepare
