"""The watermark that marks speech as made by a machine.

The net is ours (`nets/perth.py`); its weights lie inside the wheel `resemble-perth`, which is not imported:
that needs librosa, torchaudio and an old setuptools, and without them gives no watermark and no error.

The mark is 16 dB below the speech. It survives MP3 at 32 kbit/s, resampling and cuts, but neither a changed
speed nor Opus at 16 kbit/s.
"""

from __future__ import annotations

import math
import pickle
import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tts_hub.errors import BackendUnavailableError, install_command
from tts_hub_chatterbox.files import layouts
from tts_hub_chatterbox.nets.perth import Perth, PerthConfig
from tts_hub_chatterbox.voices.reference import resample

Samples = NDArray[np.float32]

PACKAGE = "resemble-perth"
WEIGHTS = "perth/perth_net/pretrained/implicit/perth_net_250000.pth.tar"
"""The path of the weights inside the package."""
CONTEXT = 0.25
"""Seconds on each side that a mark depends on: convolutions 0.15, two half windows of 0.032, resampling."""
LOOKAHEAD = 0.16
"""Seconds to the right that a stream waits for. Later samples change less than 1e-4 of the peak; with 0.1 s
it is 2e-3, and with 0.05 s 3e-2."""
NOTHING: Samples = np.zeros(0, np.float32)


class Watermarker:
    """Marks speech and finds the mark, on the CPU and in float32. Has no state; threads may share it."""

    def __init__(self, net: Perth) -> None:
        self._net = net

    @classmethod
    def load(cls) -> Watermarker:
        """Load the weights of the installed wheel, mapped into memory.

        Raises:
            BackendUnavailableError: the wheel or its weights are missing or damaged.
        """
        file = _weights_file()
        with torch.device("meta"):
            net = Perth(PerthConfig())
        try:
            official = torch.load(file, map_location="cpu", weights_only=True, mmap=True)["model"]
            net.load_state_dict(_rename_tensors(official), assign=True)
        except (OSError, RuntimeError, EOFError, LookupError, TypeError, pickle.UnpicklingError) as exc:
            raise _unavailable(f"its weights {file} cannot be read: {exc}") from exc
        net.eval().requires_grad_(requires_grad=False)
        return cls(net)

    def apply(self, samples: Samples, sample_rate: int) -> Samples:
        """Mark samples (N,) at any rate; returns (N,)."""
        if len(samples) == 0:
            return samples
        with torch.inference_mode():
            marked = self._net.mark(self._native(samples, sample_rate))[0].numpy()
        return resample(marked, self._net.config.sample_rate, sample_rate)[: len(samples)]

    def confidence(self, samples: Samples, sample_rate: int) -> float:
        """The confidence that samples (N,) at any rate are marked: 0 to 1, 0 for silence.

        0.2 s are enough for more than 0.99; speech without a mark is below 0.05.
        """
        if len(samples) == 0:
            return 0.0
        with torch.inference_mode():
            found = float(self._net.detect(self._native(samples, sample_rate)))
        return 0.0 if math.isnan(found) else min(max(found, 0.0), 1.0)

    def stream(self, sample_rate: int) -> WatermarkStream:
        """A watermark stream for one stream of speech."""
        return WatermarkStream(self, sample_rate)

    @property
    def frames_per_second(self) -> int:
        """Frames of the spectrum in a second."""
        return self._net.config.sample_rate // self._net.config.hop

    def _native(self, samples: Samples, sample_rate: int) -> Tensor:
        """(N,) -> (1, N') at the net's rate, long enough for one window."""
        config = self._net.config
        native = resample(np.asarray(samples, np.float32), sample_rate, config.sample_rate)
        shortest = config.n_fft // 2 + 1
        return torch.from_numpy(np.pad(native, (0, max(0, shortest - len(native)))))[None]


class WatermarkStream:
    """Marks speech piece by piece, 0.16 s behind it; in sum as `Watermarker.apply` marks it.

    Each piece is marked with 0.25 s on its left and 0.16 s on its right, so it takes the time of 0.4 s more.
    Where that matters, give it pieces of half a second or longer.
    """

    def __init__(self, watermarker: Watermarker, sample_rate: int) -> None:
        self._watermarker = watermarker
        self._sample_rate = sample_rate
        # Pieces begin on whole frames, or their spectra would be of other moments than those of the whole.
        self._grid = sample_rate // math.gcd(sample_rate, watermarker.frames_per_second)
        self._context = self._whole_frames(CONTEXT * sample_rate)
        self._lookahead = self._whole_frames(LOOKAHEAD * sample_rate)
        self._kept = NOTHING
        """The samples that are not marked yet, behind up to 0.25 s that are."""
        self._marked = 0
        """How many of the kept samples were returned."""

    def needed(self, count: int) -> int:
        """How many samples must be pushed from a stream's beginning until so many are returned."""
        return self._whole_frames(count) + self._lookahead

    def push(self, samples: Samples) -> Samples:
        """Take samples (N,); returns those that can be marked by now, at first none."""
        self._kept = np.concatenate((self._kept, samples))
        ready = len(self._kept) - self._marked - self._lookahead
        return self._emit(max(0, ready // self._grid * self._grid))

    def finish(self, samples: Samples = NOTHING) -> Samples:
        """Take the last samples (N,); returns the rest. One single piece is marked as by `apply`."""
        self._kept = np.concatenate((self._kept, samples))
        return self._emit(len(self._kept) - self._marked)

    def _whole_frames(self, samples: float) -> int:
        """So many samples, rounded up to whole frames."""
        return math.ceil(samples / self._grid) * self._grid

    def _emit(self, count: int) -> Samples:
        if count == 0:
            return NOTHING
        end = self._marked + count
        marked = self._watermarker.apply(self._kept, self._sample_rate)[self._marked : end]
        forgotten = max(0, end - self._context)
        self._kept, self._marked = self._kept[forgotten:], end - forgotten
        return marked


def _weights_file() -> Path:
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError as exc:
        raise _unavailable(f"the package {PACKAGE} is missing") from exc
    return Path(str(package.locate_file(WEIGHTS)))


def _rename_tensors(official: dict[str, Tensor]) -> dict[str, Tensor]:
    layout = layouts.WATERMARK
    return {
        layout.rename(name): tensor
        for name, tensor in official.items()
        if not any(re.search(pattern, name) for pattern in layout.unused)
    }


def _unavailable(reason: str) -> BackendUnavailableError:
    return BackendUnavailableError(
        f"cannot watermark: {reason}", backend="chatterbox", remedy=install_command("chatterbox")
    )
