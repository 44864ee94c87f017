"""The system's Chromium on a running server. Without Chromium these tests are skipped."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.server.conftest import Served, served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",  # tests run as root in containers
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
WITHIN = 60_000
"""Milliseconds that a page may take for what it is waited for."""
expect.set_options(timeout=WITHIN)


@pytest.fixture(scope="module")
def browser() -> Generator[Browser, None, None]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium; on Debian: apt install chromium")
    # Chromium's own folders are those of the system, not of the test's empty home.
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=CHROMIUM, args=ARGUMENTS, env={**os.environ, "FONTCONFIG_PATH": "/etc/fonts"}
        )
        yield made
        made.close()


@contextmanager
def opened(browser: Browser, server: Served, part: str = "", **context: Any) -> Generator[Page, None, None]:
    """The page, loaded; a script that fails or a message of the browser about an error fails the test."""
    problems: list[str] = []
    made = browser.new_context(**context)
    made.set_default_timeout(WITHIN)
    page = made.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.goto(f"{server.url}/{part}")
    page.wait_for_selector("html[data-ready]")
    try:
        yield page
        unexpected = [text for text in problems if "Failed to load resource" not in text]
        assert not unexpected
    finally:
        made.close()


@pytest.fixture
def server() -> Generator[Served, None, None]:
    """A server with a home of its own, which is empty."""
    with served() as made:
        yield made


def wait_until(page: Page, condition: str) -> None:
    """Wait until an expression is true. The page's own policy forbids Playwright's way of doing it."""
    deadline = time.monotonic() + WITHIN / 1_000
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, f"it never became true: {condition}"
        page.wait_for_timeout(20)
