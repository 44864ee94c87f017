"""The pages Voices and Emotions: dropped, recorded, cut, changed, heard, removed and brought back."""

from __future__ import annotations

import base64
import json
from collections.abc import Generator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.server.conftest import Served, served
from tests.store.clips import clip
from tests.web.conftest import opened, wait_until
from tts_hub.emotions.lowering import Lowering
from tts_hub.testing import FakeBackend
from tts_hub.types import Capabilities

DROP = """([data, name]) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const files = new DataTransfer();
    files.items.add(new File([bytes], name, {type: "audio/wav"}));
    const event = new DragEvent("drop", {dataTransfer: files, bubbles: true, cancelable: true});
    document.getElementById("drop").dispatchEvent(event);
}"""


@pytest.fixture
def server() -> Generator[Served, None, None]:
    capabilities = Capabilities(cloning=True, clip_seconds=2.0)
    table = Lowering(styles={"happy": {"gain": 0.9}})
    engine = FakeBackend(name="cloner", priority=20, capabilities=capabilities, lowering=table)
    with served(engine) as made:
        yield made


def stored(server: Served) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = httpx.get(f"{server.url}/v1/audio/stored-voices").json()["data"]
    return data


def drop(page: Page, data: bytes, name: str = "clip.wav") -> None:
    page.evaluate(DROP, [base64.b64encode(data).decode(), name])


def new_voice(page: Page, name: str = "Sarah") -> None:
    page.click("#new-voice")
    page.fill("#voice-name", name)
    drop(page, clip())
    expect(page.locator("#clip-length")).to_have_text("6.0 s chosen")
    page.click("#voice-save")
    expect(page.locator(".card h2")).to_contain_text(name)


def test_a_dropped_clip_becomes_a_voice_that_speaks(browser: Browser, server: Served) -> None:
    with opened(browser, server, "#voices") as page:
        new_voice(page)
        assert [voice["name"] for voice in stored(server)] == ["Sarah"]
        page.click("nav a[href='#speak']")
        page.select_option("#voice", "Sarah")
        page.fill("#text", "Hello there.")
        page.click("#play")
        expect(page.locator("#progress")).to_contain_text("by cloner (Sarah)")


def test_a_part_of_a_clip_is_chosen(browser: Browser, server: Served) -> None:
    with opened(browser, server, "#voices") as page:
        page.click("#new-voice")
        page.fill("#voice-name", "Sarah")
        drop(page, clip())
        page.locator("#from").fill("0.25")
        page.locator("#to").fill("0.75")
        expect(page.locator("#clip-length")).to_have_text("3.0 s chosen")
        page.click("#voice-save")
        expect(page.locator(".card")).to_contain_text("3.0 s at 48 kHz")


def test_a_recording_of_the_microphone_becomes_a_voice(browser: Browser, server: Served) -> None:
    with opened(browser, server, "#voices", permissions=["microphone"]) as page:
        page.click("#new-voice")
        page.fill("#voice-name", "Me")
        page.click("#record")
        wait_until(page, "document.getElementById('level').value > 0.05")
        page.wait_for_timeout(3_500)
        page.click("#record")
        expect(page.locator("#trim")).to_be_visible()
        page.click("#voice-save")
        expect(page.locator(".card h2")).to_have_text("Me")
        (sample,) = stored(server)[0]["samples"]
        assert sample["origin"] == "recording.webm"
        assert sample["seconds"] > 2


def test_what_is_wrong_is_said_in_the_dialog(browser: Browser, server: Served) -> None:
    with opened(browser, server, "#voices") as page:
        page.click("#new-voice")
        page.fill("#voice-name", "Sarah")
        page.click("#voice-save")
        expect(page.locator("#voice-problem")).to_contain_text("record a recording first")
        drop(page, b"no audio at all", "notes.txt")
        expect(page.locator("#voice-problem")).to_contain_text("cannot show notes.txt")
        page.click("#voice-save")
        expect(page.locator("#voice-problem")).to_contain_text("not in a known format")
        drop(page, clip(1.5))
        expect(page.locator("#clip-length")).to_have_text("1.5 s chosen")
        page.click("#voice-save")
        expect(page.locator("#voice-problem")).to_contain_text("more than 2 s are needed")
        assert stored(server) == []


