"""Tokens of texts, beside transformers."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer
from tts_hub_chatterbox.files.errors import UnusableFileError
from tts_hub_chatterbox.files.variants import TURBO
from tts_hub_chatterbox.t3.tokenizer import TextTokenizer

from tests.chatterbox.t3.texts import TEXTS
from tests.chatterbox.tokenizer_files import FIRST_TAG, TAGS, write_tokenizer_files
from tts_hub.download.folders import sha256_of
from tts_hub.errors import TextTooLongError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer_files(path)
    return path


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> TextTokenizer:
    return TextTokenizer.load(folder)


@pytest.fixture(scope="module")
def reference(folder: Path) -> Callable[[str], list[int]]:
    return _reference(folder)


def _reference(folder: Path) -> Callable[[str], list[int]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its own way to read the files
        tokenizer = AutoTokenizer.from_pretrained(folder)
    return lambda text: list(tokenizer(text).input_ids)


@pytest.mark.parametrize("name", ["added_tokens.json", "tokenizer_config.json"])
def test_what_these_tests_know_of_tags_and_limits_is_what_is_published(name: str, folder: Path) -> None:
    published = {file.name: file.sha256 for file in TURBO.tokenizer}
    assert sha256_of(folder / name) == published[name]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_tokens_are_those_of_transformers(
    text: str, tokenizer: TextTokenizer, reference: Callable[[str], list[int]]
) -> None:
    assert tokenizer.encode(text) == reference(text)


def test_tokens_of_any_text_are_those_of_transformers(
    tokenizer: TextTokenizer, reference: Callable[[str], list[int]]
) -> None:
    pieces = st.one_of(
        st.sampled_from(TAGS),
        st.sampled_from(TEXTS),
        st.text(max_size=20),
        st.text("etaoin shrdlu.,'", max_size=30),
    )

    @settings(max_examples=200, deadline=None)
    @given(st.lists(pieces, max_size=4).map("".join))
    def check(text: str) -> None:
        assert tokenizer.encode(text) == reference(text)

    check()


def test_files_that_describe_no_added_tokens_do_as_well(tmp_path: Path, tokenizer: TextTokenizer) -> None:
    write_tokenizer_files(tmp_path, described=False)
    reference, ours = _reference(tmp_path), TextTokenizer.load(tmp_path)
    for text in TEXTS:
        assert ours.encode(text) == reference(text) == tokenizer.encode(text)


def test_english_is_merged_in_more_than_one_way(tokenizer: TextTokenizer) -> None:
    text = TEXTS[0]
    assert len(tokenizer.encode(text)) < 0.7 * len(text)
    assert tokenizer.encode("the")[0] != tokenizer.encode(" the")[0]


def test_a_tag_is_one_token(tokenizer: TextTokenizer) -> None:
    assert [tokenizer.encode(tag) for tag in TAGS] == [[FIRST_TAG + number] for number in range(len(TAGS))]


def test_a_text_beyond_the_limit_is_refused_not_cut(tokenizer: TextTokenizer) -> None:
    assert tokenizer.limit == 1024
    assert len(tokenizer.encode("[laugh]" * 1024)) == 1024
    with pytest.raises(TextTooLongError, match=r"has 1025 tokens.* 1024"):
        tokenizer.encode("[laugh]" * 1025)


def test_without_a_limit_in_the_files_there_is_none(folder: Path, tmp_path: Path) -> None:
    _copy(folder, tmp_path, "tokenizer_config.json", {"model_max_length": int(1e30)})
    assert len(TextTokenizer.load(tmp_path).encode("[laugh]" * 2000)) == 2000


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("vocab.json", None, "vocab.json"),
        ("vocab.json", "{", "vocab.json"),
        ("vocab.json", '["a"]', "vocab.json"),
        ("vocab.json", '{"a": 0}', "merges.txt: it merges"),
        ("merges.txt", None, "merges.txt"),
        ("merges.txt", "a b c\n", "'a b c' is not a pair"),
        ("merges.txt", "a €\n", "it merges a and €"),
        ("tokenizer_config.json", "[]", "tokenizer_config.json"),
        ("tokenizer_config.json", '{"model_max_length": "long"}', "tokenizer_config.json"),
        (
            "tokenizer_config.json",
            '{"added_tokens_decoder": {"50257": {"content": "[a]"}}}',
            "there are 50258 tokens",
        ),
        (
            "tokenizer_config.json",
            '{"added_tokens_decoder": {"60000": {"content": "[a]"}}}',
            "'.a.' is 60000 there",
        ),
        ("added_tokens.json", None, "added_tokens.json"),
    ],
)
def test_broken_files_are_named(
    folder: Path, tmp_path: Path, name: str, content: str | None, reason: str
) -> None:
    _copy(folder, tmp_path, "tokenizer_config.json", {"model_max_length": 1024})
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(UnusableFileError, match=reason) as caught:
        TextTokenizer.load(tmp_path)
    assert caught.value.file.name in str(caught.value)


def _copy(source: Path, target: Path, instead: str, content: object) -> None:
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    (target / instead).write_text(json.dumps(content), encoding="utf-8")
