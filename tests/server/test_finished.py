"""Finished files: `"stream": false`, `server.stream = false`, short answers that are held for a moment."""

from __future__ import annotations

import errno
import hashlib
import io
import struct
import tempfile
from typing import Any

import av
import httpx
import pytest

from tests.audio.decoding import decode
from tests.server.conftest import PATIENCE, Serve, Served, connected, received, speech_bytes, wait_for
from tts_hub.server import finished
from tts_hub.testing import FakeScript

TEXT = "one two three four five six"
SECONDS = 6 * 0.3
TWO = "One two three. Four five six."
SPOOLS: list[Spool] = []


class Spool(tempfile.SpooledTemporaryFile[bytes]):
    """A temporary file that a test can look at when it is closed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        SPOOLS.append(self)

    @property
    def is_on_disk(self) -> bool:
        return bool(getattr(self, "_rolled"))  # noqa: B009 - the type stubs do not have it


@pytest.fixture
def spools(monkeypatch: pytest.MonkeyPatch) -> list[Spool]:
    monkeypatch.setattr(finished, "SpooledTemporaryFile", Spool)
    SPOOLS.clear()
    return SPOOLS


def samples_in_flac_header(data: bytes) -> tuple[int, bytes]:
    """The number of samples and their MD5, from STREAMINFO."""
    assert data[:4] == b"fLaC"
    info = data[8:42]
    return int.from_bytes(info[10:18], "big") & (1 << 36) - 1, info[18:34]


def pcm_of(data: bytes) -> bytes:
    """The samples that are encoded in a lossless file."""
    with av.open(io.BytesIO(data), "r") as container:
        return b"".join(frame.to_ndarray().tobytes() for frame in container.decode(audio=0))


def seconds_in_header(data: bytes) -> float:
    """The duration that a player shows before it has read the file."""
    with av.open(io.BytesIO(data), "r") as container:
        assert container.duration is not None
        return container.duration / 1_000_000


@pytest.mark.parametrize("name", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
def test_a_finished_file_has_its_length(server: Served, name: str) -> None:
    answer = server.speak(TEXT, response_format=name, stream=False)
    assert int(answer.headers["content-length"]) == len(answer.content) > 1000
    assert "transfer-encoding" not in answer.headers
    if name != "pcm":
        samples, rate = decode(answer.content)
        assert len(samples) / rate == pytest.approx(SECONDS, abs=0.2)


def test_a_finished_file_is_what_would_have_been_streamed(server: Served) -> None:
    whole, streamed = (server.speak(TEXT, response_format="pcm", stream=s) for s in (False, True))
    assert whole.content == streamed.content


def test_a_finished_wav_states_its_sizes(server: Served) -> None:
    data = server.speak(TEXT, response_format="wav", stream=False).content
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    assert struct.unpack("<I", data[40:44])[0] == len(data) - 44


def test_a_finished_flac_states_its_samples_and_their_checksum(server: Served) -> None:
    data = server.speak(TEXT, response_format="flac", stream=False).content
    samples, checksum = samples_in_flac_header(data)
    pcm = pcm_of(data)
    assert samples == len(pcm) // 2
    assert checksum == hashlib.md5(pcm, usedforsecurity=False).digest()


def test_a_finished_mp3_has_a_table_to_seek_by(server: Served) -> None:
    data = server.speak(TEXT, response_format="mp3", stream=False).content
    first_frame = data[data.index(b"\xff\xf3") :][:200]
    assert b"Info" in first_frame or b"Xing" in first_frame
    assert seconds_in_header(data) == pytest.approx(len(decode(data)[0]) / 24_000, abs=0.1)


def test_a_finished_opus_ends_at_its_last_sample(server: Served) -> None:
    data = server.speak(TEXT, response_format="opus", stream=False).content
    wav = server.speak(TEXT, response_format="wav", stream=False).content
    last_page = data[data.rindex(b"OggS") :]
    pre_skip = struct.unpack("<H", data[data.index(b"OpusHead") + 10 :][:2])[0]
    granule = struct.unpack("<q", last_page[6:14])[0]
    assert granule - pre_skip == (len(wav) - 44) // 2 * 2  # of 48,000 a second


def test_all_answers_are_finished_where_the_config_says_so(serve: Serve) -> None:
    with serve(server={"stream": False}) as server:
        assert "content-length" in server.speak().headers
        assert "content-length" not in server.speak(stream=True).headers


def test_events_are_streamed_all_the_same(serve: Serve) -> None:
    with serve(server={"stream": False}) as server:
        answer = server.speak(stream_format="sse", stream=False)
    assert answer.headers["transfer-encoding"] == "chunked"
    assert answer.text.endswith("data: [DONE]\n\n")


def test_a_failure_in_the_middle_of_a_finished_file_is_an_ordinary_answer(
    server: Served, spools: list[Spool]
) -> None:
    server.fake.script = FakeScript(fail_at={1: 1})
    failed = server.metric("tts_errors_total", kind="generation_failed")
    answer = server.speak(TWO, stream=False)
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "generation_failed"
    assert server.metric("tts_errors_total", kind="generation_failed") == failed + 1
    assert [spool.closed for spool in spools] == [True]


def test_a_format_that_cannot_have_the_rate_is_refused_before_the_engine_works(server: Served) -> None:
    server.fake.requests.clear()
    answer = server.speak(stream=False, response_format="opus", sample_rate=44_100)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "sample_rate")
    assert not server.fake.requests


def test_a_client_that_hangs_up_stops_the_work_on_a_finished_file(
    server: Served, spools: list[Spool]
) -> None:
    server.fake.script = FakeScript(stall_at=1)
    with connected(server) as connection:
        connection.sendall(speech_bytes(TWO, stream=False))
        wait_for(lambda: server.fake.active == 1 and bool(spools))
    server.until_free()
    assert [spool.closed for spool in spools] == [True]


@pytest.mark.parametrize("name", ["wav", "flac"])
def test_a_full_disk_is_an_ordinary_answer_whose_reason_is_in_the_log(
    server: Served, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def write(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Spool, "write", write)
    monkeypatch.setattr(finished, "SpooledTemporaryFile", Spool)
    answer = server.speak(TEXT, response_format=name, stream=False)
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "server_error")
    assert "No space left on device" in caplog.text
    assert "No space" not in answer.text


def test_a_large_file_lies_on_the_disk_until_it_is_sent(
    server: Served, spools: list[Spool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finished, "IN_MEMORY", 1_000)
    data = server.speak(TEXT, response_format="wav", stream=False).content
    assert len(data) > 1_000
    server.until_free()
    assert [(spool.is_on_disk, spool.closed) for spool in spools] == [(True, True)]


@pytest.mark.parametrize("name", ["flac", "wav"])
def test_speech_that_is_ready_within_a_moment_is_sent_as_a_finished_file(
    server: Served, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finished, "HELD_SECONDS", PATIENCE)
    answer = server.speak(TEXT, response_format=name)
    assert int(answer.headers["content-length"]) == len(answer.content)
    if name == "flac":
        assert samples_in_flac_header(answer.content)[0] == len(pcm_of(answer.content)) // 2


def first_part(server: Served, **fields: Any) -> bytes:
    """The first bytes of an answer whose engine hangs in the second sentence."""
    server.fake.script = FakeScript(stall_at=1)
    body = {"model": "fake", "input": TWO, "response_format": "flac"} | fields
    with httpx.stream("POST", f"{server.url}/v1/audio/speech", json=body) as response:
        assert "content-length" not in response.headers
        return next(response.iter_raw())


def test_speech_that_takes_longer_than_a_moment_is_streamed(server: Served) -> None:
    assert samples_in_flac_header(first_part(server))[0] == 0


@pytest.mark.parametrize(
    ("held", "fields"),
    [
        ("a text that is too long for it", {"input": "One two three. " + "Four five six. " * 20}),
        ("a request to stream", {"stream": True}),
        ("another format", {"response_format": "pcm"}),
    ],
)
def test_not_held_is(
    server: Served, monkeypatch: pytest.MonkeyPatch, held: str, fields: dict[str, Any]
) -> None:
    monkeypatch.setattr(finished, "HELD_SECONDS", 600.0)
    assert first_part(server, **fields), held


def test_a_failure_within_the_moment_is_an_ordinary_answer(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finished, "HELD_SECONDS", PATIENCE)
    server.fake.script = FakeScript(fail_at={0: 5})
    assert server.speak(TEXT, response_format="wav").status_code == 500


def test_a_client_of_old_http_gets_the_length_too(server: Served) -> None:
    request = speech_bytes(TEXT, stream=False, response_format="wav").replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    with connected(server) as connection:
        connection.sendall(request)
        head, _, body = received(connection).partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head.lower()
