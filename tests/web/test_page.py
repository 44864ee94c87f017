"""The page as a whole: its headers, its size, no other sites, and nothing that keeps people out."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect
from tts_hub_web import PAGE

from tests.server.conftest import Served, served
from tests.store.clips import clip
from tests.web.conftest import opened
from tts_hub.progress import ProgressCallback, ProgressEvent
from tts_hub.testing import FakeBackend
from tts_hub.types import Availability, ModelFiles

PARTS = ("", "#voices", "#emotions", "#status")
SMALL = 150_000
"""Bytes of all files of the page."""


def test_the_files_are_small() -> None:
    assert sum(path.stat().st_size for path in PAGE.iterdir()) < SMALL


def test_headers_allow_nothing_from_elsewhere(server: Served) -> None:
    for path in ("/", "/web/app.js", "/web/style.css", "/web/icon.svg"):
        answer = httpx.get(server.url + path)
        assert answer.status_code == 200
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        again = httpx.get(server.url + path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["nothing.js", "../__init__.py", "..%2F__init__.py", "py.typed"])
def test_only_files_of_the_page_are_served(server: Served, name: str) -> None:
    assert httpx.get(f"{server.url}/web/{name}").status_code == 404


def test_the_page_can_be_switched_off() -> None:
    with served(server={"page": False}) as server:
        assert httpx.get(server.url).status_code == 404
        assert httpx.get(f"{server.url}/web/app.js").status_code == 404


def test_the_page_is_open_where_keys_are_set_and_shows_no_secret() -> None:
    with served(server={"api_keys": ["secret"]}) as server:
        assert httpx.get(server.url).status_code == 200
        assert httpx.get(f"{server.url}/web/app.js").status_code == 200
        assert httpx.get(f"{server.url}/emotions").status_code == 401


def test_nothing_is_fetched_from_elsewhere_and_nothing_moves(browser: Browser, server: Served) -> None:
    addresses: list[str] = []
    context = browser.new_context()
    page = context.new_page()
    page.on("request", lambda request: addresses.append(request.url))
    page.add_init_script(
        """window.moved = 0;
        new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.moved += entry.value;
        }).observe({type: "layout-shift", buffered: true});"""
    )
    page.goto(server.url)
    page.wait_for_selector("html[data-ready]")
    page.wait_for_timeout(300)
    assert addresses
    assert all(address.startswith(server.url) for address in addresses)
    assert page.evaluate("window.moved") < 0.01
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_keeps_people_out(browser: Browser, server: Served, scheme: str, width: int) -> None:
    with httpx.Client(base_url=server.url) as http:
        http.post("/emotions", json={"name": "glad", "style": "happy"})
        files = {"audio_sample": ("a.wav", clip())}
        http.post("/v1/audio/voices", data={"name": "Sarah", "consent": "yes"}, files=files)
    size = {"width": width, "height": 900}
    with opened(browser, server, viewport=size, color_scheme=scheme) as page:
        for part in PARTS:
            page.goto(f"{server.url}/{part}")
            page.wait_for_selector("html[data-ready]")
            if part == "#status":
                page.wait_for_selector("#engine-cards .card")
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.goto(f"{server.url}/#voices")
        page.click("#new-voice")
        assert Axe().run(page).violations_count == 0


def test_the_keyboard_is_enough(browser: Browser, server: Served) -> None:
    with opened(browser, server) as page:
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.focus("#text")
        page.select_option("#model", "fake")
        page.fill("#text", "One two.")
        page.press("#text", "Control+Enter")
        expect(page.locator("#again")).to_be_visible()
        page.focus("nav a[href='#voices']")
        page.keyboard.press("Enter")
        expect(page.locator("#new-voice")).to_be_visible()
        page.focus("#new-voice")
        page.keyboard.press("Enter")
        expect(page.locator("#voice-dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#voice-dialog")).to_be_hidden()


def test_the_colours_are_chosen_and_kept(browser: Browser, server: Served) -> None:
    with opened(browser, server, color_scheme="light") as page:
        ground = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(ground)
        page.click("#theme")
        page.click("#theme")
        assert page.evaluate(ground) != light
        page.reload()
        assert page.evaluate(ground) != light


class Pulled(FakeBackend):
    """Not ready before its files are fetched."""

    name = "pulled"
    here = False

    @classmethod
    def downloads(cls, settings: object) -> Sequence[ModelFiles]:
        return [ModelFiles("pulled", "elsewhere", "/nowhere", 1_000_000, () if cls.here else ("weights",))]

    @classmethod
    async def pull(
        cls, files: ModelFiles, settings: object, on_progress: ProgressCallback = lambda _: None
    ) -> None:
        for done in range(0, 1_000_001, 250_000):
            details = {"bytes": done, "total_bytes": 1_000_000}
            on_progress(ProgressEvent("downloading", backend="pulled", message="weights", details=details))
        cls.here = True

    def _available(self) -> Availability:
        return Availability(Pulled.here, "its files are missing", "tts-hub models pull pulled")


def test_engines_say_what_they_need_and_are_downloaded(browser: Browser) -> None:
    Pulled.here = False
    with served(Pulled(name="pulled")) as server, opened(browser, server, "#status") as page:
        card = page.locator(".card", has=page.get_by_role("heading", name="pulled", exact=True))
        expect(card).to_contain_text("its files are missing")
        expect(card.locator("code")).to_have_text("tts-hub models pull pulled")
        card.get_by_role("button", name="Download pulled").click()
        expect(page.locator(".toast")).to_contain_text("pulled is here.")
        expect(card.locator(".state")).to_have_class("state ready")
        expect(page.locator("#facts")).to_contain_text("Memory")
        expect(page.locator(".chart")).to_have_count(3)
