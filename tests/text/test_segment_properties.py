"""Properties of every text: nothing is lost, nothing comes twice, and the way it arrives changes nothing."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tts_hub.text.segment import Segment, Segmenter
from tts_hub.text.sentences import SentenceFinder

TAG = re.compile(r"\[pause:[0-9.]+s\]")
SILENT = re.compile(r"[\W_]")
PARTS = st.one_of(
    st.sampled_from(
        ["Hello", "Word ", "Dr.", "e.g. ", "U.S. ", "3.14", "你好", "é", "😀", "\u0301", "🇩🇪", "\u200d"]
    ),
    st.sampled_from([".", "!", "?", '"', "(", ")", "“", "”", "»", "...", "。", ",", " — ", " "]),
    st.sampled_from(["\n", "\n\n", "\r\n", "\f", "\u2029", "- ", "1. ", "# "]),
    st.sampled_from(["[pause:1s]", "[", "pau", " [laugh] ", "***\n", "---", "~", "#", "=="]),
    st.sampled_from(["Another sentence is here. ", " " * 70, "x" * 60, "word " * 15]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[<"), max_size=8),
)
TEXTS = st.lists(PARTS, max_size=50).map("".join)
LIMITS = st.tuples(st.sampled_from([1, 7, 25, 60, 250]), st.sampled_from([None, None, 5, 30]))


def segments(pieces: list[str], limits: tuple[int, int | None]) -> list[Segment]:
    segmenter = Segmenter(max_chars=limits[0], first_max_chars=limits[1])
    return [found for piece in pieces for found in segmenter.push(piece)] + segmenter.finish()


@settings(max_examples=250, deadline=None)
@given(TEXTS, LIMITS, st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_the_segments_do_not_depend_on_how_the_text_arrives(
    text: str, limits: tuple[int, int | None], lengths: list[int]
) -> None:
    pieces: list[str] = []
    at = 0
    while at < len(text):
        length = lengths[len(pieces) % len(lengths)]
        pieces.append(text[at : at + length])
        at += length
    whole = segments([text], limits)
    assert segments(pieces, limits) == whole
    assert segments(list(text), limits) == whole


@settings(max_examples=250, deadline=None)
@given(TEXTS, LIMITS)
def test_the_spans_cover_the_text_and_every_character_is_spoken_once(
    text: str, limits: tuple[int, int | None]
) -> None:
    found = segments([text], limits)
    assert "".join(text[slice(*segment.span)] for segment in found) == text
    assert [segment.index for segment in found] == list(range(len(found)))
    spoken = [" "] * len(text)
    for segment in found:
        end = segment.offset + len(segment.text)
        assert segment.span[0] <= segment.offset <= end <= segment.span[1]
        assert segment.text == text[segment.offset : end] == segment.text.strip()
        assert len(segment.text) <= limits[0]
        spoken[segment.offset : end] = segment.text
    # Marks are left out where nothing else is spoken with them; letters and digits never are.
    assert SILENT.sub("", "".join(spoken)) == SILENT.sub("", TAG.sub(" ", text))
    assert all(said in (char, " ") for said, char in zip(spoken, text, strict=True))


class CountingFinder(SentenceFinder):
    """A sentence finder that counts its calls."""

    asked = 0

    def end_at(self, text: str, mark: re.Match[str]) -> int | None:
        CountingFinder.asked += 1
        return super().end_at(text, mark)


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(
        [
            "a",
            ".",
            "a. ",
            "A! [",
            "\n",
            "word ",
            "Yes, no. ",
            '"a. b ',
            "你好。",
            "😀",
            "A line\n",
            "* * *\n",
            "Mr. ",
        ]
    ),
    st.sampled_from([1, 512]),
)
def test_the_work_grows_with_the_text_and_not_faster(unit: str, size: int) -> None:
    text = "x" + unit * (30_000 // len(unit))
    CountingFinder.asked = 0
    segmenter = Segmenter()
    segmenter._sentences = CountingFinder("en")
    for start in range(0, len(text), size):
        segmenter.push(text[start : start + size])
        assert len(segmenter._text) < 4096  # memory stays flat
    segmenter.finish()
    assert CountingFinder.asked <= 2 * len(text)
