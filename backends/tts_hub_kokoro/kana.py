"""Kana as phonemes of the model: the table of misaki 0.9.4 (`cutlet.HEPBURN`, MIT)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_TABLE = """
ア a イ i ウ ɯ エ e オ o ァ a ィ i ゥ ɯ ェ e ォ o カ ka ガ ɡa キ kʲi ギ ɡʲi ク kɯ グ ɡɯ ケ ke ゲ ɡe
コ ko ゴ ɡo サ sa ザ ʣa シ ɕi ジ ʥi ス sɨ ズ zɨ セ se ゼ ʣe ソ so ゾ ʣo タ ta ダ da チ ʨi ヂ ʥi
ツ ʦɨ ヅ zɨ テ te デ de ト to ド do ナ na ニ ɲi ヌ nɯ ネ ne ノ no ハ ha バ ba パ pa ヒ çi ビ bʲi
ピ pʲi フ ɸɯ ブ bɯ プ pɯ ヘ he ベ be ペ pe ホ ho ボ bo ポ po マ ma ミ mʲi ム mɯ メ me モ mo ャ ja
ヤ ja ュ jɯ ユ jɯ ョ jo ヨ jo ラ ɾa リ ɾʲi ル ɾɯ レ ɾe ロ ɾo ヮ βa ワ βa ヰ i ヱ e ヲ o ヴ vɯ ヵ ka
ヶ ke ヷ va ヸ vʲi ヹ ve ヺ vo イェ je ウィ βi ウェ βe ウォ βo キェ kʲe キャ kʲa キュ kʲɨ キョ kʲo
ギャ ɡʲa ギュ ɡʲɨ ギョ ɡʲo クァ kᵝa クィ kᵝi クェ kᵝe クォ kᵝo グァ ɡᵝa グィ ɡᵝi グェ ɡᵝe グォ ɡᵝo
シェ ɕe シャ ɕa シュ ɕɨ ショ ɕo ジェ ʥe ジャ ʥa ジュ ʥɨ ジョ ʥo チェ ʨe チャ ʨa チュ ʨɨ チョ ʨo
ヂャ ʥa ヂュ ʥɨ ヂョ ʥo ツァ ʦa ツィ ʦʲi ツェ ʦe ツォ ʦo ティ tʲi テュ tʲɨ ディ dʲi デュ dʲɨ トゥ tɯ
ドゥ dɯ スィ si ズィ zi ニェ ɲe ニャ ɲa ニュ ɲɨ ニョ ɲo ヒェ çe ヒャ ça ヒュ çɨ ヒョ ço ビャ bʲa
ビュ bʲɨ ビョ bʲo ピャ pʲa ピュ pʲɨ ピョ pʲo ファ ɸa フィ ɸʲi フェ ɸe フォ ɸo フュ ɸʲɨ フョ ɸʲo
ミャ mʲa ミュ mʲɨ ミョ mʲo リャ ɾʲa リュ ɾʲɨ リョ ɾʲo ヴァ va ヴィ vʲi ヴェ ve ヴォ vo ヴュ bʲɨ
ヴョ bʲo ッ ʔ ー ː
"""
_PAIRS = _TABLE.split()
KANA: Mapping[str, str] = dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True))
"""One or two katakana -> phonemes; `ン` depends on the sound behind it."""
SMALL = frozenset("ャュョァィゥェォヮ")
NASALS: Mapping[str, str] = {
    **dict.fromkeys("mpb", "m"),
    **dict.fromkeys("kɡ", "ŋ"),
    **dict.fromkeys("ɲʨʥ", "ɲ"),
    **dict.fromkeys("ntdɾz", "n"),
}
"""First symbol behind `ン` -> the sound of `ン`."""


def phonemes_of(katakana: str, behind: str = "") -> str:
    """The phonemes of a reading in katakana before the reading `behind`; other signs are left out."""
    sounds = list(_sounds(katakana))
    following = [*sounds[1:], next(_sounds(behind), "")]
    return "".join(
        NASALS.get(after[:1], "ɴ") if sound == "ン" else sound
        for sound, after in zip(sounds, following, strict=True)
    )


def _sounds(katakana: str) -> Iterator[str]:
    at = 0
    while at < len(katakana):
        sign, pair = katakana[at], katakana[at : at + 2]
        if pair in KANA:
            yield KANA[pair]
            at += 2
        elif (
            pair[1:] in SMALL and sign in KANA
        ):  # a pair that is not in the table: the consonant with the vowel behind it
            yield KANA[sign][:-1] + KANA[pair[1:]]
            at += 2
        else:
            if sign == "ン" or sign in KANA:
                yield KANA.get(sign, sign)
            at += 1
