"""Voices over HTTP: uploaded, spoken, changed, removed, handed on; uploads may be hostile."""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
import zipfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
from openai import OpenAI

from tests.server.conftest import Serve, Served, connected, received
from tests.speaking import pitch
from tests.store.clips import clip
from tts_hub.clips.decoding import decode_clip
from tts_hub.config import parse_config
from tts_hub.errors import ConfigError
from tts_hub.server import create_app
from tts_hub.testing import FakeBackend
from tts_hub.testing.fake import tone_of
from tts_hub.types import Capabilities, Voice, VoiceSample


def cloner() -> FakeBackend:
    capabilities = Capabilities(cloning=True, clip_seconds=5.0, languages=("en",))
    return FakeBackend(name="cloner", priority=20, capabilities=capabilities)


@pytest.fixture
def home(serve: Serve) -> Generator[Served, None, None]:
    """A server with an engine that clones, in a home of its own."""
    with serve(cloner()) as server:
        yield server


def client(server: Served, key: str = "") -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=server.url, trust_env=False, headers=headers, timeout=60)


def upload(
    server: Served, name: str = "Sarah", data: bytes | None = None, file_name: str = "s.wav", **fields: str
) -> httpx.Response:
    files = {"audio_sample": (file_name, clip() if data is None else data, "audio/wav")}
    with client(server) as http:
        return http.post("/v1/audio/voices", data={"name": name} | fields, files=files)


def error_of(answer: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    return error


def test_an_uploaded_voice_is_spoken_by_name_through_openais_client(home: Served) -> None:
    answer = upload(home, description="warm", language="en", consent="agreed", transcript="Hello.")
    assert answer.status_code == 200
    made = answer.json()
    assert (made["object"], made["type"], made["name"], made["consent"]) == (
        "audio.voice", "audio_sample", "Sarah", "agreed"
    )  # fmt: skip
    (sample,) = made["samples"]
    assert (sample["seconds"], sample["origin"], sample["transcript"]) == (6.0, "s.wav", "Hello.")
    openai = OpenAI(base_url=f"{home.url}/v1", api_key="none")
    voices: list[Any] = ["sarah", {"id": made["id"]}]
    for voice in voices:
        sound = openai.audio.speech.create(
            model="cloner", voice=voice, input="One two three four five.", response_format="pcm"
        ).content
        samples = np.frombuffer(sound, "<i2").astype(np.float32)
        with client(home) as http:
            stored = http.get(f"/v1/audio/voices/{made['id']}/samples/{sample['id']}")
        voice_of = Voice("", "", "", samples=(VoiceSample(_hash(stored.content), "", 6),))
        assert pitch(samples) == pytest.approx(tone_of(voice_of), abs=10)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_lists_show_it_where_clients_look(home: Served) -> None:
    upload(home)
    with client(home) as http:
        http.post("/emotions", json={"name": "glad", "character": "Sarah"})
        listed = http.get("/v1/audio/voices").json()["voices"]
        assert [v["id"] for v in listed if v["model"] == "cloner"][-2:] == ["Sarah", "Sarah:glad"]
        stored = http.get("/v1/audio/stored-voices").json()["data"]
        assert [(v["name"], v["emotions"]) for v in stored] == [("Sarah", ["glad"])]


def test_a_voice_is_changed_removed_and_restored(home: Served) -> None:
    voice_id = upload(home).json()["id"]
    with client(home) as http:
        changed = http.patch("/v1/audio/voices/sarah", json={"name": "Anna", "description": "x"}).json()
        assert (changed["id"], changed["name"], changed["description"]) == (voice_id, "Anna", "x")
        removed = http.delete(f"/v1/audio/voices/{voice_id}").json()
        assert (removed["object"], removed["deleted"]) == ("audio.voice.deleted", True)
        gone = http.get(f"/v1/audio/voices/{voice_id}")
        assert (gone.status_code, error_of(gone)["code"]) == (404, "voice_not_found")
        assert http.delete(f"/v1/audio/voices/{voice_id}").status_code == 404
        assert http.post(f"/v1/audio/voices/{voice_id}/restore").json()["name"] == "Anna"
        assert http.get("/v1/audio/voices/anna").status_code == 200


def test_samples_are_added_heard_and_removed(home: Served) -> None:
    upload(home)
    with client(home) as http:
        files = {"audio_sample": ("b.wav", clip(6, 1))}
        two = http.post("/v1/audio/voices/sarah/samples", files=files).json()
        assert len(two["samples"]) == 2
        first = two["samples"][0]["id"]
        heard = http.get(f"/v1/audio/voices/sarah/samples/{first}")
        assert heard.headers["content-type"] == "audio/flac"
        assert heard.headers["x-content-type-options"] == "nosniff"
        np.testing.assert_array_equal(decode_clip(heard.content).samples, decode_clip(clip()).samples)
        part = http.get(f"/v1/audio/voices/sarah/samples/{first}", headers={"Range": "bytes=0-3"})
        assert (part.status_code, part.content) == (206, b"fLaC")
        left = http.delete(f"/v1/audio/voices/sarah/samples/{first}").json()
        assert len(left["samples"]) == 1
        assert http.get(f"/v1/audio/voices/sarah/samples/{first}").status_code == 404


def test_a_voice_is_handed_on(
    home: Served, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    upload(home)
    with client(home) as http:
        http.post("/emotions", json={"name": "glad", "character": "Sarah", "exaggeration": 0.9})
        exported = http.get("/v1/audio/voices/sarah/export")
    assert exported.headers["content-disposition"] == "attachment; filename*=UTF-8''Sarah.voice.zip"
    monkeypatch.setenv("HOME", str(tmp_path))
    with serve(cloner()) as other, client(other) as http:
        files = {"file": ("x.zip", exported.content)}
        taken = http.post("/v1/audio/voices/import", files=files, data={"name": "Sarah 2"}).json()
        assert (taken["name"], taken["emotions"]) == ("Sarah 2", ["glad"])
        again = http.post("/v1/audio/voices/import", files=files, data={"name": "Sarah 2"})
        assert (again.status_code, error_of(again)["code"]) == (409, "name_taken")


def test_a_voice_is_prepared_with_progress_and_dropped_again(home: Served) -> None:
    upload(home)
    with client(home) as http:
        lines = http.post("/v1/audio/voices/sarah/prepare", json={}).text.splitlines()
        assert any('"preparing"' in line for line in lines)
        ready = {"model": "cloner", "ready": True, "reason": ""}
        assert json.loads(lines[-1]) == {"done": [ready]}
        prepared = http.get("/v1/audio/voices/sarah").json()["samples"][0]["prepared"]
        assert prepared == [ready]
        assert http.get("/v1/audio/prepared-voices").json() == {"files": 0, "bytes": 0}
        assert http.delete("/v1/audio/prepared-voices").status_code == 200
        assert http.get("/v1/audio/voices/sarah").json()["samples"][0]["prepared"] == []


# --- what is refused ---


def test_a_taken_name_is_a_conflict(home: Served) -> None:
    upload(home)
    answer = upload(home, "SARAH", clip(6, 1))
    assert (answer.status_code, error_of(answer)["code"], error_of(answer)["param"]) == (
        409, "name_taken", "name"
    )  # fmt: skip


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "..\\x", "", "<script>", "x" * 65, "a:b"])
def test_names_are_labels_and_never_paths(home: Served, name: str, away_from_home: Path) -> None:
    assert upload(home, name).status_code == 400
    assert not list(away_from_home.rglob("*.flac"))


