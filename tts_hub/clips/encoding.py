"""Clips as they are kept: FLAC of 24 bits, one channel, without any data of the file that was given."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from tts_hub.audio.filter import resampled
from tts_hub.clips.decoding import Clip
from tts_hub.errors import AudioError

if TYPE_CHECKING:
    from av import AudioStream

HIGHEST_RATE = 48_000
"""Hz. No engine uses more."""
FULL_SCALE = 2**23
LOW_BITS = 8
"""FFmpeg keeps 24 bits at the upper end of 32."""
FRAME_SAMPLES = 4_096


def encode_clip(clip: Clip) -> bytes:
    """Encode a clip, at no more than 48 kHz. Sound of 16 and 24 bits is kept exactly. Blocks.

    The same samples give the same bytes with one version of FFmpeg.

    Raises:
        AudioError: the encoder failed.
    """
    import av  # slow to import

    rate = min(clip.sample_rate, HIGHEST_RATE)
    samples = resampled(clip.samples, clip.sample_rate, rate)
    scaled = np.rint(np.clip(samples.astype(np.float64), -1, 1) * FULL_SCALE)
    whole = np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int32) << LOW_BITS  # (T,)
    file = io.BytesIO()
    try:
        with av.open(file, "w", format="flac", options={"fflags": "+bitexact"}) as container:
            stream: AudioStream = container.add_stream("flac", rate=rate, layout="mono")
            stream.codec_context.format = av.AudioFormat("s32")
            stream.codec_context.thread_count = 1
            for start in range(0, len(whole), FRAME_SAMPLES):
                part = whole[None, start : start + FRAME_SAMPLES]  # (1, N)
                frame = av.AudioFrame.from_ndarray(part, format="s32", layout="mono")
                frame.sample_rate = rate
                frame.pts = start
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    except av.FFmpegError as exc:
        raise AudioError(f"a clip cannot be encoded: {exc}") from exc
    return file.getvalue()
