"""The bytes that services send: WAV in all its forms, lines and events in pieces, words on the text."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import AsyncGenerator, Iterable
from functools import partial
from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tts_hub_remote.decoding import container_of, decoded
from tts_hub_remote.events import events
from tts_hub_remote.failures import refusal_of, retry_after
from tts_hub_remote.wav import WavReader
from tts_hub_remote.words import WordMatcher

from tests.remote.serving import RATE, encoded, tone
from tts_hub.captions.wire import json_lines
from tts_hub.errors import GenerationError

pytestmark = pytest.mark.anyio
S16 = (tone("Hello there.") * 32767).astype("<i2").tobytes()
SOUND = (np.frombuffer(S16, "<i2") / 32768).astype(np.float32)


def wav(
    data: bytes, *, size: int | None = None, form: bytes = b"", extra: bytes = b"", bits: int = 16
) -> bytes:
    """A WAV whose header claims `size` bytes of samples."""
    fmt = form or struct.pack("<HHIIHH", 1, 1, RATE, RATE * bits // 8, bits // 8, bits)
    claimed = len(data) if size is None else size
    head = b"RIFF" + struct.pack("<I", 0xFFFFFFFF) + b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt
    return head + extra + b"data" + struct.pack("<I", claimed) + data


def read(body: bytes, step: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    reader = WavReader()
    parts = [s for i in range(0, len(body), step) for s in reader.read(body[i : i + step])]
    parts.append(reader.finish())
    assert reader.sample_rate == RATE
    return np.concatenate(parts)


HOURS = (0x77359400, 1_000_000_000, 0x7FFEFFFF, 0x7FFFF000, 2_000_000_036, 0x7F000000, 3600 * RATE * 2)
"""Sizes in headers whose writer did not know the size: hours of speech."""
LIST = b"LIST" + struct.pack("<I", 26) + b"INFOISFT" + struct.pack("<I", 14) + b"Lavf62.12.100\0"
STEREO = struct.pack("<HHIIHH", 1, 2, RATE, RATE * 4, 4, 16)
FLOAT = struct.pack("<HHIIHH", 3, 1, RATE, RATE * 4, 4, 32)
EXTENSIBLE = (
    struct.pack("<HHIIHH", 0xFFFE, 1, RATE, RATE * 2, 2, 16) + struct.pack("<HHIH", 22, 16, 4, 1) + bytes(14)
)
VARIANTS = {
    "exact": wav(S16),
    "openai": wav(S16, size=0xFFFFFFFF),
    "kokoro": wav(S16, size=0xFFFFFFFF, extra=LIST),
    "alltalk": wav(S16, size=0),
    "travisvn": wav(S16, size=0x7FFFFFFF - 36),
    "stereo": wav(np.repeat(np.frombuffer(S16, "<i2"), 2).tobytes(), form=STEREO),
    "float": wav(SOUND.astype("<f4").tobytes(), form=FLOAT),
    "extensible": wav(S16, form=EXTENSIBLE),
    "24 bits": wav(
        (np.frombuffer(S16, "<i2").astype("<i4") << 8).view(np.uint8).reshape(-1, 4)[:, :3].tobytes(), bits=24
    ),
    "two files": wav(S16[:2000]) + wav(S16[2000:]),
    "two files of unknown sizes": wav(S16[:2000], size=0) + wav(S16[2000:], size=0xFFFFFFFF),
    "three files, one header for all": wav(
        S16[:2000] + wav(S16[2000:3000]) + wav(S16[3000:]), size=len(S16) + 2 * 44
    ),
    "a chunk behind": wav(S16) + LIST,
    "an odd chunk behind": wav(S16) + b"junk" + struct.pack("<I", 3) + b"abc\0" + LIST,
    **{f"claims {size:#x}": wav(S16, size=size) for size in HOURS},
}


@pytest.mark.parametrize("step", [1, 7, 4096, 10**9])
@pytest.mark.parametrize("name", VARIANTS)
def test_every_wav_is_read_however_it_is_cut(name: str, step: int) -> None:
    assert read(VARIANTS[name], step) == pytest.approx(SOUND, abs=1e-6)


@pytest.mark.parametrize(
    "body",
    [
        wav(S16)[:-500],
        wav(S16, size=60 * RATE * 2),
        wav(S16, size=3599 * RATE * 2),
        wav(S16[:2000], size=len(S16) * 2) + wav(S16[:2000]),
        wav(S16[:2001], size=0) + wav(S16[:2000]),
        wav(S16, form=struct.pack("<HHIIHH", 1, 1, 0, 0, 2, 16)),
        wav(S16)[:30],
        b"",
        wav(S16, size=0) + b"\1",
        b"RIFFxxxxAVI LIST",
        wav(S16, bits=12),
    ],
)
def test_a_wav_that_is_cut_off_or_none_is_reported(body: bytes) -> None:
    with pytest.raises((ValueError, struct.error)):
        read(body, 4096)


@pytest.mark.parametrize("format_name", ["wav", "flac", "opus", "mp3", "aac"])
@pytest.mark.parametrize("claimed", ["audio/pcm", "application/octet-stream", ""])
def test_a_container_is_known_by_its_bytes(format_name: str, claimed: str) -> None:
    head = encoded(SOUND, format_name)[:16]
    claim = {"mp3": "audio/mp3", "aac": "audio/aac"}.get(format_name, claimed)
    assert container_of(head, claim) == {"opus": "ogg"}.get(format_name, format_name)


def test_eight_bits_have_a_byte_behind_an_odd_count() -> None:
    eight = bytes(128 + 3 * (n % 9) for n in range(1001))
    body = wav(eight, bits=8) + b"\0" + wav(eight, bits=8) + b"\0" + LIST
    assert len(read(body, 7)) == 2002


@pytest.mark.parametrize("step", [1, 5, 10**9])
def test_samples_that_look_like_a_mark_are_samples(step: int) -> None:
    data = S16[:1000] + b"RIFFsamp" + b"RIF" + b"RIFF\1\1"
    for size in (0, len(data)):
        samples = read(wav(data[: len(data) & ~1], size=size and len(data) & ~1), step)
        assert len(samples) == len(data) // 2


def test_loud_samples_are_not_taken_for_mp3() -> None:
    assert container_of(b"\xff\xfb" * 8, "audio/pcm") == "pcm"
    assert container_of(b"\xff\xfb" * 8, "application/octet-stream") == "pcm"


# --- what is joined, and what is tagged -------------------------------------------------------------------


def id3v2(size: int = 300, *, footer: bool = False) -> bytes:
    """A tag with a picture of zeros."""
    length = bytes(size >> shift & 127 for shift in (21, 14, 7, 0))
    head = b"\4\0" + bytes([0x10 if footer else 0]) + length
    return b"ID3" + head + bytes(size) + (b"3DI" + head if footer else b"")


def ape(*, header: bool = True) -> bytes:
    item = struct.pack("<II", 3, 0) + b"Title\0abc"
    fields = struct.pack("<III", 2000, len(item) + 32, 1)
    first = b"APETAGEX" + fields + struct.pack("<I", 0xA0000000) + bytes(8) if header else b""
    return first + item + b"APETAGEX" + fields + struct.pack("<I", 0x80000000 if header else 0) + bytes(8)


def with_a_description(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> bytes:
    """An mp3 as FFmpeg writes it into a file: a tag, a frame that describes the file, the audio."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as out:
        stream = out.add_stream("mp3", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], "s16", "mono")
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    return file.getvalue()