@pytest.mark.parametrize(
    "file_name", ["../../x.wav", "/etc/cron.d/x", "..\\..\\x.wav", "x\r\ny.wav", "a\0.wav"]
)
def test_file_names_are_shown_and_never_opened(home: Served, file_name: str, away_from_home: Path) -> None:
    made = upload(home, file_name=file_name).json()
    origin = made["samples"][0]["origin"]
    assert not set("/\\\r\n\0") & set(origin)
    (stored,) = away_from_home.rglob("*.flac")
    assert stored.parent.name == "samples"


def bomb() -> bytes:
    """Three minutes of silence in Opus, in few bytes."""
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as opened:
        stream: Any = opened.add_stream(
            "libopus", rate=8_000, layout="mono", options={"frame_duration": "60"}
        )
        stream.bit_rate = 500
        for _ in range(3 * 60):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 8_000), np.float32), format="flt", layout="mono")
            frame.sample_rate = 8_000
            opened.mux(stream.encode(frame))
        opened.mux(stream.encode(None))
    return file.getvalue()


HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "is empty"),
    "a playlist": (b"#EXTM3U\n/etc/passwd\n", "known format"),
    "a concat script": (b"ffconcat version 1.0\nfile /etc/passwd\n", "known format"),
    "an SVG": (b"<svg onload=alert(1)>", "known format"),
    "a page behind a WAV header": (b"RIFF\xff\xff\xff\xffWAVE<script>alert(1)</script>", "damaged|no sound"),
    "a ZIP": (b"PK\x03\x04" + bytes(100), "known format"),
    "silence": (clip()[:44] + bytes(24_000 * 2 * 6), "is silent"),
    "long silence": (bomb(), "longer than 120 s|is silent"),
    "half a second": (clip(0.5), r"has 0\.5 s"),
    "too short for the engine": (clip(3), "more than 5 s"),
    "a header that promises 4 GB": (
        clip()[:40] + struct.pack("<I", 0xFFFFFFF0) + bytes(100),
        "sound|short|damaged|s of",
    ),
}


