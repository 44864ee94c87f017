"""Cutting a text into segments: at the right places, and without loss."""

from __future__ import annotations

import pytest

from tts_hub.errors import InvalidTextError, UsageError
from tts_hub.text.segment import Segment, Segmenter


def segments(
    text: str, *, language: str = "en", max_chars: int = 250, first_max_chars: int | None = None
) -> list[Segment]:
    segmenter = Segmenter(language=language, max_chars=max_chars, first_max_chars=first_max_chars)
    return segmenter.push(text) + segmenter.finish()


def texts(text: str, *, language: str = "en", max_chars: int = 250, first: int | None = None) -> list[str]:
    return [
        segment.text
        for segment in segments(text, language=language, max_chars=max_chars, first_max_chars=first)
    ]


SENTENCES = {
    "en": [
        ["Hello Dr. Smith.", "How are you?"],
        ["It costs $3.14, e.g. for tea.", "We left at 5 a.m. today."],
        ['"Is it so?" she asked.', '"Yes."', "He nodded."],
        ["J. R. R. Tolkien wrote it.", "See https://x.org/a?b=c.d for more!"],
        ["Wait... what?", "Nothing.", "Really?!", "Hi!"],
        ["1. Open it.", "2. Close it."],
    ],
    "de": [
        ["Das ist z. B. gut.", "Am 3. Oktober kam Dr. Meier."],
        ["„Gut.“", "Sie ging."],
        ["Es kostet 3,50 Euro.", "Ja!"],
        ["Wer war da?", "Niemand!", "Ach so."],
        ["Die Firma Müller liefert bzw. montiert.", "Das dauert ca. zwei Tage."],
    ],
    "es": [
        ["¿Cómo estás?", "¡Muy bien!"],
        ["El Sr. Pérez llegó.", "La Sra. Ruiz no."],
        ["Son 3.500 pesos.", "¡Qué caro!"],
        ["Hola.", "¿Y tú?", "Bien."],
        ["—No sé —dijo él.", "Se fue."],
    ],
    "fr": [
        ["M. Dupont est là.", "Ça va ?"],
        ["« Bonjour ! » dit-il.", "Elle sourit."],
        ["Il est 3,5 fois plus grand.", "Ah bon ?"],
        ["Qu'est-ce que c'est ?", "Rien !", "Tant pis."],
        ["Voir p. 12 du livre.", "C'est tout."],
    ],
    "zh-CN": [
        ["你好。", "今天天气很好！", "是吗？"],
        ["价格是3.14元。", "太贵了！"],
        ["他说：“你好。”", "然后走了。"],
        ["真的吗？！", "不会吧。"],
        ["我喜欢茶，也喜欢咖啡。", "你呢？"],
    ],
    "ja": [
        ["「はい。」と言った。", "「そう。」", "彼は笑った。"],
        ["今日は。", "元気ですか？"],
        ["3.5メートルです。", "すごい！"],
        ["本当？！", "信じられない。"],
        ["東京、大阪、京都。", "どこへ行く？"],
    ],
    "hi": [
        ["नमस्ते।", "आप कैसे हैं?", "ठीक।"],
        ["यह 3.14 है।", "अच्छा!"],
        ["वह गया।", "मैं रुका।"],
        ["क्या?", "हाँ।"],
        ["एक, दो, तीन।", "बस।"],
    ],
    "ar": [
        ["مرحبا.", "كيف حالك؟", "أنا بخير."],
        ["السعر 3.14 دينار.", "رخيص!"],
        ["ماذا؟", "نعم."],
        ["ذهب، ثم عاد.", "انتهى."],
        ["هل هذا صحيح؟", "لا أعرف."],
    ],
}


@pytest.mark.parametrize(
    ("language", "sentences"), [(code, row) for code, rows in SENTENCES.items() for row in rows]
)
def test_sentences_end_where_a_reader_expects(language: str, sentences: list[str]) -> None:
    joint = "" if language in ("zh-CN", "ja") else " "
    assert texts(joint.join(sentences), language=language) == sentences


@pytest.mark.parametrize("language", ["xx", "", "no such tag!", "EN_us", "cmn-Hans", "nb"])
def test_an_unknown_language_has_sentences_too(language: str) -> None:
    assert texts("One here. Two here.", language=language) == ["One here.", "Two here."]


def test_a_segment_says_where_it_stands() -> None:
    assert segments("  One.  Two there.\n") == [
        Segment(0, (0, 8), "One.", 2, "sentence", None),
        Segment(1, (8, 19), "Two there.", 8, "paragraph", None),
    ]


def test_a_blank_line_ends_a_paragraph_without_a_full_stop() -> None:
    found = segments("a title of some kind\n \nand text. More text")
    assert [(segment.text, segment.boundary) for segment in found] == [
        ("a title of some kind", "paragraph"),
        ("and text.", "sentence"),
        ("More text", "paragraph"),
    ]


def test_a_line_break_within_a_sentence_is_a_space() -> None:
    assert texts("He went to see his dear old friend\nin London. It rained.") == [
        "He went to see his dear old friend\nin London.",
        "It rained.",
    ]


