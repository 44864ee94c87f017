"""The faults of a take, and what is none."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys

import numpy as np
import pytest
from tts_hub_chatterbox.nets.units import SILENCE
from tts_hub_chatterbox.scheduler.guards import Fault, SoundGuard, TokenGuard
from tts_hub_chatterbox.t3.text import clean, pad_short

SENTENCE = "The quick brown fox jumps over the lazy dog, and nobody was surprised."
LONG = " ".join([SENTENCE] * 4)
LIMIT = 1000


def random_tokens(count: int, seed: int = 0) -> list[int]:
    return random.Random(seed).choices(range(6561), k=count)


def first_fault(guard: TokenGuard, tokens: list[int]) -> tuple[Fault | None, int]:
    """The fault, and after how many tokens it was seen."""
    for count, token in enumerate(tokens, 1):
        if (fault := guard.check(token)) is not None:
            return fault, count
    return None, len(tokens)


def test_needs_no_torch() -> None:
    code = "import sys, tts_hub_chatterbox.scheduler.guards; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- length -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Hi!", 0.3),
        ("Hi!", 2.0),
        ("Hello world.", 0.8),
        (SENTENCE, 2.6),
        (SENTENCE, 4.5),
        (SENTENCE, 9.0),
        (LONG, 11.0),
        (LONG, 38.0),
        ("[laugh]", 0.5),
        ("[laugh]", 6.0),
        ("Well [sigh] if you say so. [laugh][cough]", 8.0),
        ("1984.", 1.2),
        ("Call 0800 555 7316 now.", 10.0),
        ("€1,499.99 + 19%.", 8.0),
        ("The USA, the UK and the BBC.", 6.0),
        ("Nooooooooooooooooooooooooooooooooooooooooooo!", 0.7),
        ("Aaaaaaaaaaah!", 4.0),
        ("我能吞下玻璃而不伤身体.", 5.0),
        ("She said: ... -- ... nothing.", 5.0),
        ("😀😀😀😀 ok.", 0.4),
    ],
)
def test_a_text_may_be_spoken_quickly_or_slowly(text: str, seconds: float) -> None:
    count = round(seconds * 25)
    guard = TokenGuard(clean(text), LIMIT)
    assert first_fault(guard, random_tokens(count)) == (None, count)
    assert guard.check_end(count) is None


@pytest.mark.parametrize(
    ("text", "most"),
    [("Hi!", 100), ("Hello world.", 160), (SENTENCE, 450), (LONG, LIMIT), ("[laugh]", 230)],
)
def test_a_take_that_does_not_end_is_seen_before_long(text: str, most: int) -> None:
    guard = TokenGuard(clean(text), LIMIT)
    fault, count = first_fault(guard, random_tokens(2 * LIMIT))
    assert fault is not None
    assert fault.kind == "endless"
    assert count == guard.most <= most


def test_a_limit_below_the_usual_length_cuts_the_text_and_is_no_fault() -> None:
    guard = TokenGuard(SENTENCE, 50)
    assert guard.most == 50
    assert first_fault(guard, random_tokens(50)) == (None, 50)


def test_without_a_limit_the_text_alone_counts() -> None:
    assert TokenGuard(LONG * 4).most > LIMIT
    assert TokenGuard("Hi!").most == TokenGuard("Hi!", LIMIT).most


@pytest.mark.parametrize(
    ("text", "count"),
    [("Hi!", 2), ("[laugh]", 0), ("One two three four.", 4), (SENTENCE, 20), (LONG, 100)],
)
def test_a_take_that_ends_at_once_has_left_words_out(text: str, count: int) -> None:
    fault = TokenGuard(clean(text), LIMIT).check_end(count)
    assert fault is not None
    assert fault.kind == "too_short"


def test_what_a_fault_says_is_for_people_and_has_nothing_of_the_text() -> None:
    fault = TokenGuard(SENTENCE).check_end(10)
    assert fault == Fault("too_short", "over after 0.4 s, far too soon for the text")


# --- loops ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 2, 3, 7, 20, 25, 50])
def test_a_loop_is_seen_within_its_third_round_or_two_seconds(length: int) -> None:
    cycle = random_tokens(length, seed=1)
    before = random_tokens(30, seed=2)
    loop = list(itertools.islice(itertools.cycle(cycle), 400))
    fault, count = first_fault(TokenGuard(LONG), before + loop)
    assert fault is not None
    assert fault.kind == "repetition"
    assert count == len(before) + max(length + 50, 3 * length)


def test_a_loop_with_a_token_in_it_twice_is_one() -> None:
    fault, _ = first_fault(TokenGuard(LONG), [5, 5, 6, 5, 6, 7] * 20)
    assert fault is not None
    assert fault.kind == "repetition"


def test_a_hum_of_few_tokens_in_any_order_is_a_loop() -> None:
    hum = random.Random(3).choices([10, 20, 30, SILENCE], k=200)
    fault, count = first_fault(TokenGuard(LONG), random_tokens(50) + hum)
    assert fault is not None
    assert (fault.kind, count) == ("repetition", 150)


@pytest.mark.parametrize(
    "tokens",
    [
        [7] * 45,  # a vowel held for nearly two seconds
        random_tokens(25, seed=4) * 2,  # "come on, come on"
        [token for token in random_tokens(40, seed=5) for _ in range(8)],  # slow, each sound held
        random.Random(6).choices(range(20), k=500),
    ],
)
def test_what_is_held_or_said_twice_is_no_loop(tokens: list[int]) -> None:
    assert first_fault(TokenGuard(LONG), random_tokens(20) + tokens)[0] is None


@pytest.mark.parametrize("seed", range(20))
def test_random_tokens_are_neither_a_loop_nor_silence(seed: int) -> None:
    assert first_fault(TokenGuard(LONG * 10), random_tokens(4000, seed))[0] is None


# --- silence ----------------------------------------------------------------------------------------------


def test_a_pause_is_no_fault_and_a_long_silence_is_one() -> None:
    pause, words = [SILENCE] * 55, random_tokens(40)
    assert first_fault(TokenGuard(LONG), words + pause + words + pause + words)[0] is None
    fault, count = first_fault(TokenGuard(LONG), words + [SILENCE] * 200)
    assert fault is not None
    assert (fault.kind, count) == ("silence", len(words) + 75)


@pytest.mark.parametrize("piece", [1, 100, 480, 1000, 24_000, 10**6])
def test_sound_that_is_gone_for_seconds_is_a_fault(piece: int) -> None:
    rate = 24_000
    tone = 0.1 * np.sin(np.arange(rate) / 10, dtype=np.float32)
    hiss = np.random.default_rng(0).normal(0, 5e-4, 5 * rate).astype(np.float32)
    paused = np.concatenate([tone, hiss[: 5 * rate // 2], tone, hiss[: 5 * rate // 2], tone])
    assert sound_fault(paused, piece) is None
    fault = sound_fault(np.concatenate([tone, hiss, tone]), piece)
    assert fault is not None
    assert fault.kind == "silence"
    assert sound_fault(np.zeros(5 * rate, np.float32), piece) == fault


def sound_fault(samples: np.ndarray, piece: int) -> Fault | None:
    guard = SoundGuard(24_000)
    faults = (guard.check(samples[at : at + piece]) for at in range(0, len(samples), piece))
    return next((fault for fault in faults if fault is not None), None)


# --- very short texts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("hi!", "Hi! ..."),
        ("No", "No. ..."),
        ("7", "7. ..."),
        ("Hello world.", "Hello world. ..."),
        ("Well,", "Well, ..."),
        ("Hmm...", "Hmm..."),
        ("[laugh]", "[laugh]."),
        ("Hi [laugh]", "Hi [laugh]."),
        ("How are you today?", "How are you today?"),
        (SENTENCE, SENTENCE),
    ],
)
def test_a_very_short_text_gets_a_rest_behind_it_and_keeps_its_words(text: str, wanted: str) -> None:
    once = pad_short(clean(text))
    assert once == wanted
    assert pad_short(once) == once
