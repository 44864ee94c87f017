#!/usr/bin/env bash
# DNSMOS (speechmos 0.0.1.1): the score of a recording changes with its volume alone.
#
# Expected of a predictor of how natural speech sounds: the same samples at another gain get the same score, within
# noise (it is deterministic, so: exactly or nearly). Seen: four sentences of hibari-tts 0.2.1, none of them clipped
# at any gain, have a mean overall score of 3.30 at -19 dB RMS and 3.22 at -35 dB. Two systems that differ only in
# loudness differ by as much as many published comparisons. Kokoro has 3.25 at -19 LUFS and 3.32 at -22.
# The scores have to be compared at one level. The script fails if the difference is below 0.04.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check speechmos==0.0.1.1 librosa==0.11.0 \
  onnxruntime==1.32.0 requests==2.34.2 hibari-tts==0.2.1 soxr==1.1.0
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import soxr
from hibari import Hibari
from speechmos import dnsmos

TEXTS = (
    "The kettle is already boiling, so bring two cups and sit down.",
    "We left the windows open and the rain came in all night.",
    "She painted the kitchen yellow because the winters are dark here.",
    "Nobody knew where the key was, least of all the owner.",
)
print({name: version(name) for name in ("speechmos", "hibari-tts", "onnxruntime", "librosa")})
voice = Hibari()
takes = []
for text in TEXTS:
    takes.append(soxr.resample(np.asarray(voice(text), np.float32).reshape(-1), 24_000, 16_000))
means = {}
for level in (-19, -22, -28, -35):
    scores = []
    for take in takes:
        scaled = take * 10 ** ((level - 20 * np.log10(np.sqrt(np.mean(take**2)))) / 20)
        assert np.abs(scaled).max() <= 1, "it would be clipped"
        scores.append(float(dnsmos.run(scaled, 16_000)["ovrl_mos"]))
    means[level] = float(np.mean(scores))
    print(f"{level} dB RMS: {means[level]:.3f}")
sys.exit(0 if max(means.values()) - min(means.values()) >= 0.04 else 1)
PYTHON
