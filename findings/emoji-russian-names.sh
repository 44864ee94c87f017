#!/usr/bin/env bash
# emoji 2.16.0 (PyPI): many Russian names have lost the breve of their й.
#
# A program that shows or speaks `emoji.demojize(text, language="ru")` gets words that are none: "черныи" for
# "чёрный". No Russian word ends in "ыи", so those are counted. Names with a whole й exist beside them, so the
# data is mixed. Expected: no such word. Seen: 659 names.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$work" emoji==2.16.0
PYTHONPATH="$work" python3 - <<'PYTHON'
import re
import sys

import emoji

emoji.config.load_language("ru")
names = {data["ru"] for data in emoji.EMOJI_DATA.values() if "ru" in data}
broken = sorted(name for name in names if re.search("ыи(?![а-я])", name))
whole = [name for name in names if "й" in name]
print(f"{len(names)} names, {len(whole)} with a whole й, {len(broken)} that end a word in ыи, such as {broken[:2]}")
print("demojize:", emoji.demojize("👍🏿", language="ru"))
sys.exit(0 if len(broken) > 100 and whole else 1)
PYTHON
