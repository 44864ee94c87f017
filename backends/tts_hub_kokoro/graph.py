"""The ONNX graph, with one call for all families of published exports.

| export | tokens | speed | outputs |
|---|---|---|---|
| kokoro-onnx, first release | `tokens` | float, v1.1-zh: integer | `audio` |
| kokoro-onnx, since 2026 | `input_ids` | float | `waveform`, `duration` |
| onnx-community | `input_ids` | float | `waveform` |
| onnx-community, timestamped | `input_ids` | float | `waveform`, `durations` |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tts_hub.errors import GenerationError
from tts_hub.types import Samples
from tts_hub_kokoro.files import unusable
from tts_hub_kokoro.settings import KokoroSettings
from tts_hub_kokoro.variants import MODEL

if TYPE_CHECKING:
    import onnxruntime

TOKEN_INPUTS = ("input_ids", "tokens")
DURATION_OUTPUTS = ("duration", "durations", "pred_dur")
PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
REMEDIES = {"cuda": "pip install onnxruntime-gpu", "coreml": "pip install --upgrade onnxruntime"}


@dataclass(frozen=True, slots=True)
class Signature:
    """The inputs and outputs of a graph."""

    tokens: str
    """Name of the input that takes the tokens."""
    dtypes: dict[str, np.dtype[Any]]
    """Number types of the inputs, by name."""
    audio: int
    """Index of the output with the samples."""
    durations: int | None
    """Index of the output with the frames of each token; None: there is none."""

    @property
    def whole_speeds(self) -> bool:
        """Whether the speed is a whole number, so that only 1 is useful."""
        return self.dtypes["speed"].kind in "iu"


@dataclass(frozen=True, slots=True)
class Inference:
    """The output of one call."""

    samples: Samples
    """Shape (T,), in [-1, 1]."""
    durations: NDArray[np.int64] | None
    """Shape (N + 2,): frames for each token; None where the graph does not have this output."""


class Run:
    """One call of the graph, which another thread can stop."""

    def __init__(self) -> None:
        import onnxruntime  # slow to import

        self.options = onnxruntime.RunOptions()
        self.stopped = False

    def stop(self) -> None:
        """End the call at its next node."""
        self.stopped = True
        self.options.terminate = True


class Graph:
    """A loaded graph; several threads may run it at once."""

    def __init__(self, session: onnxruntime.InferenceSession, signature: Signature) -> None:
        self.session = session
        self.signature = signature

    def infer(self, tokens: Sequence[int], style: Samples, speed: float, run: Run) -> Inference:
        """Speak N `tokens` with a style (1, 256). Blocking.

        Raises:
            GenerationError: the graph failed, was stopped, or gave no finite numbers.
        """
        dtypes = self.signature.dtypes
        feed = {
            self.signature.tokens: np.array([[0, *tokens, 0]], dtypes[self.signature.tokens]),
            "style": style.astype(dtypes["style"]),
            "speed": np.array([speed], dtypes["speed"]),
        }
        try:
            outputs = self.session.run(None, feed, run.options)
        except Exception as exc:
            # The errors of onnxruntime have no common base class but Exception.
            raise GenerationError(f"Kokoro: onnxruntime failed: {exc}", backend=MODEL) from exc
        samples = np.asarray(outputs[self.signature.audio], np.float32).reshape(-1)
        if not np.isfinite(samples).all():
            raise GenerationError("Kokoro: the model generated samples that are not numbers", backend=MODEL)
        return Inference(np.clip(samples, -1, 1), self._durations(outputs, len(tokens)))

    def _durations(self, outputs: Sequence[Any], tokens: int) -> NDArray[np.int64] | None:
        if self.signature.durations is None:
            return None
        durations: NDArray[np.int64] = np.asarray(outputs[self.signature.durations]).reshape(-1)
        return durations.round().astype(np.int64) if len(durations) == tokens + 2 else None


def load_graph(file: Path, settings: KokoroSettings, remedy: str) -> Graph:
    """Read a graph onto its device. Blocking, a second or two.

    Raises:
        BackendUnavailableError: the file is not a Kokoro graph, or the provider is missing.
    """
    import onnxruntime  # slow to import

    provider = _provider(settings.provider, onnxruntime.get_available_providers())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads or 0
    # With it, each length of text would leave a memory plan behind.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=_with_cpu(provider))
    except Exception as exc:
        # As above: no common base class.
        raise unusable(f"{file} cannot be loaded: {exc}", remedy) from exc
    if session.get_providers()[0] != provider:  # onnxruntime falls back to the processor silently
        message = f"onnxruntime cannot use {provider} on this machine"
        raise unusable(message, 'set provider = "cpu" in [backends.kokoro]')
    return Graph(session, _signature(session, file, remedy))


def _provider(wanted: str, available: Sequence[str]) -> str:
    """onnxruntime's name of the provider to run on."""
    if wanted == "auto":
        return PROVIDERS["cuda"] if PROVIDERS["cuda"] in available else PROVIDERS["cpu"]
    if PROVIDERS[wanted] not in available:
        message = f"the installed onnxruntime has no {PROVIDERS[wanted]}, only {', '.join(available)}"
        raise unusable(message, REMEDIES.get(wanted, ""))
    return PROVIDERS[wanted]


def _with_cpu(provider: str) -> list[str]:
    """The provider, and the processor for the nodes that it does not support."""
    return [provider] if provider == PROVIDERS["cpu"] else [provider, PROVIDERS["cpu"]]


def _signature(session: onnxruntime.InferenceSession, file: Path, remedy: str) -> Signature:
    from kokoro_onnx.session import input_dtypes  # imports onnxruntime, which is slow

    dtypes = input_dtypes(session)
    outputs = [output.name for output in session.get_outputs()]
    tokens = next((name for name in TOKEN_INPUTS if name in dtypes), "")
    durations = next((n for n, name in enumerate(outputs) if name in DURATION_OUTPUTS), None)
    audio = next((n for n in range(len(outputs)) if n != durations), None)
    if set(dtypes) != {tokens, "style", "speed"} or audio is None:
        found = f"inputs {', '.join(dtypes)}, outputs {', '.join(outputs)}"
        raise unusable(f"{file} is not a Kokoro graph: {found}", remedy)
    return Signature(tokens, dtypes, audio, durations)
