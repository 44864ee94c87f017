"""The page Speak: sound while it is made, words that light up in step, an end when it is wanted."""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.audio.decoding import decode
from tests.server.conftest import Served, served, wait_for
from tests.web.conftest import opened, wait_until
from tts_hub.testing import FakeScript

TEXT = "One two three four five six."
PER_WORD = 0.3
"""Seconds of a word of the scripted engine."""


@pytest.fixture
def page(browser: Browser, server: Served) -> Generator[Page, None, None]:
    with opened(browser, server) as made:
        made.select_option("#model", "fake")
        yield made


def speak(page: Page, text: str = TEXT) -> None:
    page.fill("#text", text)
    page.click("#play")


def test_a_text_is_heard_and_can_be_heard_again(page: Page, server: Served) -> None:
    speak(page)
    expect(page.locator("#again")).to_be_visible()
    assert re.fullmatch(r"1\.\d s by fake \(low\)", page.inner_text("#progress"))
    assert page.inner_text("#reading") == TEXT
    assert page.evaluate("document.getElementById('replay').duration") == pytest.approx(6 * PER_WORD, abs=0.2)
    assert [request.text for request in server.fake.requests] == [TEXT]


def test_sound_begins_before_the_end_is_made(browser: Browser) -> None:
    with served(script=FakeScript(hold_at=5)) as server, opened(browser, server) as page:
        page.select_option("#model", "fake")
        speak(page)
        wait_until(page, "document.getElementById('clock').textContent > '0:00.2'")
        assert server.fake.active == 1
        server.fake.script.hold_at = None
        expect(page.locator("#again")).to_be_visible()


def test_the_word_that_sounds_is_lit(page: Page) -> None:
    speak(page)
    expect(page.locator("#again")).to_be_visible()
    page.click("#again")
    seen: list[tuple[float, str]] = page.evaluate(
        """() => new Promise((resolve) => {
            const replay = document.getElementById("replay"), seen = [];
            const look = () => {
                const lit = document.querySelector(".word.now");
                if (lit) seen.push([replay.currentTime, lit.textContent]);
                if (replay.ended || seen.length > 2000) resolve(seen);
                else requestAnimationFrame(look);
            };
            requestAnimationFrame(look);
        })"""
    )
    words = TEXT.split()
    assert {word for _, word in seen} == set(words)
    off = [
        abs(time - (words.index(word) + 0.5) * PER_WORD)
        for time, word in seen
        if (words.index(word) + 1) * PER_WORD < 6 * PER_WORD
    ]
    assert sorted(off)[len(off) // 2] < PER_WORD / 2 + 0.1  # a frame is late now and then on a busy machine


def test_characters_beyond_the_basic_plane_do_not_shift_the_words(page: Page) -> None:
    speak(page, "𝒳𝒴 one 😀 two.")
    expect(page.locator("#again")).to_be_visible()
    assert page.inner_text("#reading") == "𝒳𝒴 one 😀 two."
    words = page.locator(".word").all_inner_texts()
    assert [word for word in words if word.isascii()] == ["one", "two."]


def test_stop_stops_the_engine(browser: Browser) -> None:
    with served(script=FakeScript(hold_at=5)) as server, opened(browser, server) as page:
        page.select_option("#model", "fake")
        speak(page)
        wait_for(lambda: server.fake.active == 1)
        page.click("#stop")
        wait_for(lambda: server.fake.active == 0)
        expect(page.locator("#progress")).to_have_text("stopped")
        expect(page.locator("#play")).to_be_visible()


def test_a_failure_is_said(browser: Browser) -> None:
    with served(script=FakeScript(fail_at={0: 0})) as server, opened(browser, server) as page:
        page.select_option("#model", "fake")
        speak(page)
        expect(page.locator("#progress")).to_contain_text("speech could not be generated")
        expect(page.locator("#play")).to_be_visible()


def test_an_empty_text_asks_for_one(page: Page) -> None:
    page.click("#play")
    expect(page.locator("#progress")).to_have_text("Write something first.")
    expect(page.locator("#text")).to_be_focused()


def test_what_the_form_says_reaches_the_engine(page: Page, server: Served) -> None:
    page.select_option("#voice", "high")
    page.locator("#speed").fill("1.5")
    page.click("#more summary")
    page.fill("[name=gain]", "0.25")
    speak(page)
    expect(page.locator("#again")).to_be_visible()
    (request,) = server.fake.requests
    assert (request.voice.id, request.options) == ("high", {"gain": 0.25})
    assert page.evaluate("document.getElementById('replay').duration") == pytest.approx(1.2, abs=0.2)


def test_the_speech_and_its_captions_are_saved(page: Page, tmp_path: Path) -> None:
    speak(page, "One two three four. Five six seven eight nine.")
    expect(page.locator("#again")).to_be_visible()
    with page.expect_download() as sound:
        page.click("#save-audio")
    sound.value.save_as(tmp_path / "speech.wav")
    samples, rate = decode((tmp_path / "speech.wav").read_bytes())
    assert len(samples) / rate == pytest.approx(9 * PER_WORD + 0.35, abs=0.2)
    with page.expect_download() as captions:
        page.click("#save-captions")
    captions.value.save_as(tmp_path / "speech.vtt")
    cues = re.findall(r"(\S+) --> (\S+)\n(.+)\n", (tmp_path / "speech.vtt").read_text())
    assert [text for _, _, text in cues] == ["One two three four.", "Five six seven eight nine."]
    assert cues[0][0] == "00:00:00.000"


def test_texts_are_kept_in_the_browser(page: Page) -> None:
    speak(page)
    expect(page.locator("#again")).to_be_visible()
    page.reload()
    page.wait_for_selector("html[data-ready]")
    page.click("#history button")
    assert page.input_value("#text") == TEXT
    assert page.input_value("#model") == "fake"


def test_the_key_is_asked_for_and_kept(browser: Browser) -> None:
    with served(server={"api_keys": ["secret"]}) as server:
        context = browser.new_context()
        page = context.new_page()
        page.goto(server.url)
        page.fill("#key", "secret")
        page.click("#key-dialog .main")
        page.wait_for_selector("html[data-ready]")
        page.select_option("#model", "fake")
        speak(page)
        expect(page.locator("#again")).to_be_visible()
        page.click("nav a[href='#status']")
        expect(page.locator("#facts")).to_contain_text("Memory")
        page.click("#forget-key")
        expect(page.locator("#key-dialog")).to_be_visible()
        context.close()
