"""The official voices: those of https://huggingface.co/rhasspy/piper-voices that can be spoken here.

`official.tsv` is the list of that repository (its `voices.json`, as of November 2026) with sizes in bytes
and MD5 digests. Voices that need another reader than espeak-ng are left out: Hebrew, Japanese, Thai, and two
Chinese ones.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tts_hub.download.folders import PublishedFile

MODEL = "piper"
"""Name of the model in a request."""
RELEASE = "https://huggingface.co/rhasspy/piper-voices/resolve/main"
USUAL = "en_US-joe-medium"
"""The voice that `tts-hub models pull piper` fetches; the recordings behind it are in the public domain."""
CARD = "MODEL_CARD"
"""Name of the file in which the repository states the origin and the licence of a voice."""


@dataclass(frozen=True, slots=True)
class OfficialVoice:
    """One voice of the list."""

    name: str
    """Such as `en_US-joe-medium`: language, name and quality."""
    speakers: int
    graph: PublishedFile
    config: PublishedFile
    card: PublishedFile

    @property
    def folder(self) -> str:
        """Its folder in the repository, such as `en/en_US/joe/medium`."""
        language, name, quality = self.name.split("-")
        return f"{language.partition('_')[0]}/{language}/{name}/{quality}"

    @property
    def files(self) -> tuple[PublishedFile, ...]:
        """Its files, the small ones first."""
        return self.card, self.config, self.graph


def pull_command(voice: str = "") -> str:
    """The command that downloads a voice, or the usual one."""
    return f"tts-hub models pull {MODEL}{f':{voice}' if voice else ''}"


@cache
def official_voices() -> Mapping[str, OfficialVoice]:
    """Name -> voice, the usual one first, then by name."""
    text = files(__package__).joinpath("official.tsv").read_text(encoding="utf-8")
    voices = map(_voice, csv.DictReader(text.splitlines(), delimiter="\t"))
    return {voice.name: voice for voice in sorted(voices, key=lambda v: (v.name != USUAL, v.name))}


def _voice(row: Mapping[str, str]) -> OfficialVoice:
    def file(name: str, kind: str) -> PublishedFile:
        return PublishedFile(name, int(row[f"{kind}_size"]), sha256="", md5=row[f"{kind}_md5"])

    name = row["voice"]
    graph, config = file(f"{name}.onnx", "onnx"), file(f"{name}.onnx.json", "json")
    return OfficialVoice(name, int(row["speakers"]), graph, config, file(CARD, "card"))
