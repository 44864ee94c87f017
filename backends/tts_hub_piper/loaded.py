"""The voices in memory: loaded when they are first needed, and the ones used last kept."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import anyio
import numpy as np
from anyio import to_thread
from numpy.typing import NDArray

from tts_hub.download.folders import unsound_of
from tts_hub.errors import UnsupportedLanguageError
from tts_hub.progress import ProgressCallback, ProgressEvent
from tts_hub_piper.espeak import Espeak
from tts_hub_piper.graph import Graph, Run, Scales, load_graph
from tts_hub_piper.ids import ids_of
from tts_hub_piper.official import MODEL
from tts_hub_piper.reading import Reader
from tts_hub_piper.speed import TYPICAL
from tts_hub_piper.voice_config import VoiceConfig, language_of, unusable
from tts_hub_piper.voices import DescribedVoice

NUMBERS = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20."


@dataclass(frozen=True, slots=True)
class LoadedVoice:
    """A voice that can speak."""

    name: str
    config: VoiceConfig
    graph: Graph
    reader: Reader
    lengths: NDArray[np.float32]
    """Lengths of symbols in frames at the scale 1, before they are rounded up, as this voice speaks them."""


class VoiceMemory:
    """At most `most` loaded voices. A voice that is dropped stays with the requests that it is speaking."""

    def __init__(self, most: int, threads: int | None, espeak: Espeak) -> None:
        self._most = most
        self._espeak = espeak
        self._threads = threads
        self._voices: OrderedDict[str, LoadedVoice] = OrderedDict()
        self._loading = anyio.Lock()

    async def get(self, voice: DescribedVoice, on_progress: ProgressCallback) -> LoadedVoice:
        """The voice, loaded now if it is not in memory.

        Raises:
            BackendUnavailableError: a file is damaged or no voice.
        """
        name = voice.files.name
        async with self._loading:
            if name not in self._voices:
                on_progress(ProgressEvent("loading", backend=MODEL, message=f"reading {name}"))
                loaded = await to_thread.run_sync(_load, voice, self._threads, self._espeak)
                while len(self._voices) >= self._most:
                    self._voices.popitem(last=False)
                self._voices[name] = loaded
            self._voices.move_to_end(name)
            return self._voices[name]


def _load(voice: DescribedVoice, threads: int | None, espeak: Espeak) -> LoadedVoice:
    """Check the files, load the graph and let it speak once. Blocking, about a second."""
    files = voice.files
    if damaged := unsound_of(files.places):
        names = ", ".join(place.file.name for place in damaged)
        raise unusable(f"{names} in {files.graph.parent} is damaged: its checksum is wrong", files.remedy)
    graph = load_graph(files.graph, threads=threads, remedy=files.remedy)
    reader = Reader(voice.config, language_of(files.name, voice.config), espeak)
    return LoadedVoice(files.name, voice.config, graph, reader, _lengths(voice.config, graph, reader))


def _lengths(config: VoiceConfig, graph: Graph, reader: Reader) -> NDArray[np.float32]:
    """The lengths of the symbols of some numbers, which every language reads.

    The same for the same voice: what it has spoken before must not change how it speaks.
    """
    try:
        spoken = reader.read(NUMBERS).utterances
    except UnsupportedLanguageError:  # each request will say so
        return TYPICAL
    usual = config.inference
    scales = Scales(usual.noise_scale, 1.0, usual.noise_w)
    found = [
        graph.infer(ids_of(each.symbols, config)[0], config.default_speaker_id, scales, (0,), Run()).lengths
        for each in spoken
    ]
    return np.concatenate([lengths for lengths in found if lengths is not None] or [TYPICAL])
