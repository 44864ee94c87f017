"""The tokenizer files of a checkpoint: made-up merges in the official form and number, else as published."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Iterator
from pathlib import Path

MERGES = 50_000
END_OF_TEXT = "<|endoftext|>"
SPACE = "Ġ"
"""A space in byte-level BPE."""
LONGEST = 9
"""Characters of a merged token."""
LETTERS = "eeeeetttaaaooiinnsshhrrddlluucmfwypvbgkqjxz"
"""About as often as in English."""
TAGS = (
    *("[angry]", "[fear]", "[surprised]", "[whispering]", "[advertisement]", "[dramatic]", "[narration]"),
    *("[crying]", "[happy]", "[sarcastic]", "[clear throat]", "[sigh]", "[shush]", "[cough]", "[groan]"),
    *("[sniff]", "[gasp]", "[chuckle]", "[laugh]"),
)
FIRST_TAG = 50257


def write_tokenizer_files(folder: Path, *, described: bool = True) -> None:
    """Write vocab.json, merges.txt, added_tokens.json, special_tokens_map.json and tokenizer_config.json.

    Args:
        folder: where to.
        described: whether tokenizer_config.json describes the added tokens, too.
    """
    merges = list(_merges(random.Random(0)))
    tokens = [*_bytes(), *("".join(pair) for pair in merges), END_OF_TEXT]
    _write(folder / "vocab.json", {token: number for number, token in enumerate(tokens)})
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    tags = {tag: FIRST_TAG + number for number, tag in enumerate(TAGS)}
    _write(folder / "added_tokens.json", tags)
    names = ("bos_token", "eos_token", "pad_token", "unk_token")
    flags = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    end = {"content": END_OF_TEXT, **flags}
    _write(folder / "special_tokens_map.json", dict.fromkeys(names, end) | {"pad_token": END_OF_TEXT})
    config: dict[str, object] = {
        "add_bos_token": False,
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "errors": "replace",
        "extra_special_tokens": {},
        "model_max_length": 1024,
        "tokenizer_class": "GPT2Tokenizer",
        **dict.fromkeys(names, END_OF_TEXT),
    }
    if described:
        config["added_tokens_decoder"] = {
            str(FIRST_TAG - 1): {**end, "special": True},
            **{str(number): {"content": tag, **flags, "special": False} for tag, number in tags.items()},
        }
    _write(folder / "tokenizer_config.json", config)


def _bytes() -> list[str]:
    """The 256 characters that stand for bytes, in GPT-2's order: those that print, then the others."""
    printing = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(byte) for byte in printing] + [chr(0x100 + number) for number in range(256 - len(printing))]


def _merges(generator: random.Random) -> Iterator[tuple[str, str]]:
    """Pairs of letters and of two-byte characters first, then whatever can be put together."""
    starts = [*string.ascii_letters, SPACE, *string.digits, *".,!?'-"]
    first = [(left, right) for left in starts for right in string.ascii_letters + string.digits + ".,!?'-"]
    first += [
        (SPACE, SPACE),
        ("#", "#"),
        ("##", "##"),
        *((left, right) for left in "ÃÄÐ" for right in _bytes()[94:]),
    ]
    generator.shuffle(first)
    yield from first
    known = {"".join(pair) for pair in first}
    pieces = [*LETTERS * 20, *(f"{SPACE}{letter}" for letter in LETTERS * 5), *known]
    count = len(first)
    while count < MERGES:
        left, right = generator.choice(pieces), generator.choice(pieces)
        merged = left + right
        if SPACE in right or len(merged) > LONGEST or merged in known:
            continue
        yield left, right
        known.add(merged)
        pieces.append(merged)
        count += 1


def _write(file: Path, content: object) -> None:
    """The file as transformers writes it, to the byte."""
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")
