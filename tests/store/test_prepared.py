"""Prepared voices are files that come and go by sample, by size and by command."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tts_hub.store.prepared import PreparedFiles, PreparedKey, PreparedStatistics

A, B = "a" * 64, "b" * 64
KEY = PreparedKey(A, "engine", "model", "1")


def put(files: PreparedFiles, key: PreparedKey, size: int = 100, used: float | None = None) -> Path:
    path = files.path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    if used is not None:
        os.utime(path, (used, used))
    return path


def test_every_part_of_the_key_counts(tmp_path: Path) -> None:
    files = PreparedFiles(tmp_path, 1_000)
    others = [
        replace(KEY, sample=B), replace(KEY, engine="x"), replace(KEY, model="x"), replace(KEY, version="2")
    ]  # fmt: skip
    assert len({files.path(key) for key in (KEY, *others)}) == 5
    assert files.find(KEY) is None
    assert files.find(KEY) is None
    put(files, KEY)
    assert files.find(KEY) == files.path(KEY)
    assert files.find(others[3]) is None


def test_a_sample_takes_its_own_entries_with_it_and_no_others(tmp_path: Path) -> None:
    files = PreparedFiles(tmp_path, 1_000)
    for key in (KEY, replace(KEY, version="2"), replace(KEY, sample=B)):
        put(files, key)
    assert files.forget(A) == 2
    assert files.find(KEY) is None
    assert files.find(replace(KEY, sample=B)) is not None
    assert files.forget(A) == 0


@pytest.mark.parametrize("name", ["", "..", "../x", "A" * 64, "a" * 63, "a" * 65, f"{'a' * 63}/"])
def test_only_a_hash_becomes_a_path(tmp_path: Path, name: str) -> None:
    files = PreparedFiles(tmp_path / "inner", 1_000)
    (tmp_path / "x").mkdir()
    assert files.forget(name) == 0
    assert (tmp_path / "x").exists()
    with pytest.raises(ValueError, match="SHA-256"):
        files.path(replace(KEY, sample=name))


def test_the_ones_that_were_used_last_stay(tmp_path: Path) -> None:
    files = PreparedFiles(tmp_path, 250)
    old, middle, new = (replace(KEY, version=str(n)) for n in range(3))
    for number, key in enumerate((old, middle, new)):
        put(files, key, used=1_000 + number)
    files.thin_out()
    assert [files.find(key) is not None for key in (old, middle, new)] == [False, True, True]


def test_using_one_keeps_it(tmp_path: Path) -> None:
    files = PreparedFiles(tmp_path, 100)
    first, second = KEY, replace(KEY, version="2")
    put(files, first, used=1_000)
    put(files, second, used=2_000)
    assert files.find(first) is not None
    files.thin_out()
    assert files.find(first) is not None
    assert files.find(second) is None


def test_the_one_that_was_just_made_stays_whatever_its_size(tmp_path: Path) -> None:
    files = PreparedFiles(tmp_path, 10)
    path = put(files, KEY)
    files.thin_out(keep=path)
    assert path.exists()


def test_all_are_cleared(tmp_path: Path) -> None:
    files = PreparedFiles(tmp_path, 1_000)
    put(files, KEY)
    put(files, replace(KEY, sample=B))
    (tmp_path / "notes.txt").write_text("mine")
    assert files.clear() == PreparedStatistics(2, 200)
    assert files.statistics() == PreparedStatistics(0, 0)
    assert (tmp_path / "notes.txt").exists()
