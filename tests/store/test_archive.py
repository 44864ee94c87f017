"""A voice is handed on as one file; files of strangers are read within limits, or refused."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.store.clips import clip
from tts_hub.config import StoreConfig
from tts_hub.emotions.profile import EmotionSettings
from tts_hub.errors import InvalidRequestError, NameTakenError
from tts_hub.store import archive
from tts_hub.store.store import Store

pytestmark = pytest.mark.anyio


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(StoreConfig(folder=str(tmp_path / "one")))


@pytest.fixture
def other(tmp_path: Path) -> Store:
    return Store(StoreConfig(folder=str(tmp_path / "two")))


def zipped(members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return file.getvalue()


def described(**changes: Any) -> bytes:
    values = {"format": "tts-hub voice", "version": 1, "name": "x", "samples": [{"file": "a.wav"}], **changes}
    return json.dumps(values).encode()


async def test_a_voice_comes_out_as_it_went_in(store: Store, other: Store) -> None:
    made = await store.add_voice(
        "Sarah", clip(), origin="s.wav", transcript="Hi.", description="d", language="en", consent="c"
    )
    await store.add_profile(name="glad", character="sarah", settings=EmotionSettings(exaggeration=0.9))
    await store.add_profile_sample("sarah:glad", clip(6, 1))
    await store.add_profile(name="calm")  # of any voice, so it stays behind
    data = await store.export_voice("sarah")
    taken = await other.import_voice(data)
    assert (taken.name, taken.description, taken.language, taken.consent) == ("Sarah", "d", "en", "c")
    assert [(s.hash, s.origin, s.transcript) for s in taken.samples] == [
        (s.hash, s.origin, s.transcript) for s in made.samples
    ]
    (profile,) = await other.profiles()
    (before,) = [p for p in await store.profiles() if p.name == "glad"]
    assert (profile.full_name, profile.settings) == ("Sarah:glad", before.settings)
    assert [s.hash for s in profile.samples] == [s.hash for s in before.samples]


async def test_a_taken_name_is_refused_and_can_be_changed(store: Store) -> None:
    await store.add_voice("Sarah", clip())
    data = await store.export_voice("Sarah")
    with pytest.raises(NameTakenError):
        await store.import_voice(data)
    assert (await store.import_voice(data, name="Sarah 2")).name == "Sarah 2"


@pytest.mark.parametrize(
    "values",
    [
        {"name": "Ann", "language": "en", "transcript": "Hello.", "description": "x"},
        {"voice_name": "Ann", "lang": "en", "ref_text": "Hello.", "notes": "x", "unknown": [1, {}]},
        {"title": "Ann", "language_code": "en", "prompt_text": "Hello.", "description": "x"},
    ],
)
async def test_a_plain_clip_with_json_is_read(other: Store, values: dict[str, Any]) -> None:
    data = json.dumps(values).encode()
    taken = await other.import_voice(clip(), description=data)
    assert (taken.name, taken.language, taken.description) == ("Ann", "en", "x")
    assert taken.samples[0].transcript == "Hello."
    in_zip = await other.import_voice(zipped({"voices/ann.wav": clip(), "voices/ann.json": data}), name="B")
    assert (in_zip.name, in_zip.samples[0].transcript) == ("B", "Hello.")


async def test_a_plain_clip_needs_a_name(other: Store) -> None:
    with pytest.raises(InvalidRequestError, match="name it"):
        await other.import_voice(clip())
    assert (await other.import_voice(clip(), name="Ann")).name == "Ann"


def damaged(data: bytes) -> bytes:
    """The same, with wrong bytes in the middle of what is compressed."""
    middle = len(data) // 2
    return data[:middle] + bytes(byte ^ 0xFF for byte in data[middle : middle + 64]) + data[middle + 64 :]


def encrypted(data: bytes) -> bytes:
    """The same, with every member marked as encrypted."""
    marked = bytearray(data)
    for head, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(head)
        while at >= 0:
            marked[at + flags] |= 1
            at = data.find(head, at + 1)
    return bytes(marked)


REFUSED: dict[str, bytes] = {
    "nothing": b"",
    "text": b"hello",
    "an empty zip": zipped({}),
    "a cut zip": zipped({"voice.json": described(), "a.wav": clip()})[:-100],
    "encrypted": encrypted(zipped({"voice.json": described(), "a.wav": clip()})),
    "damaged": damaged(zipped({"voice.json": described(), "a.wav": clip()})),
    "damaged, LZMA": damaged(zipped({"voice.json": described(), "a.wav": clip()}, zipfile.ZIP_LZMA)),
    "damaged, bzip2": damaged(zipped({"voice.json": described(), "a.wav": clip()}, zipfile.ZIP_BZIP2)),
    "no JSON": zipped({"voice.json": b"{", "a.wav": clip()}),
    "deep JSON": zipped({"voice.json": b"[" * 100_000, "a.wav": clip()}),
    "a list": zipped({"voice.json": b"[]", "a.wav": clip()}),
    "another version": zipped({"voice.json": described(version=2), "a.wav": clip()}),
    "a missing sample": zipped({"voice.json": described()}),
    "a path": zipped({"voice.json": described(samples=[{"file": "/etc/passwd"}]), "a.wav": clip()}),
    "an odd name": zipped({"voice.json": described(name="../../x"), "a.wav": clip()}),
    "a wrong emotion": zipped(
        {
            "voice.json": described(emotions=[{"name": "e", "settings": {"exaggeration": 7}}]),
            "a.wav": clip(),
        }
    ),
    "two clips": zipped({"a.wav": clip(), "b.wav": clip()}),
    "no audio": zipped({"voice.json": described(), "a.wav": b"RIFF0000WAVE"}),
    "many samples": zipped({"voice.json": described(samples=[{"file": "a.wav"}] * 33), "a.wav": clip()}),
    "many files": zipped({f"{n}.txt": b"" for n in range(1_001)}),
    "a bomb of a clip": zipped({"voice.json": described(), "a.wav": clip()[:44] + bytes(60_000_000)}),
    "a bomb of JSON": zipped({"voice.json": b" " * 10_000_000, "a.wav": clip()}),
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
async def test_what_is_no_voice_is_refused_and_leaves_nothing(other: Store, data: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        await other.import_voice(data)
    assert await other.voices() == []
    assert await other.profiles() == []


async def test_a_name_that_leads_elsewhere_writes_nothing_there(other: Store, tmp_path: Path) -> None:
    name = "../../../escaped.wav"
    data = zipped({"voice.json": described(samples=[{"file": name, "origin": name}]), name: clip()})
    taken = await other.import_voice(data)
    assert taken.samples[0].origin == "escaped.wav"
    assert not list(tmp_path.parent.rglob("escaped*"))


async def test_a_symbolic_link_is_no_recording(other: Store, tmp_path: Path) -> None:
    (tmp_path / "secret.wav").write_bytes(clip())
    link = zipfile.ZipInfo("a.wav")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("voice.json", described())
        made.writestr(link, str(tmp_path / "secret.wav"))
    with pytest.raises(InvalidRequestError):
        await other.import_voice(file.getvalue())


async def test_all_recordings_together_have_a_limit(other: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_BYTES", 2 * len(clip()) - 1)
    names = ["a.wav", "b.wav"]
    data = zipped(
        {"voice.json": described(samples=[{"file": name} for name in names]), **dict.fromkeys(names, clip())}
    )
    with pytest.raises(InvalidRequestError, match="of recordings"):
        await other.import_voice(data)


async def test_a_voice_is_taken_in_whole_or_not_at_all(other: Store) -> None:
    emotions = [{"name": "glad"}, {"name": "GLAD"}]
    data = zipped({"voice.json": described(emotions=emotions), "a.wav": clip()})
    with pytest.raises(NameTakenError):
        await other.import_voice(data)
    assert await other.voices() == []
    assert await other.profiles() == []
