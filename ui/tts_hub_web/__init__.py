"""The web page of the server: HTML, CSS and JavaScript modules, without a build step and other sites."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parent / "page"
"""The folder of the page's files; `index.html` is the page itself."""
