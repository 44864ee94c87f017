"""The looks of each screen, in both themes and without colours, compared with `__snapshots__`.

After an intended change: `pytest tests/tui/test_snapshots.py --snapshot-update`, and look at them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from textual.app import App
from textual.pilot import Pilot
from tts_hub_tui.app import StudioApp
from tts_hub_tui.failure import Failure
from tts_hub_tui.hubs.interface import Catalogue, EngineInfo, Speech
from tts_hub_tui.jobs.job import Job
from tts_hub_tui.player.player import Player
from tts_hub_tui.storage.entry import Facts, HistoryEntry
from tts_hub_tui.storage.recording import Recording
from tts_hub_tui.widgets.controls import Controls

from tests.waiting import WITHIN
from tts_hub.config import StudioConfig
from tts_hub.cost.pricing import CostEstimate
from tts_hub.emotions.profile import EmotionSettings
from tts_hub.errors import BackendUnavailableError
from tts_hub.progress import ProgressCallback, ProgressEvent
from tts_hub.report import SpeechReport
from tts_hub.types import AudioChunk, ModelFiles, SpeechRequest, Voice, WordTiming

Look = Callable[..., bool]
TEXT = """\
The quick brown fox jumps over the lazy dog.

It was not amused. “Again?” it asked, and went to sleep.
"""
WHEN = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


class PaintedHub:
    """A hub whose engines and voices never change."""

    name = "this machine"
    allows_pauses = True

    async def __aenter__(self) -> PaintedHub:
        return self

    async def __aexit__(self, *exc: object) -> None: ...

    async def catalogue(self) -> Catalogue:
        pitch = {"type": "integer", "minimum": 0, "maximum": 100, "default": 50, "description": "how high"}
        stress = {"type": "string", "enum": ["weak", "strong"], "default": "weak"}
        files = ModelFiles(
            "chatterbox-turbo", "huggingface.co/example", "/m", 3_000_000_000, ("t3.safetensors",)
        )
        return Catalogue(
            (
                EngineInfo(
                    "chatterbox_turbo",
                    "Chatterbox Turbo, in the process",
                    ("chatterbox-turbo",),
                    ready=False,
                    state="unloaded",
                    reason="the model's files are missing: t3.safetensors",
                    remedy="tts-hub models pull chatterbox-turbo",
                    downloads=(files,),
                ),
                EngineInfo(
                    "espeak",
                    "espeak-ng, embedded",
                    ("espeak",),
                    ready=True,
                    state="ready",
                    options={"properties": {"pitch": pitch, "stress": stress}},
                ),
            ),
            "espeak",
            ("model: unknown model 'kokoros'",),
        )

    async def voices(self, model: str) -> Sequence[Voice]:
        return [
            Voice("en-us", "English (America)", "en-US", gender="male", variants=("f3",)),
            Voice("de", "German", "de", gender="male"),
            Voice("fr-fr", "French (France)", "fr-FR", gender="male"),
        ]

    async def add_emotion(self, name: str, character: str, settings: EmotionSettings) -> str:
        raise NotImplementedError

    async def estimate(self, request: SpeechRequest) -> CostEstimate:
        length = len(str(request.input))
        return CostEstimate("espeak", "espeak", 0.0, 0.0, 0.0, "", None, "auto", length, 3, length / 15, ())

    async def speak(self, request: SpeechRequest, on_progress: ProgressCallback) -> Speech:
        raise BackendUnavailableError("not in a picture", backend="espeak")

    async def pull(
        self, model: str, on_progress: ProgressCallback, *, variant: str | None = None
    ) -> None: ...


class StillPlayer(Player):
    """A player that stays in the middle of a recording."""

    def open(self) -> None:
        self.device = "Built-in Output"

    @property
    def state(self) -> Any:
        return "playing" if self.recording is not None else "idle"

    @property
    def position(self) -> float:
        return 1.3

    @property
    def level(self) -> float:
        return 0.5


@pytest.fixture
def paint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., StudioApp]:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "story.txt").touch()
    monkeypatch.chdir(tmp_path / "texts")

    def studio(theme: str = "textual-dark", *, text: str = TEXT, spoken: bool = False) -> StudioApp:
        app = StudioApp(
            PaintedHub(), StudioConfig(theme=theme), tmp_path / "studio", player=StillPlayer(), text=text
        )
        app.animation_level = "none"
        app.studio.history.remember("saved in", "/")
        if spoken:
            _fill_history(app)
            _put_in_queue(app)
        return app

    return studio


def _put_in_queue(app: StudioApp) -> None:
    job = Job(SpeechRequest(TEXT), TEXT, "this machine", id="job", created=WHEN, state="speaking")
    job.apply(ProgressEvent("segment", backend="espeak", segment=1, segments=3, fraction=0.5))
    job.warnings.append("kokoro failed; continuing with espeak from the start")
    recording = Recording.create(app.studio.history.folder, job.id, 24_000)
    shape = np.abs(np.sin(np.arange(4 * 24_000) / 9_000)) * np.sin(np.arange(4 * 24_000) / 20)
    recording.append(AudioChunk(shape.astype(np.float32), 24_000))
    job.recording = recording
    app.studio.queue.jobs.append(job)
    app.studio.queue._playlist.last = job
    app.studio.queue.player.recording = recording


def _fill_history(app: StudioApp) -> None:
    facts = Facts("this machine", "espeak", "en-us", "en-US", 4.2, 0.021, 0.004)
    failed = Facts(
        "this machine", "kokoro", "af_sky", error="the files are gone", remedy="tts-hub models pull"
    )
    app.studio.history.add(HistoryEntry("a", WHEN, "A text that failed.", 19, {}, "failed", failed))
    app.studio.history.add(
        HistoryEntry("b", WHEN, TEXT, len(TEXT), {"voice": "en-us"}, "done", facts, 201_600)
    )


def report_of(job: Job) -> SpeechReport:
    return SpeechReport(
        request_id=job.id,
        requested_model="espeak",
        backend="espeak",
        model="espeak",
        voice="en-us",
        emotion="",
        language="en-US",
        detected_language="en",
        characters=len(TEXT),
        segments=1,
        audio_seconds=4.0,
        first_audio_seconds=0.018,
        elapsed_seconds=3.0,
        generation_seconds=0.016,
        queue_seconds=0.0,
        fallbacks=(),
        ignored=(),
        cut_segments=(),
        estimated_segments=(),
        retakes=(),
        seed=None,
        watermarked=False,
        cost=0.0,
        cost_estimated=False,
        costs=(),
        complete=False,
    )


def keys(*pressed: str) -> Callable[[Pilot[None]], Any]:
    async def run(pilot: Pilot[None]) -> None:
        await settled(pilot)
        for key in pressed:
            await pilot.press(key)
            await settled(pilot)

    return run


async def settled(pilot: Pilot[None]) -> None:
    """Wait until the engines are known, no cursor blinks, and four looks at the screen show the same."""
    app = pilot.app
    assert isinstance(app, StudioApp)
    last, same = "", 0
    with anyio.fail_after(WITHIN):
        while same < 4 or app.main.query_one(Controls).engine is None:
            for field in app.screen.query("Input, TextArea"):
                field.cursor_blink = False  # type: ignore[attr-defined]
            await pilot.pause(0.1)
            seen = re.sub(r"terminal-\d+", "", app.export_screenshot())
            last, same = seen, same + 1 if seen == last else 0


@pytest.fixture(autouse=True)
def closes_what_it_opens(monkeypatch: pytest.MonkeyPatch) -> Any:
    made: list[Recording] = []
    create = Recording.create

    def remembered(*arguments: Any) -> Recording:
        made.append(create(*arguments))
        return made[-1]

    monkeypatch.setattr(Recording, "create", remembered)
    monkeypatch.setenv("TZ", "UTC")
    yield
    for recording in made:
        recording.close()


SCREENS = {
    "studio": (),
    "voices": ("f2",),
    "emotion": ("f2", "down", "down", "ctrl+n"),
    "jobs": ("f3",),
    "engines": ("f4",),
    "settings": ("f9",),
    "help": ("f1",),
    "save": ("ctrl+s",),
    "open": ("ctrl+o",),
    "edit": ("f9", "enter"),
}


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
@pytest.mark.parametrize("screen", list(SCREENS))
def test_screen(snap_compare: Look, paint: Callable[..., StudioApp], screen: str, theme: str) -> None:
    app = paint(theme, spoken=True)
    assert snap_compare(app, run_before=keys(*SCREENS[screen]), terminal_size=(80, 24))


def test_readme_studio(snap_compare: Look, paint: Callable[..., StudioApp]) -> None:
    """The README shows the picture that this one is compared with."""
    app = paint(spoken=True)
    words = ["The", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog."]
    recording = app.studio.queue.player.recording
    assert recording is not None
    at = 0
    for number, word in enumerate(words):
        start = TEXT.index(word, at)
        at = start + len(word)
        timing = WordTiming(word, number * 0.3, number * 0.3 + 0.25, (start, at))
        recording.append(AudioChunk(np.zeros(0, np.float32), 24_000, (timing,)))
    job = app.studio.queue.jobs[0]
    job.warnings.clear()
    job.report = report_of(job)

    async def listen(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await pilot.app.screen.query_one("#controls").choose_engine("espeak")  # type: ignore[attr-defined]
        app.main._marked = job
        await settled(pilot)

    assert snap_compare(app, run_before=listen, terminal_size=(100, 26))


def test_readme_jobs(snap_compare: Look, paint: Callable[..., StudioApp]) -> None:
    """The README shows the picture that this one is compared with."""
    assert snap_compare(paint(spoken=True), run_before=keys("f3"), terminal_size=(100, 20))


@pytest.mark.parametrize("size", [(120, 40), (50, 16)], ids=["large", "narrow"])
def test_sizes(snap_compare: Look, paint: Callable[..., StudioApp], size: tuple[int, int]) -> None:
    assert snap_compare(paint(spoken=True), run_before=keys(), terminal_size=size)


def test_the_first_start(snap_compare: Look, paint: Callable[..., StudioApp]) -> None:
    assert snap_compare(paint(text=""), run_before=keys(), terminal_size=(80, 24))


def test_options_of_an_engine(snap_compare: Look, paint: Callable[..., StudioApp]) -> None:
    async def choose(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await pilot.app.screen.query_one("#controls").choose_engine("espeak")  # type: ignore[attr-defined]
        await settled(pilot)

    assert snap_compare(paint(), run_before=choose, terminal_size=(80, 24))


def test_an_error(snap_compare: Look, paint: Callable[..., StudioApp]) -> None:
    app: App[None] = paint(spoken=True)
    assert isinstance(app, StudioApp)
    app.studio.queue.jobs[0].state = "failed"
    app.studio.queue.jobs[0].failure = Failure("the engine fell over", "tts-hub doctor", position=12)
    assert snap_compare(app, run_before=keys(), terminal_size=(80, 24))


def test_without_colours(
    snap_compare: Look, paint: Callable[..., StudioApp], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(paint(spoken=True), run_before=keys("ctrl+s"), terminal_size=(80, 24))
