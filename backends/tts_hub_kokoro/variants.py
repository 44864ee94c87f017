"""The published files of Kokoro-82M v1.0, in the releases of the project kokoro-onnx.

Sizes and SHA-256 are those of the release `model-files-v1.1`: a different file is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from tts_hub.download.folders import PublishedFile

MODEL = "kokoro"
"""Name of the model in a request."""
PULL_COMMAND = f"tts-hub models pull {MODEL}"
"""The command that downloads the usual variant."""
RELEASE = "https://github.com/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.1"
VOICES = PublishedFile(
    "voices-v1.0.bin", 28_214_398, "bca610b8308e8d99f32e6fe4197e7ec01679264efed0cac9140fe9c29f1fbf7d"
)
GRAPHS: Mapping[str, PublishedFile] = {
    "fp32": PublishedFile(
        "kokoro-v1.0.onnx", 325_505_369, "beb0d1848dee9a49da392cc3df26958d46cfa35d321edf434f52949153f0df3a"
    ),
    "fp16": PublishedFile(
        "kokoro-v1.0.fp16.onnx",
        163_527_961,
        "f3a290d384fbb27966d462905c71a46cef9e5fd00516b40df32a0b4afe77ac96",
    ),
    "int8": PublishedFile(
        "kokoro-v1.0.int8.onnx",
        114_119_327,
        "ae315a79b623f244700e4afb9246c46a26066782e049ba174bf3ba433970ee9c",
    ),
}
"""Variant -> graph, the most exact one first."""
