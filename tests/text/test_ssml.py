"""SSML documents: they are spoken in one segment, or refused before anything is spoken."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tts_hub.errors import InvalidTextError, TextTooLongError
from tts_hub.text.segment import Segment
from tts_hub.text.ssml import MAX_SSML_CHARS, check_ssml, whole_as_segment

pytestmark = pytest.mark.anyio


async def segments(source: str | AsyncIterator[str], limit: int = 1_000_000) -> list[Segment]:
    return [segment async for segment in whole_as_segment(source, max_total_chars=limit)]


async def pieces(*texts: str) -> AsyncIterator[str]:
    for text in texts:
        yield text


async def test_a_document_is_one_segment() -> None:
    text = "\n <speak>One. Two.\n\nThree.</speak> "
    (segment,) = await segments(text)
    assert (segment.span, segment.text, segment.offset) == ((0, len(text)), text.strip(), 2)
    assert [s.text for s in await segments(pieces("<speak>One", ". Two", ".</speak>"))] == [
        "<speak>One. Two.</speak>"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "just words",
        "Hi <break time='1s'/> you &amp; me &lt; &#233;",
        "<emphasis>one</emphasis> two",
        "<?xml version='1.0' encoding='utf-16'?>\n<!-- note --><speak xml:lang='de'>Grüße</speak>",
        "<ssml:speak xmlns:ssml='http://www.w3.org/2001/10/synthesis'>namespaced</ssml:speak>",
        "<speak><![CDATA[a < b]]></speak>",
    ],
)
def test_well_formed_documents_and_fragments_pass(text: str) -> None:
    check_ssml(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello & <there", r"line 1, column 8 \(position 7\): not well-formed.*&amp;"),
        ("<speak>Hello <break time=", r"line 1, column 14 \(position 13\): unclosed token; <speak> from"),
        ("<speak>\n<prosody>Grüße\n<b>x</speak>", r"line 3, column 7 .*mismatched tag; <b> from position 23"),
        ("<b>hello", r"position 8\): mismatched tag; <b> from position 0 is still open"),
        ("hello </b> you", r"position 8\): mismatched tag$"),
        ("<speak>one</speak> two", r"position 19\): junk"),
        ("</speak>two<speak>", r"position \d+\): "),
        ("<a x=1>y</a>", r"position 5\): not well-formed"),
        ("two&nbsp;words", r"position 3\): undefined entity; write the character"),
        ("<!DOCTYPE speak SYSTEM 'file:///etc/passwd'><speak>x</speak>", "DOCTYPE is not allowed"),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]><speak>&a;</speak>", "DOCTYPE is not allowed"),
        ("<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><speak>&a;</speak>", "DOCTYPE"),
        ("<speak> <break time='1s'/>\n</speak>", "no words to speak"),
        ("<speak/>", "no words to speak"),
    ],
)
async def test_markup_that_would_be_left_out_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidTextError, match=message):
        await segments(text)


@pytest.mark.parametrize(
    "text",
    ["<!-- -->" * 3_990 + "<x", "<a>" * 10_000, "<" * 30_000, "<?a?>\n" * 4_000],
    ids=["comments", "elements", "brackets", "instructions"],
)
def test_refusing_takes_no_time(text: str) -> None:
    with pytest.raises(InvalidTextError):
        check_ssml(text)


async def test_a_document_that_is_too_long_for_one_piece_is_refused() -> None:
    longest = f"<speak>{'x' * (MAX_SSML_CHARS - 15)}</speak>"
    assert len(await segments(longest)) == 1
    with pytest.raises(TextTooLongError, match="32000, because it is spoken in one piece"):
        await segments(longest + " ")
    with pytest.raises(TextTooLongError, match="limit is 10;"):
        await segments("<speak>Hello</speak>", limit=10)


async def test_a_stream_without_end_is_refused_early_and_closed() -> None:
    closed = False

    async def endless() -> AsyncIterator[str]:
        nonlocal closed
        try:
            while True:
                yield "more " * 100
        finally:
            closed = True

    with pytest.raises(TextTooLongError):
        await segments(endless())
    assert closed
