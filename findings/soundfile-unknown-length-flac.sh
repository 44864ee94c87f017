#!/usr/bin/env bash
# A FLAC whose STREAMINFO says 0 samples ("unknown", RFC 9639 section 8.2) cannot be read by soundfile.
#
# Every encoder that writes to a pipe or a socket leaves that 0, as it cannot go back. FFmpeg decodes the file.
# libsndfile 1.2.2, in soundfile 0.14.0, takes the length for 2^63-1 frames: info() reports it, read() raises
# "array is too big". Reading a number of frames that is smaller than the file works.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet soundfile==0.14.0 av==18.1.0 numpy==2.4.6 2>/dev/null
cat > show.py <<'PY'
import av
import numpy as np
import soundfile


class Pipe:
    """A sink that cannot seek."""

    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += bytes(data)
        return len(data)


pipe = Pipe()
with av.open(pipe, "w", format="flac") as container:
    stream = container.add_stream("flac", rate=24000, layout="mono")
    tone = (8000 * np.sin(np.arange(24000) / 20)).astype(np.int16)[None]
    frame = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
    frame.sample_rate = 24000
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
open("piped.flac", "wb").write(pipe.data)
assert int.from_bytes(pipe.data[18:26], "big") & (1 << 36) - 1 == 0, "the header says a length"
with av.open("piped.flac") as container:
    print("FFmpeg decodes", sum(frame.samples for frame in container.decode(audio=0)), "samples")
print("libsndfile", soundfile.__libsndfile_version__, "reports", soundfile.info("piped.flac").frames, "frames")
assert soundfile.info("piped.flac").frames == 2**63 - 1
try:
    soundfile.read("piped.flac")
except (ValueError, MemoryError) as exc:
    print("read() raises", type(exc).__name__ + ":", exc)
else:
    raise SystemExit("read() works now")
print("read(frames=1000) gives", len(soundfile.read("piped.flac", frames=1000)[0]))
PY
venv/bin/python show.py
