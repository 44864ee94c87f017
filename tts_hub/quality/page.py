"""One HTML page to listen to the worst takes: no scripts, and nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from tts_hub.quality.result import Result, Subject, Take
from tts_hub.quality.running import worst
from tts_hub.quality.scores.word_errors import Step, aligned
from tts_hub.quality.sentences import Sentence, sentences
from tts_hub.quality.summary import HEAD, notes, row
from tts_hub.quality.words import CHARACTER_LANGUAGES, spoken_words

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem;
       color: #1a1a1a; background: #fff; }
table { border-collapse: collapse; font-size: .85rem; display: block; overflow-x: auto; }
th, td { border: 1px solid #ccc; padding: .3rem .6rem; text-align: left; vertical-align: top; }
article { border-top: 1px solid #ddd; padding: .8rem 0; }
article p { margin: .2rem 0; }
.figures { color: #555; font-size: .85rem; }
ins { background: #cfe8ff; text-decoration: none; }
del { background: #ffd3d3; }
audio { width: 100%; max-width: 40rem; }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #181818; } .figures { color: #aaa; }
  ins { background: #1f4a73; } del { background: #742a2a; } th, td { border-color: #444; }
}
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; media-src data:"
SIGNS = {"missing": "<del>{said}</del>", "added": "<ins>{heard}</ins>",
         "replaced": "<del>{said}</del> <ins>{heard}</ins>", "same": "{said}"}  # fmt: skip


def page(result: Result) -> str:
    """The page of a result."""
    lines = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>Speech quality, {escape(result.began)}</title><style>{STYLE}</style></head><body>",
        "<h1>Speech quality</h1>",
        f"<p><code>{escape(result.command)}</code><br>{escape(result.began)}, {escape(result.machine)}, "
        f"recogniser {escape(result.recogniser)}</p>",
        *_table(HEAD, [row(subject) for subject in result.subjects]),
        "<ul>",
        *(f"<li>{escape(note)}</li>" for note in notes(result)),
        "</ul>",
    ]
    for subject in result.subjects:
        lines.extend(_worst_of(subject))
    return "\n".join([*lines, "</body></html>"]) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"<table><tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>"
    for cells in rows:
        yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
    yield "</table>"


def _worst_of(subject: Subject) -> Iterator[str]:
    yield f"<h2>{escape(subject.name)}: the worst takes</h2>"
    spoken = {each.text: each for each in sentences(subject.language)}
    for place in worst(subject.takes):
        take = subject.takes[place]
        yield "<article>"
        yield f"<p><b>{escape(take.text)}</b></p>"
        if take.failure:
            yield f"<p>{escape(take.failure)}</p>"
        if take.heard is not None:
            yield f"<p>{_marked(take, spoken.get(take.text), subject.language)}</p>"
        if take.audio:
            yield f'<audio controls preload="none" src="data:audio/mpeg;base64,{escape(take.audio)}"></audio>'
        yield f'<p class="figures">{escape(_figures(take))}</p></article>'


def _marked(take: Take, sentence: Sentence | None, language: str) -> str:
    """The words of the text: missing ones struck through, added ones marked."""
    said = spoken_words(sentence.spoken if sentence else take.text, language)
    joint = "" if language in CHARACTER_LANGUAGES else " "
    return joint.join(map(_marked_word, aligned(said, spoken_words(take.heard or "", language))))


def _marked_word(step: Step) -> str:
    return SIGNS[step.kind].format(said=escape(step.said), heard=escape(step.heard))


def _figures(take: Take) -> str:
    names = (
        ("errors", take.errors), ("DNSMOS", take.dnsmos), ("DistillMOS", take.distillmos),
        ("similarity", take.similarity), ("silence before", take.silence_before),
        ("silence behind", take.silence_behind), ("clipped samples", take.clipped), ("clicks", take.clicks),
        ("strongest place", take.click_strength), ("LUFS", take.loudness), ("seconds", take.seconds),
    )  # fmt: skip
    shown = [
        f"{name} {value}" if isinstance(value, int) else f"{name} {value:.2f}"
        for name, value in names
        if value is not None
    ]
    return ", ".join([take.kind, *shown])
