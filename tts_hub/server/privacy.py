"""Privacy of this computer: answers show the names of files, not their folders.

A path holds the user's name, and often more that clients should not know.
"""

from __future__ import annotations

import re
from pathlib import Path

PATH = re.compile(
    r"""(['"])/(?:[^/'"\n]+/)+([^/'"\n]*)\1|(?<![\w.:/~…-])/(?:[^\s/'"`,;:()<>]+/)+([^\s/'"`,;:()<>]*)"""
)
"""An absolute path of at least two parts: in quotes, or up to the next space."""


def without_folders(text: str) -> str:
    """The text with shorter paths: `~` for the user's own folder, and only the last part of others."""
    home = str(Path.home())
    if home != "/":
        text = text.replace(f"{home}/", "~/")
    return PATH.sub(_last_part, text)


def _last_part(found: re.Match[str]) -> str:
    quote, quoted, bare = found.groups(default="")
    return f"{quote}…/{quoted}{bare}{quote}"
