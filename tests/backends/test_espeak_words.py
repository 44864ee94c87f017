"""Word timings of espeak-ng: on the text as written, in step with the audio."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncGenerator

import anyio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tts_hub_espeak import EspeakBackend
from tts_hub_espeak.engine import WordEvent
from tts_hub_espeak.words import WordTimer

from tests.backends.espeak_audio import RATE, Spoken, speak
from tts_hub.errors import NoAudioError
from tts_hub.text.words import tokens

pytestmark = pytest.mark.anyio


@pytest.fixture
async def backend() -> AsyncGenerator[EspeakBackend, None]:
    engine = EspeakBackend()
    yield engine
    await engine.aclose()


def texts(spoken: Spoken) -> list[str]:
    return [word.text for word in spoken.words]


def check(text: str, spoken: Spoken) -> None:
    """Check the rules that hold for every text."""
    last_end, last_char = 0.0, 0
    for word in spoken.words:
        assert text[word.span[0] : word.span[1]] == word.text != ""
        assert last_char <= word.span[0] < word.span[1]
        assert last_end <= word.start + 1e-9
        assert word.start <= word.end <= spoken.seconds + 1e-9
        last_end, last_char = word.end, word.span[1]


@pytest.mark.parametrize(
    ("voice", "text", "expected"),
    [
        ("en-us", '"Hello," she (really) said.', "Hello she really said"),
        ("en-us", "I don't read www.x.com — or 3.5 pages!", "I don't read www.x.com or 3.5 pages"),
        ("en-us", "One of the best of all in the town.", "One of the best of all in the town"),
        ("en-us", "In 1984 we paid $5.50, 50% off.", "In 1984 we paid $5.50 50% off"),
        ("en-us", "Nice 😀 work, naïve café cafe\u0301 owner.", "Nice 😀 work naïve café cafe\u0301 owner"),
        ("en-us", "line one\r\n\r\n\tline\u00a0two", "line one line two"),
        ("en-us", "He had—as they say—won.", "He had as they say won"),
        ("en-us", "Well...no, red/green and wait…what?", "Well no red green and wait what"),
        ("cmn", "你好,世界。", "你 好 世 界"),
        ("ja", "こんにちは、世界。", "こ ん に ち は 世 界"),
        ("th", "สวัสดีครับ ยินดีที่ได้รู้จัก", "สวัสดีครับ ยินดีที่ ได้ รู้ จัก"),
        ("ko", "안녕하세요 세계.", "안녕하세요 세계"),
        ("ar", "مرحبا، كيف حالك؟", "مرحبا كيف حالك"),
    ],
)
async def test_words_as_written(backend: EspeakBackend, voice: str, text: str, expected: str) -> None:
    spoken = await speak(backend, text, voice)
    check(text, spoken)
    assert texts(spoken) == expected.split(" ")


async def test_words_joined_by_a_dash_sound_where_they_are_timed(backend: EspeakBackend) -> None:
    spoken = await speak(backend, "We won—Amy may ring")
    won, amy = spoken.words[1:3]
    assert amy.start - won.end > 0.06, "the dash is a pause"
    assert np.abs(spoken.at(won.end + 0.001, amy.start)).max() < 0.01
    for word in (won, amy):
        middle = (word.start + word.end) / 2
        assert np.abs(spoken.at(middle - 0.03, middle + 0.03)).max() > 0.03


SSML = (
    "<speak>Hello <break time='1s'/> big <sub alias='World Wide Web'>WWW</sub> site <mark name='x'/>now "
    "&amp; then, <emphasis>dear</emphasis> <!-- not > this --> &quot;friend&quot; don&apos;t.</speak>"
)


async def test_ssml_spans_are_of_the_source(backend: EspeakBackend) -> None:
    spoken = await speak(backend, SSML, markup="ssml")
    check(SSML, spoken)
    assert " ".join(texts(spoken)) == "Hello big WWW site now &amp; then dear friend don&apos;t"


async def test_an_alias_takes_the_time_it_is_spoken_in(backend: EspeakBackend) -> None:
    words = {word.text: word for word in (await speak(backend, SSML, markup="ssml")).words}
    assert words["WWW"].end - words["WWW"].start > 2 * (words["site"].end - words["site"].start)


async def test_a_word_sounds_where_it_is_timed(backend: EspeakBackend) -> None:
    spoken = await speak(backend, "Mama may marry Lee. Annie, you and I will be away. Are we all here?")
    assert len(spoken.words) == 15
    for word in spoken.words:
        middle = (word.start + word.end) / 2
        assert np.abs(spoken.at(middle - 0.03, middle + 0.03)).max() > 0.03, word


@pytest.mark.parametrize("speed", [0.6, 1.0, 1.4])
async def test_no_word_hangs_through_a_pause(backend: EspeakBackend, speed: float) -> None:
    spoken = await speak(backend, "We go home now. You may run away. All is well.", speed=speed)
    pauses = [(a.end, b.start) for a, b in itertools.pairwise(spoken.words) if a.text in {"now", "away"}]
    for end, start in pauses:
        assert start - end > 0.1
        assert np.abs(spoken.at(end + 0.001, start)).max() < 0.01


async def test_words_without_a_pause_follow_each_other(backend: EspeakBackend) -> None:
    spoken = await speak(backend, "We are all in the warm room")
    assert [a.end for a in spoken.words[:-1]] == pytest.approx([b.start for b in spoken.words[1:]])


async def test_a_word_is_found_where_it_is_without_the_others(backend: EspeakBackend) -> None:
    spoken = await speak(backend, "<speak>one<break time='700ms'/>two</speak>", markup="ssml")
    two = spoken.words[1]
    loud = np.flatnonzero(np.abs(spoken.samples) > 0.01) / RATE
    assert two.start == pytest.approx(float(loud[loud > spoken.words[0].end + 0.3][0]), abs=0.06)


ANY_TEXT = st.lists(
    st.one_of(
        st.sampled_from(
            ["of the", "in", "a", "Dr.", "3.5", "1,234", "www.x.com", "“quoted”", "don't", "(so)"]
        ),
        st.from_regex(r"[A-Za-z]{1,9}[,.!?;:]?", fullmatch=True),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
        st.sampled_from(["你好", "カタ", "สวัสดี", "😀", "👨‍👩‍👧", "é", "—", "…", "\n\n"]),
    ),
    min_size=1,
    max_size=12,
).map(" ".join)


def test_any_text_has_words_in_order_within_the_audio() -> None:
    backend = EspeakBackend()

    @settings(max_examples=120, deadline=None)
    @given(text=ANY_TEXT.filter(str.strip))
    def holds(text: str) -> None:
        try:
            spoken = anyio.run(speak, backend, text)
        except NoAudioError:
            return
        check(text, spoken)
        covered = {place for word in spoken.words for place in range(*word.span)}
        letters = {m.start() for m in re.finditer(r"(?<!\S)[A-Za-z]+(?!\S)", text)}
        assert letters <= covered

    holds()
    anyio.run(backend.aclose)


@given(st.text(max_size=60), st.booleans())
def test_tokens_are_in_order_and_hold_every_letter_outside_markup(text: str, ssml: bool) -> None:
    found = list(tokens(text, ssml=ssml))
    for before, after in itertools.pairwise(found):
        assert before.start < before.end <= after.reach <= after.start
    if not ssml:
        covered = {place for token in found for place in range(token.start, token.end)}
        assert {place for place, letter in enumerate(text) if letter.isalnum()} <= covered


def test_first_event_of_a_token_wins() -> None:
    timer = WordTimer("1234 go", 1000)
    audio = np.full(1000, 0.5, np.float32)
    events = [WordEvent(0, 0), WordEvent(1, 200), WordEvent(1, 400), WordEvent(5, 800)]
    words = timer.feed(audio, events) + timer.finish()
    assert [(word.text, word.start, word.end) for word in words] == [("1234", 0.0, 0.8), ("go", 0.8, 1.0)]


def test_words_without_an_event_share_by_length() -> None:
    timer = WordTimer("of the town", 1000)
    words = timer.feed(np.full(900, 0.5, np.float32), [WordEvent(0, 0), WordEvent(7, 500)]) + timer.finish()
    assert [(word.text, word.start, word.end) for word in words] == [
        ("of", 0.0, 0.2),
        ("the", 0.2, 0.5),
        ("town", 0.5, 0.9),
    ]


def test_events_going_back_do_no_harm() -> None:
    timer = WordTimer("one two", 1000)
    words = timer.feed(np.full(900, 0.5, np.float32), [WordEvent(4, 400), WordEvent(0, 100)]) + timer.finish()
    assert [word.text for word in words] == ["one", "two"]
    assert words[0].end <= words[1].start
