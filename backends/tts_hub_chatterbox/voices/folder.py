"""The clips of a folder as voices. Importing this, and listing voices, needs no torch."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tts_hub.clips.decoding import CLIP_SUFFIXES
from tts_hub.errors import ConfigError, UnknownVoiceError, one_of, shown
from tts_hub.types import Voice

DEFAULT_VOICE = "default"
"""The id of the voice that comes with the weights, in conds.pt."""
LANGUAGE = "en"
VOICE_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
logger = logging.getLogger(__name__)


class VoiceFolder:
    """The clips of a folder as voices: `anna.mp3` is the voice `anna`. Other files are ignored.

    A clip whose name no voice can have does not affect the others: it is logged once, and the error for a
    request that names it says what to do.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._logged: set[str] = set()

    def clips(self) -> Mapping[str, Path]:
        """Voice id -> clip, sorted by name, as the folder is now.

        Raises:
            ConfigError: no such folder.
        """
        return {
            stem: paths[0] for stem, paths in self._by_stem().items() if not self._log_problem(stem, paths)
        }

    def clip(self, voice_id: str) -> Path:
        """The clip of a voice. The id is looked up among those listed and never becomes part of a path.

        Raises:
            UnknownVoiceError: no such voice.
            ConfigError: no such folder.
        """
        clips = self.clips()
        if voice_id not in clips:
            what = self.problem(voice_id) or one_of(voice_id, clips)
            raise UnknownVoiceError(f"unknown voice {shown(voice_id)}; {what}")
        return clips[voice_id]

    def voices(self) -> tuple[Voice, ...]:
        """The voices of all clips, sorted by name.

        Raises:
            ConfigError: no such folder.
        """
        return tuple(
            Voice(voice_id, voice_id, LANGUAGE, description=f"cloned from {path.name}")
            for voice_id, path in self.clips().items()
        )

    def problem(self, name: str) -> str:
        """Why clips of a name, in upper or lower case, are no voice; empty if there is no such problem.

        Raises:
            ConfigError: no such folder.
        """
        problems = (
            _problem(stem, paths)
            for stem, paths in self._by_stem().items()
            if stem.casefold() == name.casefold()
        )
        return next(filter(None, problems), "")

    def _log_problem(self, stem: str, paths: Sequence[Path]) -> bool:
        """Whether clips of one name have a problem, which is logged once."""
        problem = _problem(stem, paths)
        if problem and problem not in self._logged:
            self._logged.add(problem)
            logger.warning("voices_folder %s: %s", self._folder, problem)
        return bool(problem)

    def _by_stem(self) -> Mapping[str, Sequence[Path]]:
        found: dict[str, list[Path]] = {}
        for path in self._files():
            found.setdefault(path.stem, []).append(path)
        return found

    def _files(self) -> list[Path]:
        if self._folder is None:
            return []
        try:
            return sorted(
                path
                for path in self._folder.iterdir()
                if path.suffix.casefold() in CLIP_SUFFIXES
                and not path.name.startswith(".")
                and path.is_file()
            )
        except OSError as exc:
            raise ConfigError(f"voices_folder {self._folder}: {exc.strerror or exc}") from exc


def _problem(stem: str, paths: Sequence[Path]) -> str:
    """Why clips of one name are no voice, and what to do about it; empty if there is no problem."""
    if not VOICE_ID.fullmatch(stem) or stem == DEFAULT_VOICE:
        return (
            f"{paths[0].name} cannot become a voice: rename it to lower-case letters, digits, - and _, "
            f"at most 64, and not {DEFAULT_VOICE!r}"
        )
    if len(paths) > 1:
        return f"{' and '.join(path.name for path in paths)} would be the same voice: rename or remove one"
    return ""