ID3V1 = b"TAG" + bytes(125)
CLAIMED = {
    "mp3": "audio/mpeg",
    "aac": "audio/aac",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "wav": "audio/wav",
}
TAGGED = {
    "nothing": (b"", b"", b""),
    "ID3v2": (id3v2(), id3v2(), b""),
    "ID3v2 with a footer": (id3v2(footer=True), id3v2(footer=True), b""),
    "two tags of 100 kB": (id3v2(100_000) * 2, id3v2(100_000) * 2, b""),
    "ID3v1": (b"", ID3V1, ID3V1),
    "APE": (b"", ape(), ape() + ID3V1),
    "APE without a header": (b"", ape(header=False), ape(header=False)),
    "all": (id3v2(), ape() + ID3V1 + id3v2(70), ape() + ID3V1),
    "zeros": (b"", bytes(999), bytes(999)),
}


async def heard_in(body: bytes, claimed: str, step: int = 1000) -> float:
    """The length of the audio in seconds."""
    pieces = (body[begin : begin + step] for begin in range(0, len(body), step))
    chunks = decoded(_pieces(pieces), claimed=claimed, sample_rate=None, backend="box")
    return sum([len(chunk.samples) / chunk.sample_rate async for chunk in chunks])


@pytest.mark.parametrize("tags", TAGGED)
@pytest.mark.parametrize("format_name", ["mp3", "described mp3", "aac"])
async def test_joined_files_are_decoded_whole_whatever_tags_are_between(format_name: str, tags: str) -> None:
    encode = (
        with_a_description if format_name == "described mp3" else partial(encoded, format_name=format_name)
    )
    first, second = encode(SOUND), encode(SOUND[:5000])
    claimed = CLAIMED[format_name.removeprefix("described ")]
    front, between, end = TAGGED[tags]
    alone = await heard_in(first, claimed) + await heard_in(second, claimed)
    for step in (7, 1000, 10**9):
        together = await heard_in(front + first + between + second + end, claimed, step)
        assert together == pytest.approx(alone, abs=0.06), "but for a frame or the delay of the encoder"