def test_a_voice_is_changed_removed_and_brought_back(browser: Browser, server: Served) -> None:
    with opened(browser, server, "#voices") as page:
        new_voice(page)
        page.click("[aria-label='Change Sarah']")
        page.fill("#voice-name", "Anna <b>bold</b>")
        page.click("#voice-save")
        expect(page.locator("#voice-problem")).to_contain_text("cannot be used")
        page.fill("#voice-name", "Anna")
        page.fill("#voice-description", "<img src=x onerror=alert(1)>")
        page.click("#voice-save")
        expect(page.locator(".card h2")).to_have_text("Anna")
        expect(page.locator(".card")).to_contain_text("<img src=x onerror=alert(1)>")
        page.click("[aria-label='Remove Anna']")
        expect(page.locator(".empty")).to_be_visible()
        assert stored(server) == []
        page.click(".toast button")
        expect(page.locator(".card h2")).to_have_text("Anna")
        assert [voice["name"] for voice in stored(server)] == ["Anna"]


def test_a_voice_is_exported(browser: Browser, server: Served) -> None:
    with opened(browser, server, "#voices") as page:
        new_voice(page)
        with page.expect_download() as exported:
            page.click("[aria-label='Export Sarah']")
        assert exported.value.suggested_filename == "Sarah.voice.zip"


def test_an_emotion_is_made_heard_and_used(browser: Browser, server: Served) -> None:
    with opened(browser, server, "#emotions") as page:
        page.click("#new-emotion")
        page.fill("#emotion-name", "glad")
        page.select_option("[name=style]", "happy")
        page.fill("[name=exaggeration]", "3")
        page.click("#emotion-form .main")  # the browser itself refuses what the schema does not allow
        page.fill("[name=exaggeration]", "")
        page.fill("[name=speed]", "1.25")
        page.click("#emotion-form .main")
        expect(page.locator(".card h2")).to_have_text("glad")
        with page.expect_response("**/test") as heard:
            page.click("[aria-label='Hear glad']")
        assert heard.value.headers["content-type"] == "audio/mpeg"
        page.click("nav a[href='#speak']")
        page.select_option("#emotion", "glad")
        page.fill("#text", "Hello there.")
        page.click("#play")
        expect(page.locator("#progress")).to_contain_text("by cloner (low, glad)")


def test_an_emotion_is_copied_removed_and_brought_back(browser: Browser, server: Served) -> None:
    body = {
        "name": "glad",
        "character": "low",
        "style": "happy",
        "seed": 3,
        "options": {"cloner": {"gain": 0.4}},
    }
    httpx.post(f"{server.url}/emotions", json=body)
    with opened(browser, server, "#emotions") as page:
        page.click("[aria-label='Copy low:glad']")
        assert page.input_value("#emotion-name") == "glad 2"
        page.click("#emotion-form .main")
        expect(page.locator(".card h2")).to_have_count(2)
        page.click("[aria-label='Change low:glad']")
        page.fill("#emotion-description", "for birthdays")
        page.click("#emotion-form .main")
        expect(page.locator(".card").first).to_contain_text("for birthdays")
        kept = httpx.get(f"{server.url}/emotions/low:glad").json()
        assert (kept["options"], kept["seed"]) == ({"cloner": {"gain": 0.4}}, 3)
        page.click("[aria-label='Remove low:glad']")
        expect(page.locator(".card h2")).to_have_count(1)
        page.click(".toast button")
        expect(page.locator(".card h2")).to_have_count(2)


def test_a_taken_name_is_said(browser: Browser, server: Served) -> None:
    httpx.post(f"{server.url}/emotions", content=json.dumps({"name": "glad"}))
    with opened(browser, server, "#emotions") as page:
        page.click("#new-emotion")
        page.fill("#emotion-name", "glad")
        page.click("#emotion-form .main")
        expect(page.locator("#emotion-problem")).to_contain_text("there is an emotion 'glad' already")


@pytest.mark.parametrize("part", ["voices", "emotions"])
def test_recordings_are_added_and_deleted_on_a_card(browser: Browser, server: Served, part: str) -> None:
    with httpx.Client(base_url=server.url) as http:
        http.post("/emotions", json={"name": "glad"})
        http.post("/v1/audio/voices", data={"name": "Sarah"}, files={"audio_sample": ("a.wav", clip())})
    before = 1 if part == "voices" else 0
    with opened(browser, server, f"#{part}") as page:
        page.on("dialog", lambda dialog: dialog.accept())
        card = page.locator(f"#page-{part} .card")
        card.locator("summary").click()
        file = {"name": "second.wav", "mimeType": "audio/wav", "buffer": clip(6, 1)}
        card.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
        expect(card.locator(".recordings li")).to_have_count(before + 1)
        card.locator("summary").click()
        card.get_by_role("button", name="Delete the recording 6.0 s of second.wav").click()
        expect(card.locator(".recordings li")).to_have_count(before)
