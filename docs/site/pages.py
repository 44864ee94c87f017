"""MkDocs hook: pages made of files outside of docs/, and links that work in the repository and on the site.

Links in README.md and docs/ lead to files of the repository, so that they work where the code is read. The
hook turns them into links to pages. A link to a file that is no page, such as LICENSE, becomes plain text.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from settings_page import page_of_settings

ROOT = Path(__file__).parents[2]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "config.toml": "settings.md",
}
"""File in the repository -> page of the site."""
PICTURES = "tests/tui/__snapshots__/test_snapshots/"
"""Folder of the pictures that the README shows."""
LINK = re.compile(r"(!?)\[([^]\n]+)\]\((?!https?:|[#/])([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made of other files, and the pictures."""
    for source, target in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        content = page_of_settings(text) if source == "config.toml" else text
        files.append(File.generated(config, target, content=content))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for picture in re.findall(rf"\(({PICTURES}[^)]+)\)", readme):
        target = f"pictures/{posixpath.basename(picture)}"
        files.append(File.generated(config, target, abs_src_path=str(ROOT / picture)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead each link to the page that its file has become."""
    here = page.file.src_uri
    source = {page: file for file, page in PAGES.items()}.get(here, f"docs/{here}")

    def linked(found: re.Match[str]) -> str:
        sign, label, target, anchor = found.groups()
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        place = place_of(path)
        if place is None:
            return str(label)
        return f"{sign}[{label}]({posixpath.relpath(place, posixpath.dirname(here) or '.')}{anchor or ''})"

    return LINK.sub(linked, markdown)


def place_of(path: str) -> str | None:
    """Where the site has a file of the repository; None if it does not have it."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path.startswith(PICTURES):
        return f"pictures/{posixpath.basename(path)}"
    return PAGES.get(path)
