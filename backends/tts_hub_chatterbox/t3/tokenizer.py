"""Cleaned text as tokens of GPT-2's byte-level BPE (Radford et al. 2019), tags included."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from tokenizers import AddedToken, Tokenizer, pre_tokenizers
from tokenizers.models import BPE

from tts_hub.errors import TextTooLongError
from tts_hub_chatterbox.files.errors import UnusableFileError

VOCABULARY = 50276
"""50257 tokens of GPT-2 and 19 tags."""
NO_LIMIT = 10**20
"""The value of `model_max_length`, or above, that means no limit."""
END_OF_TEXT = "<|endoftext|>"
IDS = TypeAdapter(dict[str, int])


class TextTokenizer:
    """Turns texts into ids, without special tokens around them."""

    def __init__(self, tokenizer: Tokenizer, limit: int | None) -> None:
        self._tokenizer = tokenizer
        self.limit = limit
        """The most tokens of a text, 1024 in the published files; None: any number."""

    @classmethod
    def load(cls, folder: Path, *, vocabulary: int = VOCABULARY) -> TextTokenizer:
        """Read vocab.json, merges.txt, added_tokens.json and tokenizer_config.json.

        Args:
            folder: the folder with the model's files.
            vocabulary: the number of tokens there must be, as many as T3 has embeddings for.

        Raises:
            UnusableFileError: a file is missing, broken or does not fit the others.
        """
        tokenizer = Tokenizer(_read_bpe(folder))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        config = _Config.read(folder)
        _add(tokenizer, _read_added(folder, config), folder)
        count = tokenizer.get_vocab_size()
        if count != vocabulary:
            raise _unusable(
                folder / "vocab.json", f"with the added ones there are {count} tokens, not {vocabulary}"
            )
        return cls(tokenizer, config.model_max_length if config.model_max_length < NO_LIMIT else None)

    def encode(self, text: str) -> list[int]:
        """Ids of a cleaned text; a tag such as `[laugh]` is one of them.

        Raises:
            TextTooLongError: more tokens than the model takes; upstream would silently cut the text.
        """
        ids: list[int] = self._tokenizer.encode(text).ids
        if self.limit is not None and len(ids) > self.limit:
            raise TextTooLongError(f"a segment has {len(ids)} tokens; Chatterbox takes {self.limit} at most")
        return ids


class _AddedToken(BaseModel):
    """An added token, and how it is found in a text."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    content: str
    lstrip: bool = False
    rstrip: bool = False
    single_word: bool = False
    normalized: bool = True


class _Config(BaseModel):
    """The fields of tokenizer_config.json that are used here."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    model_max_length: int = NO_LIMIT
    added_tokens_decoder: Mapping[int, _AddedToken] | None = None

    @classmethod
    def read(cls, folder: Path) -> _Config:
        config: _Config = _parse(TypeAdapter(cls), folder / "tokenizer_config.json")
        return config


def _read_bpe(folder: Path) -> BPE:
    """Read the BPE model; the library does not check that merges fit the vocabulary."""
    ids, pairs = _parse(IDS, folder / "vocab.json"), _read_merges(folder / "merges.txt")
    for pair in pairs:
        if not {*pair, "".join(pair)} <= ids.keys():
            raise _unusable(folder / "merges.txt", f"it merges {' and '.join(pair)}, which vocab.json lacks")
    return BPE(vocab=ids, merges=pairs)


def _read_merges(file: Path) -> list[tuple[str, str]]:
    lines = _read_text(file).split("\n")
    split = [line.rstrip("\r").split(" ") for line in lines if line and not line.startswith("#version")]
    wrong = next((parts for parts in split if len(parts) != 2), None)
    if wrong is not None:
        raise _unusable(file, f"the line {' '.join(wrong)!r} is not a pair")
    return [(left, right) for left, right in split]


def _read_added(folder: Path, config: _Config) -> Mapping[int, _AddedToken]:
    """The added tokens by id, from the config or, for older checkpoints, from a file with less about them."""
    if config.added_tokens_decoder is not None:
        return config.added_tokens_decoder
    ids = _parse(IDS, folder / "added_tokens.json")
    return {number: _AddedToken(content=content) for content, number in ids.items()}


def _add(tokenizer: Tokenizer, added: Mapping[int, _AddedToken], folder: Path) -> None:
    in_order = [added[number] for number in sorted(added)]
    tokenizer.add_special_tokens([END_OF_TEXT])
    tokenizer.add_tokens([AddedToken(**token.model_dump()) for token in in_order])
    for number, token in added.items():
        given = tokenizer.token_to_id(token.content)
        if given != number:
            raise _unusable(
                folder / "added_tokens.json", f"{token.content!r} is {number} there, but comes out as {given}"
            )


def _parse(adapter: TypeAdapter[Any], file: Path) -> Any:
    try:
        return adapter.validate_json(_read_text(file))
    except ValidationError as exc:
        raise _unusable(file, exc.errors()[0]["msg"]) from exc


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise _unusable(file, str(exc)) from exc


def _unusable(file: Path, why: str) -> UnusableFileError:
    return UnusableFileError(f"cannot use {file.name}: {why}", file)