@pytest.mark.parametrize(("data", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_recordings_are_refused_with_the_reason(
    home: Served, data: bytes, reason: str, away_from_home: Path
) -> None:
    answer = upload(home, data=data)
    assert answer.status_code == 400
    assert re.search(reason, error_of(answer)["message"]), answer.text
    assert not list(away_from_home.rglob("*.flac"))
    assert not list(away_from_home.rglob("*.part"))


def test_what_else_is_in_a_file_is_not_stored(home: Served) -> None:
    """A file that is a WAV and a ZIP and a page at once becomes plain sound."""
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("evil.html", "<script>alert(1)</script>")
    made = upload(home, data=clip() + b"<script>alert(1)</script>" + zipped.getvalue()).json()
    with client(home) as http:
        stored = http.get(f"/v1/audio/voices/sarah/samples/{made['samples'][0]['id']}").content
    assert stored.startswith(b"fLaC")
    assert b"script" not in stored
    assert b"PK" not in stored[-200:]


def test_a_large_body_is_refused_before_it_is_read(home: Served) -> None:
    head = (
        "POST /v1/audio/voices HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1073741824\r\n\r\n"
    )
    with connected(home) as connection:
        connection.sendall(head.encode())
        assert received(connection).startswith(b"HTTP/1.1 413")


def test_a_body_of_unknown_length_is_cut_off(serve: Serve) -> None:
    with serve(cloner(), server={"max_upload_bytes": 100_000}) as server, client(server) as http:
        answer = http.post(
            "/v1/audio/voices",
            content=(bytes(50_000) for _ in range(100)),
            headers={"Content-Type": "multipart/form-data; boundary=x"},
        )
        assert answer.status_code == 413


def test_speech_requests_keep_their_smaller_limit(home: Served) -> None:
    with client(home) as http:
        assert http.post("/v1/audio/speech", content=b" " * 2_000_000).status_code == 413


def test_a_full_store_is_said(serve: Serve) -> None:
    with serve(cloner(), store={"quota_megabytes": 1}) as server:
        assert upload(server, "a", clip(20)).status_code == 200
        answer = upload(server, "b", clip(20, 1))
        assert (answer.status_code, error_of(answer)["code"]) == (413, "quota_exceeded")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/restore"),
        ("GET", "/export"),
        ("POST", "/prepare"),
    ],
)
@pytest.mark.parametrize("name", ["nobody", "voice_0000000000000000", "..%2F..%2Fetc%2Fpasswd", "%00"])
def test_unknown_voices_are_all_answered_alike(home: Served, method: str, path: str, name: str) -> None:
    with client(home) as http:
        answer = http.request(method, f"/v1/audio/voices/{name}{path}", json={} if method != "GET" else None)
    assert answer.status_code == 404


# --- who may do what ---


def test_only_editors_may_change_voices(serve: Serve) -> None:
    settings = {"api_keys": ["boss", "guest"], "editor_keys": ["boss"]}
    with serve(cloner(), server=settings) as server:
        files = {"audio_sample": ("s.wav", clip())}
        with client(server) as nobody, client(server, "guest") as guest, client(server, "boss") as boss:
            assert nobody.post("/v1/audio/voices", data={"name": "a"}, files=files).status_code == 401
            refused = guest.post("/v1/audio/voices", data={"name": "a"}, files=files)
            assert (refused.status_code, error_of(refused)["code"]) == (403, "editing_not_allowed")
            assert boss.post("/v1/audio/voices", data={"name": "a"}, files=files).status_code == 200
            for method, path in [
                ("PATCH", "/v1/audio/voices/a"), ("DELETE", "/v1/audio/voices/a"), ("POST", "/emotions"),
                ("DELETE", "/v1/audio/prepared-voices"), ("POST", "/v1/audio/voices/a/restore"),
            ]:  # fmt: skip
                body = {"name": "b"} if path == "/emotions" else {}
                assert guest.request(method, path, json=body).status_code == 403, path
            speech = guest.post("/v1/audio/speech", json={"input": "Hello.", "voice": "a", "model": "cloner"})
            assert speech.status_code == 200
            assert nobody.get("/v1/audio/voices").status_code == 200
            assert nobody.get("/v1/audio/voices/a").status_code == 401
            assert nobody.get("/v1/audio/stored-voices").status_code == 401


def test_an_editor_key_has_to_be_an_api_key() -> None:
    config = parse_config({"server": {"api_keys": ["a"], "editor_keys": ["b"]}})
    with pytest.raises(ConfigError, match=r"not in server\.api_keys"):
        create_app(config)


def test_everything_is_there_after_a_restart(serve: Serve) -> None:
    with serve(cloner()) as server:
        before = upload(server).json()
    with serve(cloner()) as server, client(server) as http:
        after = http.get("/v1/audio/voices/sarah").json()
    assert after == before


def test_health_has_statistics_for_those_with_a_key(serve: Serve) -> None:
    with serve(cloner(), server={"api_keys": ["key"]}) as server:
        with client(server, "key") as http:
            http.post("/v1/audio/voices", data={"name": "a"}, files={"audio_sample": ("a.wav", clip())})
            http.post("/emotions", json={"name": "glad"})
            found = http.get("/health").json()["statistics"]
        assert (found["voices"], found["emotions"], found["prepared_voices"]) == (1, 1, 0)
        assert found["sample_bytes"] > 1_000
        assert found["memory_bytes"] > 10_000_000
        assert found["uptime_seconds"] >= 0
        with client(server) as http:
            assert "statistics" not in http.get("/health").json()
