"""The ids that a graph takes for symbols."""

from __future__ import annotations

from collections.abc import Sequence

from tts_hub_piper.voice_config import END, START, VoiceConfig


def ids_of(symbols: Sequence[str], config: VoiceConfig) -> tuple[list[int], list[int]]:
    """The ids of N symbols, and the places (N + 1,) of their first ids and of the id behind the last one.

    The pad stands behind every symbol but the mark of the end.
    """
    table, pad = config.phoneme_id_map, config.pad
    ids = [*table.get(START, ()), *pad]
    places = list[int]()
    for symbol in symbols:
        places.append(len(ids))
        ids += [*table[symbol], *pad]
    return [*ids, *table.get(END, ())], [*places, len(ids)]
