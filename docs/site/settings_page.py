"""config.toml as a page: its comments become text, its settings become code, its tables get headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

HEAD = re.compile(r"\[([^]\n]+)\]")
SWITCHED_OFF = re.compile(r"# (\[|[\w.\"*-]+ = )")
"""A setting, or the head of a table, behind the sign of a comment."""
PAGE = re.compile(r"\bdocs/[\w-]+\.md\b")


def page_of_settings(text: str) -> str:
    """The page in Markdown."""
    return (
        "\n\n".join(["# Settings", *(block for part in text.split("\n\n") for block in blocks(part))]) + "\n"
    )


def blocks(part: str) -> Iterator[str]:
    """Headings, paragraphs and code of the lines between two blank ones."""
    lines = part.splitlines()
    yield from (f"## `[{head[1]}]`" for line in lines if (head := HEAD.fullmatch(line)))
    for kind, run in groupby((line for line in lines if not HEAD.fullmatch(line)), kind_of):
        if kind == "text":
            yield paragraph(" ".join(line.removeprefix("# ") for line in run))
        elif kind == "list":
            yield "\n".join(["```text", *(line.removeprefix("#   ") for line in run), "```"])
        elif kind == "toml":
            yield "\n".join(["```toml", *run, "```"])


def kind_of(line: str) -> str:
    """Whether a line is a setting, text, a row of an indented list, or empty."""
    if line.startswith("#   "):
        return "list"
    if not line.startswith("#") or SWITCHED_OFF.match(line):
        return "toml"
    return "text" if line != "#" else "empty"


def paragraph(text: str) -> str:
    """Text with links to pages, and without signs that Markdown would take for its own."""
    parts = text.split("`")  # every second one is code
    parts[::2] = [PAGE.sub(r"[\g<0>](\g<0>)", re.sub(r"[<*_\[\]]", r"\\\g<0>", part)) for part in parts[::2]]
    return "`".join(parts)
