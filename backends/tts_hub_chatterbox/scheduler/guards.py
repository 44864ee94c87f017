"""Checks for known faults of Chatterbox, in the speech tokens of a segment while they come, and in its sound.

A take can miss the end of its text, leave words out, repeat itself, or fall silent for tens of seconds;
another seed nearly always helps. The checks cost microseconds a token and know nothing of the words: they
compare the tokens with how long a text of this length can take, so they are generous. The tokens of a model
with random weights pass for neither a loop nor silence.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, deque
from dataclasses import dataclass

import numpy as np

from tts_hub.text.duration import CHARACTERS_PER_SECOND
from tts_hub.types import RetakeReason, Samples
from tts_hub_chatterbox.nets.units import SILENCE, TOKENS_PER_SECOND

# --- how long a text can take ---
SECONDS_PER_CHARACTER = 1 / CHARACTERS_PER_SECOND
"""The usual speed, spaces and pauses included: 150 words a minute."""
SLOWEST = 4.0
"""The longest that a short text may take, in times of its usual length."""
SLOWEST_ON_AVERAGE = 2.5
"""The same for a long text, where slow words and quick ones even out: 60 words a minute."""
SLACK = 2.0
"""Seconds added for breath, hesitation and silence behind the last word, with `SLOWEST`."""
SLACK_ON_AVERAGE = 5.0
"""The same with `SLOWEST_ON_AVERAGE`."""
FASTEST = 4.0
"""The usual length divided by the shortest: 600 words a minute."""
SHORT_OF = 0.1
"""Seconds taken off the shortest length, for texts that are little more than a word."""
LEAST_OF_A_WORD = 3
"""Tokens of a text with a letter or digit: 0.12 s."""

TAG_SECONDS = 1.5
"""The usual length of a laugh; it counts in the longest length four times over, and not in the shortest."""
DIGIT_SECONDS = 0.4
SYMBOL_SECONDS = 0.5
"""`%` is "per cent", and an emoji may be read as anything."""
PAUSE_SECONDS = 0.2
"""The pause at a punctuation mark."""
INITIAL_SECONDS = 0.3
"""A capital beside a capital, which may be spelt out."""
CASELESS_SECONDS = 0.25
"""A letter of a script without capitals, Chinese for instance: often a whole syllable."""
BRACKETED = re.compile(r"\[[^\[\]]*\]")
TAG = re.compile(
    r"\[(?:angry|fear|surprised|whispering|advertisement|dramatic|narration|crying|happy|sarcastic"
    r"|clear throat|sigh|shush|cough|groan|sniff|gasp|chuckle|laugh)\]"
)
LONG_DRAWN = re.compile(r"(\w)\1{2,}")
"""Nooooo: its length says nothing about how long it is spoken."""

# --- loops and silence ---
LONGEST_CYCLE = 50
"""Tokens, 2 s: a longer cycle is a sentence that is said again."""
LOOP = 50
"""Tokens, 2 s, of a cycle's repetitions that make it a fault."""
ROUNDS = 3
"""How often a cycle of several tokens must come, the first time included, to be a fault."""
WINDOW = 100
"""Tokens, 4 s; in speech more than `FEW` of them are different."""
FEW = 4
LONGEST_SILENCE = 75
"""Tokens, 3 s; a pause for effect has 2 s."""

QUIETEST = 1e-3
"""The root mean square of a silent frame, relative to full scale: -60 dBFS."""
FRAME_SECONDS = 0.02
QUIET_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Fault:
    """The reason why a take is of no use."""

    kind: RetakeReason
    message: str
    """A message for people, without any of the text."""


