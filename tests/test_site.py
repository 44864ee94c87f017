"""The documentation site names every public name; `make docs` builds it and checks its links."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import tts_hub

PAGES = sorted((Path(__file__).parent.parent / "docs" / "reference").glob("*.md"))
TEXT = "".join(page.read_text(encoding="utf-8") for page in PAGES)
DESCRIBED = re.findall(r"^::: ([\w.]+)$", TEXT, flags=re.MULTILINE)


def test_every_public_name_is_in_the_reference() -> None:
    names = {name.removeprefix("tts_hub.") for name in DESCRIBED}
    assert set(tts_hub.__all__) - {"TTSHubError"} <= names  # it is on the page of `errors`


def test_nothing_is_described_twice() -> None:
    assert len(DESCRIBED) == len(set(DESCRIBED))


@pytest.mark.parametrize("name", DESCRIBED)
def test_what_is_described_exists(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute) or importlib.import_module(name)
