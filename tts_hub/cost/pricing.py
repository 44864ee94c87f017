"""What speech costs: the price of a model, what a text will take of it, and what was used in the end."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from tts_hub.text.duration import expected_seconds, spoken_length
from tts_hub.types import Usage

CHARACTERS_PER_TEXT_TOKEN = 4.0
"""Characters of English in a token of a text model."""
AUDIO_TOKENS_PER_SECOND = (21.0, 25.0, 26.0)
"""Least, likely and most; OpenAI's gpt-4o-mini-tts was recorded with 93 tokens for 3.6 s."""
SECONDS_SPREAD = (0.7, 1.0, 1.5)
"""How much faster or slower than usual a voice may speak; a text full of figures takes long to say."""
TEXT_TOKENS_SPREAD = (0.7, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Work:
    """How much an engine is given to speak, in the units that services count."""

    characters: int = 0
    """Characters of what is sent to it: of the segments, and of SSML with its tags."""
    text_tokens: float = 0.0
    """The likely number, with those of instructions."""
    seconds: float = 0.0
    """The likely length of the audio."""

    def __add__(self, other: Work) -> Work:
        return Work(
            self.characters + other.characters,
            self.text_tokens + other.text_tokens,
            self.seconds + other.seconds,
        )


@dataclass(frozen=True, slots=True)
class Bounds:
    """US dollars that a piece of work will cost, before it is done."""

    low: float = 0.0
    likely: float = 0.0
    high: float = 0.0
    """Hardly ever exceeded; all three are equal where only characters are counted."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of work did cost."""

    dollars: float = 0.0
    estimated: bool = False
    """The service did not say all of what it counted."""


def expected_work(text: str, *, speed: float = 1.0, instructions: str | None = None) -> Work:
    """What speaking one piece of text will take; `speed` is that of the engine itself."""
    tokens = (spoken_length(text) + len(instructions or "")) / CHARACTERS_PER_TEXT_TOKEN
    return Work(len(text), tokens, expected_seconds(text, speed=speed))


@dataclass(frozen=True, slots=True)
class EngineEstimate:
    """What one engine is likely to take for a text."""

    backend: str
    """The engine."""
    model: str
    """Which of its models, as it was asked for."""
    cost: float
    """US dollars, the likeliest figure."""
    cost_low: float
    cost_high: float
    """What budgets go by: hardly ever exceeded."""
    price_source: str
    """Where the price stands; empty for an engine that takes nothing."""
    price_checked: dt.date | None
    """When it stood there."""


@dataclass(frozen=True, slots=True)
class CostEstimate(EngineEstimate):
    """The likely cost of a request, before anything is spoken."""

    requested_model: str
    characters: int
    """That the engine gets. Pause tags and the white space between segments are not sent; the tags of SSML
    are, and are counted."""
    segments: int
    audio_seconds: float
    """Likely, pauses included; 15 characters a second at speed 1."""
    fallbacks: tuple[EngineEstimate, ...]
    """The cost of all of it with each engine that may take over."""


class Price(BaseModel):
    """What a service takes for a model, in US dollars. Whatever is set adds up."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    per_million_characters: float = Field(0.0, ge=0)
    per_million_text_tokens: float = Field(0.0, ge=0)
    per_million_audio_tokens: float = Field(0.0, ge=0)
    per_million_credits: float = Field(0.0, ge=0)
    credits_per_character: float = Field(1.0, ge=0, description="of this model, for estimates")
    source: str = Field("", description="source of the figure: an address, or words")
    checked: dt.date | None = Field(None, description="the day on which it stood there")

    @property
    def is_free(self) -> bool:
        """Nothing is taken."""
        return not any(rate for rate, *_ in self._charges(Usage(), Work()))

    def cost(self, usage: Usage, work: Work) -> Cost:
        """The cost by what the service counted; where it reported nothing, estimated from `work`."""
        charges = self._charges(usage, work)
        dollars = sum(rate * (guess if used is None else used) for rate, used, guess in charges) / 1e6
        return Cost(dollars, any(rate and used is None for rate, used, _ in charges))

    def estimate(self, work: Work) -> Bounds:
        """Before the service has counted: exact for characters, a span for tokens.

        The span allows for voices that speak 1.5 times as fast or slow as usual, and for 21 to 26 audio
        tokens a second. Whether a service counts as its price list says is not known before.
        """
        by_characters = self.per_million_characters + self.per_million_credits * self.credits_per_character
        low, likely, high = (
            work.characters * by_characters
            + work.text_tokens * more_text * self.per_million_text_tokens
            + work.seconds * slower * tokens * self.per_million_audio_tokens
            for more_text, slower, tokens in zip(
                TEXT_TOKENS_SPREAD, SECONDS_SPREAD, AUDIO_TOKENS_PER_SECOND, strict=True
            )
        )
        return Bounds(low / 1e6, likely / 1e6, high / 1e6)

    def _charges(self, usage: Usage, work: Work) -> list[tuple[float, float | None, float]]:
        """(dollars for a million, what the service counted, what it will have counted)."""
        audio_tokens = work.seconds * AUDIO_TOKENS_PER_SECOND[1]
        credit = work.characters * self.credits_per_character
        return [
            (self.per_million_characters, usage.characters, work.characters),
            (self.per_million_text_tokens, usage.text_tokens, work.text_tokens),
            (self.per_million_audio_tokens, usage.audio_tokens, audio_tokens),
            (self.per_million_credits, usage.credits, credit),
        ]


def usd(dollars: float) -> str:
    """A sum as people read it, with parts of a cent."""
    places = 2 if dollars >= 1 else 4 if dollars >= 0.01 else 6
    return f"${dollars:.{places}f}"


FREE = Price()
"""The price of engines that charge nothing."""
