"""The ONNX graph, with one call for all families of published exports.

| export | tokens | speed | outputs |
|---|---|---|---|
| kokoro-onnx, first release | `tokens` | float, v1.1-zh: integer | `audio` |
| kokoro-onnx, since 2026 | `input_ids` | float | `waveform`, `duration` |
| onnx-community | `input_ids` | float | `waveform` |
| onnx-community, timestamped | `input_ids` | float | `waveform`, `durations` |

All of them compute the durations. Where they are no output, they become one when the graph is loaded.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tts_hub.audio.limits import HEADROOM
from tts_hub.errors import GenerationError
from tts_hub.onnx.graph import copy_with_outputs, read_graph
from tts_hub.onnx.session import Run, session_options
from tts_hub.types import Samples
from tts_hub_kokoro.dimensions import FRAME_SAMPLES
from tts_hub_kokoro.files import unusable
from tts_hub_kokoro.settings import KokoroSettings
from tts_hub_kokoro.variants import MODEL

if TYPE_CHECKING:
    import onnxruntime

TOKEN_INPUTS = ("input_ids", "tokens")
DURATION_OUTPUTS = ("duration", "durations", "pred_dur")
LIMITS = {"Clip", "Max"}
"""Operations that raise numbers to a least one."""
PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
logger = logging.getLogger(__name__)
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
    """Index of the output with the frames of each token; None: there is none, and none could be added."""

    @property
    def whole_speeds(self) -> bool:
        """Whether the speed is a whole number, so that only 1 is useful."""
        return self.dtypes["speed"].kind in "iu"


@dataclass(frozen=True, slots=True)
class Inference:
    """The output of one call."""

    samples: Samples
    """Shape (T,), within `HEADROOM`."""
    durations: NDArray[np.int64] | None
    """Shape (N + 2,): frames for each token, T / 600 in all; None where the graph does not give them."""


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
        return Inference(
            np.clip(samples, -HEADROOM, HEADROOM), self._durations(outputs, len(tokens) + 2, len(samples))
        )

    def _durations(self, outputs: Sequence[Any], tokens: int, samples: int) -> NDArray[np.int64] | None:
        """The durations; None if they are not those of this audio."""
        if self.signature.durations is None:
            return None
        given: NDArray[np.float64] = np.asarray(outputs[self.signature.durations], np.float64).reshape(-1)
        frames = given.round().astype(np.int64)
        return frames if len(frames) == tokens and frames.sum() * FRAME_SAMPLES == samples else None


def load_graph(file: Path, settings: KokoroSettings, remedy: str) -> Graph:
    """Read a graph onto its device. Blocking, a second or two.

    Raises:
        BackendUnavailableError: the file is not a Kokoro graph, or the provider is missing.
    """
    import onnxruntime  # slow to import

    provider = _provider(settings.provider, onnxruntime.get_available_providers())
    options, providers = session_options(settings.threads), _with_cpu(provider)
    try:
        session, durations = _session_with_durations(file, options, providers)
    except Exception as exc:
        # As above: no common base class.
        raise unusable(f"{file} cannot be loaded: {exc}", remedy) from exc
    if session.get_providers()[0] != provider:  # onnxruntime falls back to the processor silently
        message = f"onnxruntime cannot use {provider} on this machine"
        raise unusable(message, 'set provider = "cpu" in [backends.kokoro]')
    return Graph(session, _signature(session, durations, file, remedy))


def _session_with_durations(
    file: Path, options: onnxruntime.SessionOptions, providers: Sequence[str]
) -> tuple[onnxruntime.InferenceSession, str]:
    """A session, and the tensor with the durations if that has become an output."""
    import onnxruntime

    if durations := inner_durations(file):
        try:
            with copy_with_outputs(file, (durations,)) as copy:
                return onnxruntime.InferenceSession(str(copy), options, providers=providers), durations
        except Exception as exc:  # noqa: BLE001 - as above; its weights may lie in files beside it
            logger.info("%s is loaded without its durations: %s", file.name, exc)
    return onnxruntime.InferenceSession(str(file), options, providers=providers), ""


def inner_durations(file: Path) -> str:
    """The tensor with the durations in a graph that does not give them; empty if it is not found.

    The model rounds them and raises them to at least 1: it is the only limit on what a `Round` gives, in the
    published graphs `/encoder/Clip_output_0`.
    """
    try:
        nodes, outputs = read_graph(file)
    except (OSError, ValueError):  # onnxruntime says what is wrong with it
        return ""
    rounded = {name for node in nodes if node.kind == "Round" for name in node.outputs}
    limited = [node.outputs[0] for node in nodes if node.kind in LIMITS and rounded & set(node.inputs)]
    return limited[0] if len(limited) == 1 and not outputs & set(DURATION_OUTPUTS) else ""


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


def _signature(session: onnxruntime.InferenceSession, inner: str, file: Path, remedy: str) -> Signature:
    from kokoro_onnx.session import input_dtypes  # imports onnxruntime, which is slow

    dtypes = input_dtypes(session)
    outputs = [output.name for output in session.get_outputs()]
    tokens = next((name for name in TOKEN_INPUTS if name in dtypes), "")
    durations = next((n for n, name in enumerate(outputs) if name in {*DURATION_OUTPUTS, inner}), None)
    audio = next((n for n in range(len(outputs)) if n != durations), None)
    if set(dtypes) != {tokens, "style", "speed"} or audio is None:
        found = f"inputs {', '.join(dtypes)}, outputs {', '.join(outputs)}"
        raise unusable(f"{file} is not a Kokoro graph: {found}", remedy)
    return Signature(tokens, dtypes, audio, durations)