@pytest.mark.parametrize("format_name", ["opus", "flac", "wav"])
async def test_containers_are_decoded_behind_a_tag_and_joined(format_name: str) -> None:
    first, second = encoded(SOUND, format_name), encoded(SOUND[:5000], format_name)
    alone = len(SOUND) / RATE
    assert await heard_in(id3v2() + first, CLAIMED[format_name]) == pytest.approx(alone, abs=0.01)
    assert await heard_in(id3v2() + first, "application/octet-stream") == pytest.approx(alone, abs=0.01)
    assert await heard_in(first + second, CLAIMED[format_name]) == pytest.approx(
        alone + 5000 / RATE, abs=0.01
    )


@pytest.mark.parametrize("format_name", ["mp3", "aac"])
async def test_bad_bytes_between_frames_are_passed_over(format_name: str) -> None:
    first, second = encoded(SOUND, format_name), encoded(SOUND[:5000], format_name)
    alone = await heard_in(first + second, CLAIMED[format_name])
    for junk in (b"\xff\xfbjunk", b"not audio at all" * 100, b"\xff" * 50):
        assert await heard_in(first + junk + second, CLAIMED[format_name]) == pytest.approx(alone, abs=0.06)


@pytest.mark.parametrize("format_name", ["mp3", "described mp3", "aac"])
@pytest.mark.parametrize("joined", [False, True])
async def test_what_is_really_cut_is_refused(format_name: str, joined: bool) -> None:
    encode = (
        with_a_description if format_name == "described mp3" else partial(encoded, format_name=format_name)
    )
    body = encode(SOUND)
    front = body + id3v2() if joined else b""
    for end in (body[:-100], body[:-3], body + id3v2()[:50], body + b'{"error": "out of memory"}'):
        with pytest.raises(GenerationError, match="box"):
            await heard_in(front + end, CLAIMED[format_name.removeprefix("described ")])


