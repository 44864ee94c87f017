"""The documentation site names every public name; `make docs` builds it and checks its links."""

from __future__ import annotations

import re
from pathlib import Path

import tts_hub

PAGES = Path(__file__).parent.parent / "docs" / "reference"


def test_every_public_name_is_in_the_reference() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES.glob("*.md"))
    named = re.findall(r"^::: tts_hub\.(\w+)$", text, flags=re.MULTILINE)
    assert len(named) == len(set(named))
    assert set(tts_hub.__all__) - {"TTSHubError"} == set(named) - {"types"}  # it is in `errors`
