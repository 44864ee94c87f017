"""A profile becomes the options of an engine; what the engine has nothing for is named."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tts_hub.emotions.lowering import IN_WORDS, NO_LOWERING, Lowering, Scale, lower
from tts_hub.emotions.profile import STYLES, EmotionSettings

TABLE = Lowering(
    styles={"happy": {"pitch": 60}},
    exaggeration=(
        Scale("range", ((0, 20), (0.5, 50), (1, 90)), whole=True),
        Scale("noise", ((0, 0.2), (1, 1.2))),
    ),
)


@pytest.mark.parametrize(
    ("exaggeration", "pitch_range", "noise"),
    [(0, 20, 0.2), (0.25, 35, 0.45), (0.5, 50, 0.7), (0.75, 70, 0.95), (1, 90, 1.2)],
)
def test_a_number_is_read_off_the_lines_between_points(
    exaggeration: float, pitch_range: int, noise: float
) -> None:
    lowered = lower(EmotionSettings(exaggeration=exaggeration), TABLE, names=["x"], takes_instructions=False)
    assert lowered.options == {"range": pitch_range, "noise": pytest.approx(noise)}
    assert isinstance(lowered.options["range"], int)
    assert lowered.ignored == ()


def test_a_style_becomes_its_options() -> None:
    lowered = lower(EmotionSettings(style="happy"), TABLE, names=["x"], takes_instructions=False)
    assert lowered.options == {"pitch": 60}
    assert lowered.ignored == ()


def test_what_an_engine_has_nothing_for_is_named() -> None:
    settings = EmotionSettings(style="sad", exaggeration=0.9, instructions="Slowly.", speed=0.8)
    lowered = lower(settings, NO_LOWERING, names=["x"], takes_instructions=False)
    assert lowered.options == {}
    assert lowered.instructions is None
    assert lowered.ignored == ("style", "exaggeration", "instructions")


def test_an_engine_that_takes_instructions_gets_them_in_words() -> None:
    settings = EmotionSettings(style="whispering", exaggeration=0.9, instructions="As if at night.")
    lowered = lower(settings, NO_LOWERING, names=["x"], takes_instructions=True)
    assert lowered.instructions == "Whisper. Show strong emotion. As if at night."
    assert lowered.ignored == ()


def test_the_usual_strength_needs_no_words() -> None:
    lowered = lower(EmotionSettings(exaggeration=0.5), NO_LOWERING, names=["x"], takes_instructions=True)
    assert lowered.instructions is None


def test_options_for_the_engine_count_more_and_those_for_others_not() -> None:
    settings = EmotionSettings(
        exaggeration=0.5, options={"engine": {"range": 1, "a": 1}, "model": {"a": 2}, "other": {"b": 3}}
    )
    lowered = lower(settings, TABLE, names=["engine", "model"], takes_instructions=False)
    assert lowered.options == {"range": 1, "noise": 0.7, "a": 2}


def test_every_style_can_be_said_in_words() -> None:
    assert tuple(IN_WORDS) == STYLES


@pytest.mark.parametrize(
    "values",
    [
        {"exaggeration": 1.1},
        {"exaggeration": -0.1},
        {"exaggeration": float("nan")},
        {"style": "bored"},
        {"speed": 99},
        {"pause": 11},
        {"seed": -1},
        {"loud": 1},
        {"options": {"espeak": 5}},
        {"options": {"espeak": {str(n): n for n in range(65)}}},
    ],
)
def test_wrong_settings_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        EmotionSettings.model_validate(values)