async def test_a_joined_file_of_another_rate_is_resampled_to_the_first() -> None:
    body = encoded(SOUND, "mp3") + id3v2() + encoded(SOUND[:12_000], "mp3", rate=RATE // 2)
    assert await heard_in(body, "audio/mpeg") == pytest.approx(len(SOUND) / RATE + 12_000 * 2 / RATE, abs=0.2)


@given(
    st.binary(max_size=400), st.sampled_from(["audio/wav", "audio/mpeg", "audio/ogg", "audio/flac", "x/y"])
)
async def test_no_bytes_at_all_raise_anything_but_a_generation_error(body: bytes, claimed: str) -> None:
    try:
        async for _ in decoded(_pieces([body]), claimed=claimed, sample_rate=RATE, backend="box"):
            pass
    except GenerationError as exc:
        assert "box" in str(exc)


async def _pieces(parts: Iterable[bytes]) -> AsyncGenerator[bytes, None]:
    for part in parts:
        yield part


def cut(data: bytes, places: list[int]) -> list[bytes]:
    borders = sorted({min(place, len(data)) for place in places} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(borders)]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n"])
@given(places=st.lists(st.integers(0, 200), max_size=8))
async def test_lines_and_events_are_the_same_however_they_are_cut(
    places: list[int], end: str, last: str
) -> None:
    values = [{"a": 1, "text": "grüße\u2028x"}, {"b": [1, 2]}, {"c": ""}]
    dumped = [json.dumps(value, ensure_ascii=False) for value in values]
    lines = (end.join(dumped) + last).encode()
    sent = "".join(f"event: x{end}data: {text}{end}{end}" for text in dumped) + f"data: [DONE]{end}"
    found = [line async for line in json_lines(_pieces(cut(lines, places)), "box")]
    parsed = [event async for event in events(_pieces(cut(sent.encode(), places)), "box")]
    assert found == parsed == values


async def test_half_a_line_is_an_error_and_not_an_end() -> None:
    with pytest.raises(GenerationError, match="not complete JSON"):
        _ = [line async for line in json_lines(_pieces([b'{"a": 1}\n{"b": ']), "box")]
    with pytest.raises(GenerationError, match="list where an object belongs"):
        _ = [line async for line in json_lines(_pieces([b"[]"]), "box")]


def said(text: str, *words: str) -> list[tuple[str, float, float]]:
    """The matched words of `words`, which are spoken one a second."""
    matcher = WordMatcher(text)
    timings = [t for i, word in enumerate(words) for t in matcher.match(word, float(i), i + 1.0)]
    timings += matcher.finish()
    assert all(text[slice(*t.span)] == t.text for t in timings)
    return [(t.text, t.start, t.end) for t in timings]


def test_words_said_as_written_keep_their_times() -> None:
    assert said("Well, hello!", "Well", ",", "hello", "!") == [("Well", 0, 1), ("hello", 2, 3)]


def test_a_number_has_the_time_of_what_was_said_for_it() -> None:
    timings = said("I have 42 cats.", "I", "have", "forty", "two", "cats")
    assert timings == [("I", 0, 1), ("have", 1, 2), ("42", 2, 4), ("cats", 4, 5)]


def test_a_word_that_is_said_in_pieces_is_one_word() -> None:
    assert said("a well-known fact", "a", "well", "known", "fact") == [
        ("a", 0, 1),
        ("well-known", 1, 3),
        ("fact", 3, 4),
    ]


def test_two_words_that_are_said_as_one_share_its_time() -> None:
    assert said("He had—as ever—won", "He", "had—as", "ever—won") == [
        ("He", 0, 1),
        ("had", 1, 1 + 3 / 5),
        ("as", 1 + 3 / 5, 2),
        ("ever", 2, 2 + 4 / 7),
        ("won", 2 + 4 / 7, 3),
    ]


def test_two_numbers_in_a_row_share_their_time() -> None:
    assert said("at 10 100 o'clock", "at", "ten", "one", "hundred", "o'clock") == [
        ("at", 0, 1),
        ("10", 1, 1 + 3 * 2 / 5),
        ("100", 1 + 3 * 2 / 5, 4),
        ("o'clock", 4, 5),
    ]


@given(st.text(max_size=60), st.lists(st.text(max_size=8), max_size=12))
def test_whatever_is_said_words_stand_on_the_text_in_order(text: str, words: list[str]) -> None:
    matcher = WordMatcher(text)
    timings = [t for i, word in enumerate(words) for t in matcher.match(word, float(i), i + 1.0)]
    timings += matcher.finish()
    spans = [t.span for t in timings]
    assert spans == sorted(spans)
    assert all(text[slice(*t.span)] == t.text and t.start <= t.end for t in timings)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Wed, 01 Jan 2020 00:00:00 GMT"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "1e999"}, None),
        ({}, None),
    ],
)
def test_when_to_come_back_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode), st.integers(400, 599))
def test_any_refusal_is_read(body: bytes, status: int) -> None:
    refusal = refusal_of(status, {}, body)
    assert refusal.message
    assert "\n" not in refusal.message


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["error", "detail", "message", "code", "loc", "param"]), inner)
        ),
        max_leaves=8,
    )
)
def test_json_of_any_shape_is_read(value: object) -> None:
    assert refusal_of(500, {}, json.dumps(value).encode()).message
