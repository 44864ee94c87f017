"""What answers show of this computer: the names of files, not their folders.

A path has the user's name in it, and often more of what is none of a client's business.
"""

from __future__ import annotations

import re
from pathlib import Path

PATH = re.compile(
    r"""(['"])/(?:[^/'"\n]+/)+([^/'"\n]*)\1|(?<![\w.:/~…-])/(?:[^\s/'"`,;:()<>]+/)+([^\s/'"`,;:()<>]*)"""
)
"""An absolute path of at least two parts: in quotes, or up to the next space."""


def without_folders(text: str) -> str:
    """Paths below the user's own folder begin with `~`; of others the last part is left."""
    home = str(Path.home())
    if home != "/":
        text = text.replace(f"{home}/", "~/")
    return PATH.sub(_last_part, text)


def _last_part(found: re.Match[str]) -> str:
    quote, quoted, bare = found.groups(default="")
    return f"{quote}…/{quoted}{bare}{quote}"
