#!/bin/sh
# Make the hash locks anew from pyproject.toml: `./run sh lock.sh [--upgrade]`. They hold no address of any package index.
set -eu
cd "$(dirname "$0")"
lock() { uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate "$@"; }
lock pyproject.toml --extra tables --extra htcondor --extra pool --extra sweep -o requirements.lock "$@"
lock pyproject.toml --extra tables --extra htcondor --extra pool --extra sweep --extra wandb --extra zstd --group dev -c requirements.lock -o requirements-dev.lock "$@"
lock requirements-peers.in -c requirements.lock -o requirements-peers.lock "$@"
