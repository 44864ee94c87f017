#!/usr/bin/env bash
# speechmos 0.0.1.1 (PyPI): installing it brings none of the packages that it imports.
#
# `pip install speechmos` and `from speechmos import dnsmos` end in ModuleNotFoundError: librosa, onnxruntime and
# requests are imported and stand in no metadata. `pip check` finds nothing wrong either. Expected: an install
# that can be imported. Seen: no Requires-Dist at all, and the import fails.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check speechmos==0.0.1.1
"$work/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import requires, version

needs = requires("speechmos")
print("speechmos", version("speechmos"), "requires", needs)
try:
    from speechmos import dnsmos  # noqa: F401
except ModuleNotFoundError as exc:
    print("import:", exc)
    sys.exit(0 if not needs else 1)
print("import: works")
sys.exit(1)
PYTHON
"$work/venv/bin/python" -m pip check
