#!/usr/bin/env bash
# espeak-ng 1.52 (espeakng-loader 0.2.4, phonemizer 3.4.0): a word of more than some 130 letters loses its end.
#
# Long chemical names, addresses without spaces and joined words are spoken up to about 132 phonemes; what is
# behind them is neither spoken nor reported, and the next word follows at once. All engines that use espeak-ng
# as their reader (Kokoro, Piper, StyleTTS) inherit it. Expected: all syllables, or an error. Seen: "banana" 80
# times gives as many phonemes as 23 times.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$work" \
    espeakng-loader==0.2.4 phonemizer==3.4.0
PYTHONPATH="$work" python3 - <<'PYTHON'
import sys

import espeakng_loader
from phonemizer.backend import EspeakBackend
from phonemizer.backend.espeak.wrapper import EspeakWrapper

EspeakWrapper.set_library(espeakng_loader.get_library_path())
EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
backend = EspeakBackend("en-us")
print("espeak-ng", ".".join(map(str, backend.version())))
lengths = {}
for count in (10, 20, 23, 40, 80):
    (said,) = backend.phonemize(["banana" * count + " end"], strip=True)
    lengths[count] = said.count("b")
    print(f"{6 * count} letters: {lengths[count]} of {count} syllables with a b, the next word is {said.split()[-1]!r}")
grows = lengths[20] == 20
sys.exit(0 if grows and lengths[80] == lengths[40] == lengths[23] < 23 else 1)
PYTHON
