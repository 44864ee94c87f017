"""The official checkpoints, in repositories of the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MODEL = "phonon"
"""Name of the model in a request."""
NON_COMMERCIAL = "CC BY-NC 4.0: no commercial use"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A published checkpoint."""

    repository: str
    licence: str
    """The licence of the weights, for people to read."""
    languages: tuple[str, ...]
    """BCP 47 tags."""
    revision: str = "main"
    gated: bool = False
    """It is open only to people who have accepted its terms on its page."""


CHECKPOINTS: Mapping[str, Checkpoint] = {
    "31m-en": Checkpoint(
        "gradium/phonon-31m-en", "Apache-2.0", ("en",), "8c64b55ec301728e2d1695bfea87a08a267d0c2d"
    ),
    "40m-en": Checkpoint("gradium/phonon-40m-en", NON_COMMERCIAL, ("en",), gated=True),
    "40m-fr": Checkpoint("gradium/phonon-40m-fr", NON_COMMERCIAL, ("fr",), gated=True),
    "40m-multilingual": Checkpoint(
        "gradium/phonon-40m-multilingual", NON_COMMERCIAL, ("en", "fr", "de", "es", "pt"), gated=True
    ),
    "pocket": Checkpoint(
        "kyutai/pocket-tts-without-voice-cloning",
        "CC BY 4.0",
        ("en",),
        "8843db76457a91db32077edf8dfcd1c0e3e755fd",
    ),
    "pocket-cloning": Checkpoint("kyutai/pocket-tts", "CC BY 4.0", ("en",), gated=True),
}
"""Name -> checkpoint, the usual one first. Revisions are those that the package itself uses."""
USUAL = next(iter(CHECKPOINTS))


def pull_command(name: str = USUAL) -> str:
    """The command that downloads a checkpoint."""
    return f"tts-hub models pull {MODEL}{'' if name == USUAL else f':{name}'}"
