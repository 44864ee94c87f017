"""Engine, model, voice, format, speed and the engine's own options."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field
from textual.widgets import Button, Input, OptionList, Select
from tts_hub_tui.screens.emotion import MakeEmotion
from tts_hub_tui.screens.voices import VoicePicker
from tts_hub_tui.widgets.controls import Controls
from tts_hub_tui.widgets.field import FieldError
from tts_hub_tui.widgets.option_schema import Option, parse_options
from tts_hub_tui.widgets.options import OptionRow

from tests.tui.conftest import OpenStudio, RunningStudio
from tts_hub.backend import BackendOptions
from tts_hub.testing.fake import FakeBackend, FakeScript
from tts_hub.types import Voice

pytestmark = pytest.mark.anyio


class ManyOptions(BackendOptions):
    warmth: float = Field(0.5, ge=0, le=1, description="how warm")
    steps: int | None = Field(None, gt=0, description="how many")
    bright: bool = False
    mood: str = ""


class Choosy(FakeBackend):
    Options = ManyOptions  # type: ignore[assignment]
    models = ("choosy", "choosy-large")

    async def voices(self) -> list[Voice]:
        return [
            Voice("anna", "Anna", "de", gender="female", description="bright"),
            Voice("bob", "Bob", "en-US", gender="male", variants=("deep", "soft")),
            Voice("carla", "Carla", "de-AT", gender="female"),
        ]


def choosy() -> Choosy:
    return Choosy(name="choosy", priority=5)


def listed(studio: RunningStudio) -> list[str]:
    found = studio.app.screen.query_one(OptionList)
    return [str(option.prompt).strip() for option in found.options]


async def open_voices(studio: RunningStudio) -> None:
    await studio.pilot.press("f2")
    await studio.shows(VoicePicker)
    await studio.until(lambda: listed(studio))


async def until_options_are_shown(studio: RunningStudio) -> None:
    """Wait for the four rows of `ManyOptions`, and for the fields in them."""
    controls = studio.main.query_one(Controls)
    await studio.until(
        lambda: (
            len(controls.query(OptionRow)) == 4
            and all(widget.is_mounted for widget in controls.query("OptionRow, OptionRow *"))
        )
    )


async def test_voices_are_grouped_by_language(open_studio: OpenStudio) -> None:
    async with open_studio(choosy()) as studio:
        await open_voices(studio)
        heads = [line for line in listed(studio) if line.startswith("──")]
        assert heads == ["── de ──", "── de-AT ──", "── en-US ──"]


async def test_voices_are_searched_by_all_that_is_known_of_them(open_studio: OpenStudio) -> None:
    async with open_studio(choosy()) as studio:
        await open_voices(studio)
        await studio.pilot.press(*"female", "space", *"bright")
        await studio.until(lambda: [line for line in listed(studio) if not line.startswith("──")] == [
            "anna  Anna · de · female · bright"
        ])  # fmt: skip
        await studio.pilot.press("enter")
        await studio.until(lambda: not isinstance(studio.app.screen, VoicePicker))
        assert "anna" in str(studio.main.query_one("#voice", Button).label)


async def test_variants_are_found_by_plus(open_studio: OpenStudio) -> None:
    async with open_studio(choosy()) as studio:
        await open_voices(studio)
        assert not any("+" in line for line in listed(studio))
        await studio.pilot.press(*"bob+s")
        await studio.until(lambda: any("bob+soft" in line for line in listed(studio)))
        assert not any("bob+deep" in line for line in listed(studio))


async def test_a_search_without_a_result_shows_a_message(open_studio: OpenStudio) -> None:
    async with open_studio(choosy()) as studio:
        await open_voices(studio)
        await studio.pilot.press(*"zzz")
        await studio.until(lambda: "no voice for" in listed(studio)[0])
        await studio.pilot.press("enter", "escape")
        await studio.until(lambda: not isinstance(studio.app.screen, VoicePicker))


async def test_favourites_come_first_also_after_a_restart(open_studio: OpenStudio) -> None:
    async with open_studio(choosy()) as studio:
        await open_voices(studio)
        await studio.pilot.press(*"carla")
        await studio.until(lambda: len(listed(studio)) == 2)
        await studio.pilot.press("ctrl+f")
        await studio.until(lambda: any("★" in line for line in listed(studio)))
        await studio.pilot.press("escape")
    async with open_studio(choosy()) as studio:
        await open_voices(studio)
        assert listed(studio)[1:3] == ["── favourites ──", "★ carla  Carla · de-AT · female"]


async def test_a_voice_is_tried_without_leaving_the_list(open_studio: OpenStudio) -> None:
    engine = choosy()
    async with open_studio(engine) as studio:
        await open_voices(studio)
        await studio.pilot.press(*"carla")
        await studio.until(lambda: len(listed(studio)) == 2)
        await studio.pilot.press("ctrl+t")
        await studio.until(lambda: engine.requests and engine.requests[0].voice.id == "carla")
        assert isinstance(studio.app.screen, VoicePicker)


async def test_what_is_chosen_reaches_the_engine(open_studio: OpenStudio) -> None:
    engine = choosy()
    async with open_studio(engine, text="One two.") as studio:
        controls = studio.main.query_one(Controls)
        controls.query_one("#engine", Select).value = "choosy"
        await until_options_are_shown(studio)
        controls.query_one("#model", Select).value = "choosy-large"
        controls.query_one("#speed", Input).value = "1.5"
        rows = {row.option.name: row for row in controls.query(OptionRow)}
        rows["warmth"].query_one(Input).value = "0.9"
        rows["bright"].query_one(Select).value = "true"
        await studio.pilot.press("f5")
        await studio.until(lambda: engine.requests)
        request = engine.requests[0]
        assert request.model == "choosy-large"
        assert dict(request.options) == {"warmth": 0.9, "steps": None, "bright": True, "mood": ""}


async def test_a_value_that_is_not_possible_is_shown_at_its_field(open_studio: OpenStudio) -> None:
    engine = choosy()
    async with open_studio(engine, text="One two.") as studio:
        controls = studio.main.query_one(Controls)
        controls.query_one("#engine", Select).value = "choosy"
        await until_options_are_shown(studio)
        warmth = controls.query(OptionRow).first()
        warmth.query_one(Input).value = "1.5"
        controls.query_one("#speed", Input).value = "fast"
        await studio.pilot.press("f5")
        await studio.until(lambda: "0 to 1 is possible" in str(warmth.query_one("FieldError").render()))
        await studio.until(lambda: "0.25 to 4" in studio.text("#speed-error"))
        assert not engine.requests


async def test_a_refused_voice_is_shown_at_the_voice(open_studio: OpenStudio) -> None:
    async with open_studio(text="One.") as studio:
        await studio.main.query_one(Controls).choose_voice(Voice("gone", "gone", ""))
        await studio.pilot.press("f5")
        await studio.until(lambda: "unknown voice 'gone'" in studio.text("#voice-error"))


async def test_an_estimate_leaves_a_refusal_where_it_is_until_something_else_is_chosen(
    open_studio: OpenStudio,
) -> None:
    engine = choosy()
    async with open_studio(engine, text="One.") as studio:
        controls = studio.main.query_one(Controls)
        await controls.choose_engine("choosy")
        await until_options_are_shown(studio)
        option = controls.query(OptionRow).first()
        for field in ("voice", "speed", f"options.{option.option.name}"):
            controls.show_error(field, "refused")
        errors = [
            controls.query_one("#voice-error"),
            controls.query_one("#speed-error"),
            option.query_one("FieldError"),
        ]
        assert controls.request("One.") is not None
        assert [str(error.render()) for error in errors] == ["refused"] * 3
        await controls.choose_voice(Voice("carla", "Carla", ""))
        controls.query_one("#speed", Input).value = "1.5"
        option.query_one(Input).value = "0.7"
        await studio.until(lambda: [str(error.render()) for error in errors] == [""] * 3)


async def test_the_choice_is_there_after_a_restart(open_studio: OpenStudio) -> None:
    async with open_studio(choosy(), text="One.") as studio:
        controls = studio.main.query_one(Controls)
        controls.query_one("#engine", Select).value = "choosy"
        await until_options_are_shown(studio)
        await controls.choose_voice(Voice("carla", "Carla", "de-AT"))
        controls.query_one("#format", Select).value = "flac"
        controls.query(OptionRow).first().query_one(Input).value = "0.7"
        await studio.pilot.press("f5")
        await studio.until(lambda: studio.queue.jobs and studio.queue.jobs[0].is_over)
    engine = choosy()
    async with open_studio(engine, text="Two.") as studio:
        controls = studio.main.query_one(Controls)
        await until_options_are_shown(studio)
        assert controls.response_format == "flac"
        await studio.pilot.press("f5")
        await studio.until(lambda: engine.requests)
        assert engine.requests[0].voice.id == "carla"
        assert engine.requests[0].options["warmth"] == 0.7


async def test_an_engine_that_is_not_ready_shows_the_reason(open_studio: OpenStudio) -> None:
    broken = FakeBackend(name="broken", script=FakeScript(ready=False, reason="weights are missing"))
    async with open_studio(choosy(), broken) as studio:
        studio.main.query_one("#engine", Select).value = "broken"
        await studio.until(lambda: "weights are missing" in studio.text("#engine-error"))
        await studio.pilot.press(*"typed")
        await studio.until(lambda: "5 characters" in studio.text("#estimate"))
        assert "weights are missing" in studio.text("#engine-error")


async def test_an_option_that_the_hub_refuses_is_shown_at_the_option(open_studio: OpenStudio) -> None:
    async with open_studio(choosy(), text="One.") as studio:
        controls = studio.main.query_one(Controls)
        controls.query_one("#engine", Select).value = "choosy"
        await until_options_are_shown(studio)
        controls.show_error("options.steps", "too many")
        (steps,) = [row for row in controls.query(OptionRow) if row.option.name == "steps"]
        assert "too many" in str(steps.query_one("FieldError").render())


def test_every_kind_of_option_is_understood() -> None:
    options = {option.name: option for option in parse_options(ManyOptions.model_json_schema())}
    assert [option.kind for option in options.values()] == ["number", "integer", "boolean", "string"]
    assert options["warmth"].range_text == "0 to 1"
    assert options["steps"].range_text == "above 0"
    assert options["steps"].default is None


@pytest.mark.parametrize(
    ("text", "value"), [("0.5", 0.5), ("1", 1.0), ("2", None), ("-1", None), ("warm", None), ("nan", None)]
)
def test_a_number_is_read_or_refused(text: str, value: float | None) -> None:
    option = Option("warmth", "number", "", 0.5, minimum=0, maximum=1)
    if value is None:
        with pytest.raises(ValueError, match=r"needed|possible"):
            option.parse(text)
    else:
        assert option.parse(text) == value


async def test_the_studio_of_a_chosen_file_begins_with_it(open_studio: OpenStudio, folder: Path) -> None:
    async with open_studio(text="Begin here.") as studio:
        assert studio.main.query_one("#text").text == "Begin here."  # type: ignore[attr-defined]
        assert folder.is_dir()


async def test_an_emotion_is_made_for_the_voice_and_chosen(open_studio: OpenStudio) -> None:
    async with open_studio(choosy()) as studio:
        await open_voices(studio)
        await studio.pilot.press(*"anna")
        await studio.until(lambda: any(line.startswith("anna ") for line in listed(studio)))
        await studio.pilot.press("ctrl+n")
        await studio.shows(MakeEmotion)
        await studio.until(lambda: studio.app.screen.query(OptionRow))
        await studio.pilot.press(*"glad")
        await studio.pilot.press("ctrl+s")
        await studio.until(lambda: isinstance(studio.app.screen, VoicePicker))
        await studio.until(lambda: any(line.startswith("anna:glad ") for line in listed(studio)))
        await studio.pilot.press("enter")
        await studio.until(lambda: not isinstance(studio.app.screen, VoicePicker))
        assert "anna:glad" in str(studio.main.query_one("#voice", Button).label)


async def test_a_wrong_emotion_is_said_and_the_dialog_stays(open_studio: OpenStudio) -> None:
    async with open_studio(choosy()) as studio:
        await open_voices(studio)
        await studio.pilot.press("ctrl+n")
        await studio.shows(MakeEmotion)
        await studio.until(lambda: studio.app.screen.query(OptionRow))
        await studio.pilot.press(*"a:b", "ctrl+s")
        errors = studio.app.screen.query(FieldError)
        await studio.until(lambda: "cannot be used" in str(errors.first().render()))
        await studio.pilot.press("escape")
        await studio.until(lambda: isinstance(studio.app.screen, VoicePicker))
