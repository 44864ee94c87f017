"""Texts that are hard to clean or to tokenize."""

from __future__ import annotations

from tests.chatterbox.tokenizer_files import TAGS

TEXTS = (
    "Hello world, this is a test of the tokenizer.",
    "it's what we've said; I'd say they'll do: 'twas the night",
    "Hi there [chuckle], have you got one minute? [laugh]",
    "[clear throat][sigh] no space[cough]between [ laugh ] [Laugh] [unknown]",
    *(f"a {tag} b" for tag in TAGS),
    " ".join(TAGS) + "".join(TAGS),
    "Grüße aus München – schöne Straße! Ça va où? Ñandú, žluťoučký kůň.",
    "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "我能吞下玻璃而不伤身体。いろはにほへと 안녕하세요 สวัสดี مرحبا नमस्ते",
    "emoji 😀👩‍👩‍👧‍👦🇩🇪 and \N{ZERO WIDTH SPACE} \N{NO-BREAK SPACE} \ufeff",
    "  leading,   several   and trailing   ",
    "tabs\tand\nlines\r\n\n\x0b\x00",
    "12345 3.14159 1,000,000 €50 10% #1 ## ### a#b @c & <b> \\",
    "UPPER lower MiXeD camelCase snake_case kebab-case",
    "a" * 300,
    "!?" * 100,
    "The quick brown fox jumps over the lazy dog. " * 10,
    "before <|endoftext|> after",
    "",
    " ",
)
