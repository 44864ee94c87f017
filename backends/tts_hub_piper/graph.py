"""The graph of a voice in onnxruntime.

| input | type | content |
|---|---|---|
| `input` | int64 [1, N] | the ids of the symbols |
| `input_lengths` | int64 [1] | N |
| `scales` | float32 [3] | noise of the sound, length, noise of the rhythm |
| `sid` | int64 [1] | the speaker, in graphs with several |
| `noise` | float32 [any] | the noise itself, added by `onnx_edit` |

Outputs are the samples, and the lengths of the ids in frames where `onnx_edit` finds them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tts_hub.audio.limits import HEADROOM
from tts_hub.errors import GenerationError
from tts_hub.onnx.session import Run, session_options
from tts_hub.types import Samples
from tts_hub_piper.official import MODEL
from tts_hub_piper.onnx_edit import NOISE, EditedGraph, edit
from tts_hub_piper.voice_config import unusable

if TYPE_CHECKING:
    import onnxruntime

NEEDED = {"input", "input_lengths", "scales"}
SPEAKER = "sid"
NOISE_NUMBERS = 1 << 18
"""Random numbers for one call, used again from the first where it needs more: for over 15 s of speech."""


@dataclass(frozen=True, slots=True)
class Scales:
    """The numbers that vary a voice."""

    noise: float
    length: float
    rhythm_noise: float


@dataclass(frozen=True, slots=True)
class Inference:
    """The output of one call."""

    samples: Samples
    """Shape (T,), within `HEADROOM`."""
    frames: NDArray[np.int64] | None
    """Shape (N,): frames of each id; None where the graph does not have this output."""
    lengths: NDArray[np.float32] | None
    """Shape (N,): the same before they were rounded up."""


class Graph:
    """A loaded graph; several threads may run it at once."""

    def __init__(self, session: onnxruntime.InferenceSession, edited: EditedGraph) -> None:
        self.session = session
        self.inputs = frozenset(each.name for each in session.get_inputs())
        self.takes_noise = edited.takes_noise
        audio = session.get_outputs()[0].name
        self._outputs = [audio, *filter(None, (edited.frames, edited.lengths))]

    def infer(
        self, ids: Sequence[int], speaker: int | None, scales: Scales, seed: Sequence[int], run: Run
    ) -> Inference:
        """Speak N `ids`. The same `seed` gives the same noise. Blocking.

        Raises:
            GenerationError: the graph failed, was stopped, or gave no finite numbers.
        """
        feed: dict[str, Any] = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array([scales.noise, scales.length, scales.rhythm_noise], np.float32),
        }
        if SPEAKER in self.inputs:
            feed[SPEAKER] = np.array([speaker or 0], np.int64)
        if self.takes_noise:
            feed[NOISE] = np.random.default_rng(seed).standard_normal(NOISE_NUMBERS, np.float32)
        try:
            outputs = self.session.run(self._outputs, feed, run.options)
        except Exception as exc:
            # The errors of onnxruntime have no common base class but Exception.
            raise GenerationError(f"Piper: onnxruntime failed: {exc}", backend=MODEL) from exc
        samples = np.asarray(outputs[0], np.float32).reshape(-1)
        if not np.isfinite(samples).all():
            raise GenerationError("Piper: the voice generated samples that are not numbers", backend=MODEL)
        frames, lengths = (_flat(outputs, n, len(ids)) for n in (1, 2))
        whole = None if frames is None else frames.round().astype(np.int64)
        return Inference(np.clip(samples, -HEADROOM, HEADROOM), whole, lengths)


def load_graph(file: Path, *, threads: int | None, remedy: str) -> Graph:
    """Read a graph. Blocking, a second or two.

    Raises:
        BackendUnavailableError: the package is missing, or the file is cut off, damaged or no Piper voice.
    """
    import onnxruntime  # slow to import

    options = session_options(threads)
    try:
        edited = edit(file.read_bytes())
        with tempfile.TemporaryDirectory(prefix="tts-hub-") as folder:
            # From a file: onnxruntime keeps a copy of a model that it gets as bytes.
            copy = Path(folder) / file.name
            copy.write_bytes(edited.data)
            edited = replace(edited, data=b"")
            providers = ["CPUExecutionProvider"]
            session = onnxruntime.InferenceSession(str(copy), options, providers=providers)
    except Exception as exc:
        # As above: no common base class.
        raise unusable(f"{file} cannot be loaded: {exc}", remedy) from exc
    graph = Graph(session, edited)
    if not NEEDED <= graph.inputs <= NEEDED | {SPEAKER, NOISE}:
        raise unusable(
            f"{file} is not a Piper voice: its inputs are {', '.join(sorted(graph.inputs))}", remedy
        )
    return graph


def _flat(outputs: Sequence[Any], index: int, ids: int) -> NDArray[np.float32] | None:
    """An output with a number for each id."""
    if index >= len(outputs):
        return None
    flat = np.asarray(outputs[index], np.float32).reshape(-1)
    return flat if len(flat) == ids else None
