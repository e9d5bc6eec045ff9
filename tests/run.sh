#!/bin/sh
# `./run test [--all] [pytest arguments]`: every check, cheapest first; all are run, and any failure fails.
set -u
cd "$(dirname "$0")/.."
long="not long"
if [ "${1:-}" = --all ]; then long=""; shift; fi
bad=0
check() { printf '%s\n' "== $*"; "$@" || bad=1; }
if [ $# -eq 0 ]; then
    check ruff check -q .
    check ruff format -q --check .
    check mypy
    check lint-imports
fi
rm -f .coverage .coverage.*
check python -m pytest -q -n "${PYTEST_WORKERS:-3}" --dist worksteal -m "$long" ${1:+"$@"} \
    $([ $# -eq 0 ] && echo --cov --cov-report=term)
exit $bad
