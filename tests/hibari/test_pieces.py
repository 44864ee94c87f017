"""The pieces that long texts are spoken in."""

from __future__ import annotations

from tts_hub_hibari.pieces import pieces_of

from tts_hub.text.phonemes.transcription import Transcription


def test_long_texts_are_cut_behind_sentences_then_clauses_then_words() -> None:
    def pieces(phonemes: str) -> list[str]:
        spoken = Transcription(phonemes, (None,) * len(phonemes), ())
        return [piece.phonemes for piece in pieces_of(spoken, 10)]

    assert pieces("abcd efgh") == ["abcd efgh"]
    assert pieces("abc de. fgh, ijk") == ["abc de.", "fgh, ijk"]
    assert pieces("abcd e, fghi jk") == ["abcd e,", "fghi jk"]
    assert pieces("abcd efgh ijkl") == ["abcd efgh", "ijkl"]
    assert pieces("a" * 25) == ["a" * 10, "a" * 10, "a" * 5]