def test_list_items_and_headings_stand_alone() -> None:
    assert texts("# Shopping\nWe need:\n- milk\n- bread and butter\n1. one\n2) two\nThat is all.") == [
        "# Shopping",
        "We need:",
        "- milk",
        "- bread and butter",
        "1. one",
        "2) two",
        "That is all.",
    ]


def test_a_short_line_before_a_new_start_is_a_heading() -> None:
    assert texts("Chapter 1\nIt was a dark night.") == ["Chapter 1", "It was a dark night."]


def test_a_wrapped_line_that_ends_with_a_sentence_is_no_paragraph() -> None:
    line = "This is a line of the length at which editors like to wrap it, see."
    assert [found.boundary for found in segments(f"{line}\nThe text goes on.")] == ["sentence", "paragraph"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes. ... ?! No there.", ["Yes. ... ?!", "No there."]),
        ("?! Really.", ["?! Really."]),
        ("Hello there. 😀", ["Hello there. 😀"]),
        ("Hi! Yes. No.", ["Hi!", "Yes.", "No."]),
    ],
)
def test_only_marks_are_merged_into_their_neighbour(text: str, expected: list[str]) -> None:
    assert [found for found in texts(text) if found] == expected


SCENE_BREAKS = [
    *(
        "* * *",
        "***",
        "*",
        "~~~",
        "~ ~ ~",
        "###",
        "#",
        "---",
        "-----",
        "- - -",
        "___",
        "===",
        "⁂",
        "• • •",
        "•",
        "—",
        "– – –",
    ),
    *("...", ". . .", "…", "·", "❦", "★ ★ ★", "+++", "=-=-=", "~*~", "|---|---|", "\t* * *  ", "-" * 100),
]


@pytest.mark.parametrize("drawing", SCENE_BREAKS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One here.\n\n{}\n\nTwo there.", ["One here.", "Two there."]),
        ("One here.\n{}\nTwo there.", ["One here.", "Two there."]),
        ("one without a mark\n{}\nand two", ["one without a mark", "and two"]),
        ("One here.\r\n{}\r\nTwo there.", ["One here.", "Two there."]),
        ("{}\nTwo there.", ["Two there."]),
        ("One here.\n{}", ["One here."]),
        ("One here.\n{}\n\n", ["One here."]),
    ],
)
def test_a_scene_break_is_a_pause_between_paragraphs(text: str, expected: list[str], drawing: str) -> None:
    text = text.format(drawing)
    segmenter = Segmenter()
    in_pieces = [found for piece in text for found in segmenter.push(piece)] + segmenter.finish()
    found = segments(text)
    assert found == in_pieces
    spoken = [segment for segment in found if segment.text]
    assert [segment.text for segment in spoken] == expected
    assert {segment.boundary for segment in spoken} == {"paragraph"}
    assert all(segment is found[-1] for segment in found if not segment.text), "one pause, not two"


@pytest.mark.parametrize("line", ["- milk", "# Title", "+", "==", "5", "100%", "*stage*", "😀", "> quoted"])
def test_a_line_that_says_something_is_no_scene_break(line: str) -> None:
    assert "".join(line.split()) in "".join("".join(texts(f"One here.\n{line}\nTwo there.")).split())


@pytest.mark.parametrize("text", ["...", "?!", "—", ". " * 1000, '"" ()'])
def test_marks_alone_are_not_spoken(text: str) -> None:
    assert not any(texts(text))


def test_a_long_sentence_is_cut_at_clause_marks_into_balanced_pieces() -> None:
    text = "When the rain had stopped at last, we went out to the garden, which was full of light and birds."
    found = segments(text, max_chars=70)
    assert [segment.text for segment in found] == [
        "When the rain had stopped at last, we went out to the garden,",
        "which was full of light and birds.",
    ]
    assert [segment.boundary for segment in found] == ["clause", "paragraph"]


def test_without_marks_a_long_sentence_is_cut_at_white_space_without_leftovers() -> None:
    found = texts("word " * 21 + "end.", max_chars=105)
    assert all(45 < len(piece) < 65 and piece.split() for piece in found)
    assert " ".join(found) == "word " * 21 + "end."


@pytest.mark.parametrize("shift", range(12))
@pytest.mark.parametrize("thing", ["3:30 p.m. today", "5 kg", "Dr. Smith"])
def test_a_cut_at_white_space_leaves_numbers_and_titles_with_what_follows(thing: str, shift: int) -> None:
    text = ("x" * shift + " word " * 3 + thing + " more and") * 12
    found = texts(text, max_chars=60)
    assert len(found) > 5
    assert sum(piece.count(thing) for piece in found) == 12, found


@pytest.mark.parametrize("cluster", ["e\u0301", "👩\u200d👩\u200d👧", "❤\ufe0f", "🇩🇪", "👍🏽", "क्षि", "각"])
def test_a_hard_cut_leaves_clusters_whole(cluster: str) -> None:
    found = texts(cluster * 100, max_chars=31)
    assert len(found) > 1
    assert all(len(piece) % len(cluster) == 0 and len(piece) <= 31 for piece in found)


