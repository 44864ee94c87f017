"""The ONNX graph of a voice: phonemes to spectra and durations, and the waveform that hibari makes of them.

Legend: N symbols with the marks around them, B bins of a spectrum (601), F frames, T = 300 F samples.
Durations count frames of 600 samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tts_hub.audio.limits import HEADROOM
from tts_hub.errors import GenerationError
from tts_hub.onnx.graph import copy_with_outputs
from tts_hub.onnx.session import Run, session_options
from tts_hub.types import Samples
from tts_hub_hibari.dimensions import FRAME_SAMPLES, MODEL
from tts_hub_hibari.files import unusable

if TYPE_CHECKING:
    import onnxruntime

INPUTS = {"ids", "speed"}
SPECTRA = ("lh", "theta", "ln", "lr", "phi", "f0")
"""Outputs with the five parts of the spectrum [1, B, F] and the pitch [1, F], in the order of hibari's
synthesis."""
DURATIONS = "/Clip_output_0"
"""The tensor of version 0.2 with the frames of each symbol [N], which is no output of the published graph."""
LENGTHS = "/Sub_output_0"
"""The tensor with the same before it is divided by the speed, rounded, and brought to at least 1."""


@dataclass(frozen=True, slots=True)
class Inference:
    """The output of one call."""

    samples: Samples
    """Shape (T,), within `HEADROOM`."""
    durations: NDArray[np.int64] | None
    """Shape (N,): frames of each symbol, T / 600 in all; None where the graph does not give them."""


class Graph:
    """A loaded voice; several threads may run it at once."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self.session = session
        self.has_durations = DURATIONS in {output.name for output in session.get_outputs()}

    def infer(self, ids: Sequence[int], speed: float, seed: Sequence[int], run: Run) -> Inference:
        """Speak N symbols; the noise in the voice is drawn from `seed`. Blocking.

        Raises:
            GenerationError: the graph failed, was stopped, or gave no finite numbers.
        """
        from hibari.dsp import synth  # imports scipy where that is installed, which is slow

        wanted = [*SPECTRA, DURATIONS] if self.has_durations else list(SPECTRA)
        outputs = self._run(wanted, ids, speed, run)
        if run.stopped:
            raise GenerationError("hibari: the request was stopped", backend=MODEL)
        spectra = [output[0] for output in outputs[: len(SPECTRA)]]
        samples = np.asarray(synth(*spectra, np.random.default_rng(seed)), np.float32)
        if not np.isfinite(samples).all():
            raise GenerationError("hibari: the model generated samples that are not numbers", backend=MODEL)
        durations = _checked(outputs[-1], len(ids), len(samples)) if self.has_durations else None
        return Inference(np.clip(samples, -HEADROOM, HEADROOM), durations)

    def lengths(self, ids: Sequence[int], run: Run) -> NDArray[np.float32]:
        """The lengths of N symbols in frames at speed 1, before they are rounded. Blocking.

        Only the part of the graph that predicts them is run: half of its time.

        Raises:
            GenerationError: the graph failed or was stopped.
        """
        run.options.only_execute_path_to_fetches = True
        try:
            return np.asarray(self._run([LENGTHS], ids, 1.0, run)[0], np.float32).reshape(-1)
        finally:
            run.options.only_execute_path_to_fetches = False

    def _run(self, outputs: Sequence[str], ids: Sequence[int], speed: float, run: Run) -> list[Any]:
        feed = {"ids": np.array([ids], np.int64), "speed": np.array([speed], np.float32)}
        try:
            return list(self.session.run(outputs, feed, run.options))
        except Exception as exc:
            # The errors of onnxruntime have no common base class but Exception.
            raise GenerationError(f"hibari: onnxruntime failed: {exc}", backend=MODEL) from exc


def load_graph(file: Path, threads: int, remedy: str) -> Graph:
    """Read the graph of a voice, with its durations as an output where it has them. Blocking, 0.2 s.

    Raises:
        BackendUnavailableError: the file is not a graph of hibari.
        ImportError: onnxruntime cannot be imported.
    """
    import onnxruntime  # slow to import

    def graph_of(path: Path) -> Graph:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return Graph(session)

    options = session_options(threads)
    try:
        try:
            with copy_with_outputs(file, (DURATIONS, LENGTHS)) as copy:
                graph = graph_of(copy)
        except Exception:  # noqa: BLE001 - as in `_run`; a later version may call the tensors otherwise
            graph = graph_of(file)
    except Exception as exc:
        raise unusable(f"{file} cannot be loaded: {exc}", remedy) from exc
    inputs = {given.name for given in graph.session.get_inputs()}
    outputs = {given.name for given in graph.session.get_outputs()}
    if inputs != INPUTS or not outputs >= set(SPECTRA):
        found = f"inputs {', '.join(sorted(inputs))}, outputs {', '.join(sorted(outputs))}"
        raise unusable(f"{file} is not a graph of hibari: {found}", remedy)
    return graph


def _checked(durations: Any, symbols: int, samples: int) -> NDArray[np.int64] | None:
    """The durations as integers; None if they are not those of this audio."""
    frames: NDArray[np.int64] = np.asarray(durations).reshape(-1).round().astype(np.int64)
    return frames if len(frames) == symbols and frames.sum() * FRAME_SAMPLES == samples else None


def tokens_of(phonemes: str, vocabulary: Mapping[str, int]) -> list[int]:
    """The token of each symbol, with the marks around them."""
    return [0, *(vocabulary[symbol] for symbol in phonemes), 0]