class TokenGuard:
    """Checks the speech tokens of one take of one segment.

    A reached `limit` is a fault only if the text should have been over by then: a limit below the usual
    length of the text cuts it, and says nothing about the take.
    """

    def __init__(self, text: str, limit: int | None = None) -> None:
        """`text` is the cleaned text of the segment, `limit` the most tokens that may be sampled."""
        usual, shortest = _usual_seconds(text), _shortest_seconds(text)
        longest = min(SLOWEST * usual + SLACK, SLOWEST_ON_AVERAGE * usual + SLACK_ON_AVERAGE)
        by_text = math.ceil(longest * TOKENS_PER_SECOND)
        at_all = LEAST_OF_A_WORD if any(map(str.isalnum, TAG.sub("", text))) else 1
        self.least = max(at_all, math.floor(shortest * TOKENS_PER_SECOND))
        """The fewest tokens of sound, the stop not counted."""
        self.most = by_text if limit is None else min(by_text, limit)
        """The most tokens, the stop counted."""
        self.usual = usual * TOKENS_PER_SECOND
        """The usual number of tokens of a text like it."""
        self._is_cut = limit is not None and limit < usual * TOKENS_PER_SECOND
        self._count = 0
        self._silence = 0
        self._matches = [0] * (LONGEST_CYCLE + 1)
        """How many tokens in a row were the same as the one d before them, by the distance d."""
        self._window: deque[int] = deque()
        self._in_window: Counter[int] = Counter()

    def check(self, token: int) -> Fault | None:
        """The fault that shows at this token, which is a sound and not the stop; None if there is none."""
        self._count += 1
        self._silence = self._silence + 1 if token == SILENCE else 0
        if self._silence >= LONGEST_SILENCE:
            return Fault("silence", f"silence for {_seconds(self._silence)} within the segment")
        if (cycle := self._cycle(token)) is not None:
            return Fault("repetition", f"the same {_seconds(cycle)} of sound again and again")
        if self._is_monotonous(token):
            return Fault("repetition", f"hardly any change in the sound for {_seconds(WINDOW)}")
        if self._count >= self.most and not self._is_cut:
            return Fault("endless", f"no end after {_seconds(self._count)}, far too long for the text")
        return None

    def check_end(self, count: int) -> Fault | None:
        """The fault of a take that came to its stop with too few tokens of sound for the text."""
        if count >= self.least:
            return None
        return Fault("too_short", f"over after {_seconds(count)}, far too soon for the text")

    def _cycle(self, token: int) -> int | None:
        """The length of a cycle that has been repeated for too long."""
        found = None
        window, matches = self._window, self._matches
        for distance in range(1, min(LONGEST_CYCLE, len(window)) + 1):
            if window[-distance] != token:
                matches[distance] = 0
                continue
            matches[distance] += 1
            enough = max(LOOP, (ROUNDS - 1) * distance)
            if found is None and matches[distance] >= enough and self._silence < LOOP:
                found = distance
        return found

    def _is_monotonous(self, token: int) -> bool:
        self._window.append(token)
        self._in_window[token] += 1
        if len(self._window) > WINDOW:
            oldest = self._window.popleft()
            self._in_window[oldest] -= 1
            if not self._in_window[oldest]:
                del self._in_window[oldest]
        return len(self._window) == WINDOW and len(self._in_window) <= FEW


class SoundGuard:
    """Checks the samples of a segment as they leave, in pieces of any length."""

    def __init__(self, sample_rate: int) -> None:
        self._frame = round(FRAME_SECONDS * sample_rate)
        self._most = round(QUIET_SECONDS / FRAME_SECONDS)
        self._quiet = 0
        """Silent frames in a row."""
        self._rest: Samples = np.zeros(0, np.float32)

    def check(self, samples: Samples) -> Fault | None:
        """The fault of sound that has been silent for too long, or None."""
        held = np.concatenate([self._rest, samples])
        count = len(held) // self._frame
        frames, self._rest = np.split(held, [count * self._frame])
        levels = np.mean(frames.reshape(count, self._frame) ** 2, axis=1)  # (frames,)
        for level in levels:
            self._quiet = 0 if level >= QUIETEST**2 else self._quiet + 1
            if self._quiet > self._most:
                return Fault("silence", f"no sound for {QUIET_SECONDS:g} s within the segment")
        return None


def _usual_seconds(text: str) -> float:
    """How long a text takes at a usual speed, with everything in it spelt out."""
    tags = len(TAG.findall(text))
    spoken = TAG.sub(" ", text)
    beside = zip(spoken, " " + spoken[:-1], spoken[1:] + " ", strict=True)
    return tags * TAG_SECONDS + sum(_usual_of(*letters) for letters in beside)


def _usual_of(character: str, before: str, after: str) -> float:
    category = unicodedata.category(character)
    if character.isdecimal():
        return DIGIT_SECONDS
    if category[0] == "S" or character in "@#&%*/\\_":
        return SYMBOL_SECONDS
    if character in ".,;:!?-":
        return PAUSE_SECONDS
    if category in {"Lo", "Nl", "No"}:
        return CASELESS_SECONDS
    if character.isupper() and (before.isupper() or after.isupper()):
        return INITIAL_SECONDS
    return SECONDS_PER_CHARACTER


def _shortest_seconds(text: str) -> float:
    """How long a text takes at least, by its letters and digits alone, as the net may skip all else."""
    plain = LONG_DRAWN.sub(r"\1", BRACKETED.sub(" ", text))
    letters = sum(c.isdecimal() or c.lower() != c.upper() or c == " " for c in plain)
    return max(0.0, letters * SECONDS_PER_CHARACTER / FASTEST - SHORT_OF)


def _seconds(tokens: int) -> str:
    return f"{tokens / TOKENS_PER_SECOND:.3g} s"