@pytest.mark.parametrize("number", ["1,234,567", "3:45", "10.25"])
def test_a_cut_leaves_numbers_whole(number: str) -> None:
    found = texts(f"价钱是{number}元和" * 20, max_chars=25)
    assert sum(piece.count(number) for piece in found) == 20


def test_a_text_without_end_is_cut_while_it_arrives() -> None:
    segmenter = Segmenter(max_chars=100)
    found = segmenter.push("x" * 1000)
    assert [len(segment.text) for segment in found] == [100] * len(found)
    assert len(found) >= 8


def test_the_first_piece_ends_early_at_a_clause_mark() -> None:
    text = "Well, in the beginning there was nothing, and then it all began to grow. The end, really."
    assert texts(text, first=50) == [
        "Well, in the beginning there was nothing,",
        "and then it all began to grow.",
        "The end, really.",
    ]


def test_the_first_piece_without_mark_is_cut_only_when_the_sentence_is_much_longer() -> None:
    text = "There is no mark in this one at all."
    assert texts(text, first=20) == [text]
    assert texts(text, first=17) == ["There is no mark", "in this one at all."]


def test_pauses_end_a_segment_and_add_up() -> None:
    found = segments("Hello [pause:1s] [Pause: 500 ms]\nworld. [laugh] Bye.[pause:2]")
    assert [(segment.text, segment.boundary, segment.pause_after) for segment in found] == [
        ("Hello", "clause", 1.5),
        ("world.", "sentence", None),
        ("[laugh] Bye.", "sentence", 2.0),
    ]


def test_a_text_that_starts_with_a_pause_has_a_silent_segment() -> None:
    found = segments("[pause:1s] Hi.")
    assert [(segment.text, segment.span, segment.pause_after) for segment in found] == [
        ("", (0, 11), 1.0),
        ("Hi.", (11, 14), None),
    ]


@pytest.mark.parametrize("text", ["[pause:1s]", " \n ", "[pause:1] [pause:2]\n", "***", "***\n\n---\n"])
def test_only_pauses_and_white_space_give_one_silent_segment(text: str) -> None:
    assert [(segment.text, segment.span) for segment in segments(text)] == [("", (0, len(text)))]


def test_an_empty_text_has_no_segments() -> None:
    assert segments("") == []


def test_a_tag_may_arrive_in_parts() -> None:
    segmenter = Segmenter()
    found = segmenter.push("Hi [pau") + segmenter.push("se:1s]") + segmenter.push(" you") + segmenter.finish()
    assert [(segment.text, segment.pause_after) for segment in found] == [("Hi", 1.0), ("you", None)]


@pytest.mark.parametrize(
    ("tag", "seconds"),
    [("[pause]", 1.0), ("[pause 1.5s]", 1.5), ("[pause=2]", 2.0), ("<break time='3s'/>", 3.0)],
)
def test_every_spelling_of_a_pause_may_arrive_in_parts(tag: str, seconds: float) -> None:
    segmenter = Segmenter()
    found = [made for piece in f"Hi {tag} you" for made in segmenter.push(piece)] + segmenter.finish()
    assert [(segment.text, segment.pause_after) for segment in found] == [("Hi", seconds), ("you", None)]


def test_a_tag_that_stays_unfinished_is_text_or_an_error() -> None:
    assert texts("Hi [pau") == ["Hi [pau"]
    with pytest.raises(InvalidTextError, match="closing bracket"):
        segments("Hi [pause:1")


def test_a_sentence_is_spoken_once_enough_follows_it() -> None:
    segmenter = Segmenter()
    assert segmenter.push("This is a sentence. And this foll") == []
    assert [found.text for found in segmenter.push("ows behind it")] == ["This is a sentence."]


def test_a_line_end_behind_a_full_stop_is_spoken_at_once() -> None:
    segmenter = Segmenter()
    assert [found.text for found in segmenter.push("Hello there.\n")] == ["Hello there."]
    assert segmenter.finish() == []


def test_a_finished_segmenter_takes_no_more() -> None:
    segmenter = Segmenter()
    segmenter.finish()
    assert segmenter.finish() == []
    with pytest.raises(UsageError):
        segmenter.push("x")


@pytest.mark.parametrize(("most", "first"), [(0, None), (10, 0)])
def test_lengths_must_be_positive(most: int, first: int | None) -> None:
    with pytest.raises(UsageError):
        Segmenter(max_chars=most, first_max_chars=first)


def test_text_before_a_broken_tag_is_spoken_first() -> None:
    segmenter = Segmenter()
    segments = segmenter.push(
        "The first one is whole. The second as well.\n\nBut this [pause:never] is broken."
    )
    assert [s.text for s in segments] == ["The first one is whole.", "The second as well."]
    with pytest.raises(InvalidTextError, match="never"):
        segmenter.push(" More.")
    with pytest.raises(InvalidTextError, match="never"):
        segmenter.finish()
