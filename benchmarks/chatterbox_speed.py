"""Native Chatterbox beside the published package, in turns, on random weights of true size whose speech ends.

In each round every contestant does the same once, A B A B, and a ratio is the median of the rounds' ratios;
behind it is their range, which is the noise. The package's own requirements are those of the tests
(`make .venv/.dev`). Writes 3 GB of random weights into a temporary folder first, unless it is given some.

    python benchmarks/chatterbox_speed.py                     # Turbo, about ten minutes on two cores
    python benchmarks/chatterbox_speed.py --model chatterbox-nano --parts page --prompt auto exact
    python benchmarks/chatterbox_speed.py --parts requests --requests 200
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from chatterbox_contestants import Contestant, OurHub, OurT3, Package, Spoken, Steps
from machine import Yardsticks, machine, say
from tts_hub_chatterbox.files.variants import VARIANTS, Variant

sys.path.insert(0, str(Path(__file__).parent.parent))

END = 160
"""Text and speech tokens at which the random weights stop."""
ROWS = 8
STEPS = 50
"""Steps of T3 alone in a round."""
PARTS = ("t3", "sentence", "page", "requests")
SENTENCE = (
    "The harbour lay quiet that morning, and the first boats were already far out upon the wide grey bay."
)
"""100 speech tokens, 4 s, where text and speech end at 160."""
PAGE = (
    "Nobody had told the baker that the bridge would be closed for the whole week.",
    "She counted the steps again, slowly, and came to a different number each time.",
    "Behind the station there was a garden which no map of the town had ever shown.",
    "He wrote three letters that evening and burned two of them.",
    "By noon the wind had turned, and the smell of rain came over the fields beyond the river and the road.",
    "The children laughed, but the old dog only lifted its head and went back to sleep.",
    "When the clock struck nine at last, everybody in the room pretended not to hear it.",
    "In the end they agreed to wait, since the last train had left and the first one was not far away.",
)
"""Sentences of 60 to 120 characters, about 4.5 s each where text and speech end at 160."""
SHORT = (
    "A short sentence is soon over, and so is this one.",
    "Please close the window, it is getting cold in here.",
    "Nobody knew where the key was, least of all the owner.",
)
SHORT_TOKENS = 20
"""Where the limit cuts each short request: 0.8 s."""
STEADY_AFTER = 10
"""Requests after which memory shall not grow."""
Measured = dict[str, list[float]]
"""Name of a contestant -> a figure of each round."""


def in_turns(contestants: Sequence[Contestant], rounds: int, ask: Callable[[Contestant], float]) -> Measured:
    """Each once unmeasured, then all of them in every round."""
    for contestant in contestants:
        ask(contestant)
    measured: Measured = {contestant.name: [] for contestant in contestants}
    for _ in range(rounds):
        for contestant in contestants:
            measured[contestant.name].append(ask(contestant))
    return measured


def report(what: str, measured: Measured, unit: str, digits: int, *, more_is_better: bool = False) -> None:
    """A row for each contestant; the first of them is the one that the others are compared with."""
    first, *_ = measured.values()
    for name, figures in measured.items():
        ratios = [a / b if more_is_better else b / a for a, b in zip(figures, first, strict=True)]
        compared = "-" if figures is first else f"{statistics.median(ratios):.2f} times ({_range(ratios, 2)})"
        middle = f"{statistics.median(figures):.{digits}f}{unit}"
        say(f"| {what} | {name} | {middle} ({_range(figures, digits)}) | {compared} |")


def compare_t3(folder: Path, variant: Variant, given: argparse.Namespace) -> None:
    """T3 alone: prefill and tokens a second."""
    count = 20 if given.quick else STEPS
    where = (folder, variant, given.threads)
    made = [Contestant("package, float32", Package, where)]
    made += [Contestant(f"ours, {dtype}", OurT3, (*where, dtype)) for dtype in given.dtype]
    with closing(made) as contestants:
        took: dict[str, list[Steps]] = {}

        def ask(contestant: Contestant) -> float:
            steps: Steps = contestant.ask("steps", 1, count)
            took.setdefault(contestant.name, []).append(steps)
            return steps.tokens_per_second

        measured = in_turns(contestants, given.rounds, ask)
        prefill = {name: [step.prefill_seconds for step in steps[1:]] for name, steps in took.items()}
        report("T3, text read", prefill, " s", 3)
        report("T3, 1 row, tokens/s", measured, "", 1, more_is_better=True)
        together = in_turns(
            contestants[1:], given.rounds, lambda each: each.ask("steps", ROWS, count).tokens_per_second
        )
        package = contestants[0].name
        report(
            f"T3, {ROWS} rows, tokens/s in all",
            {f"{package}, 1 row": measured[package], **together},
            "",
            1,
            more_is_better=True,
        )


def compare_speech(folder: Path, variant: Variant, given: argparse.Namespace) -> None:
    """A sentence, and a page of which the package speaks one sentence a round."""
    where = (folder, variant, given.threads)
    made = [Contestant("package, float32", Package, where)]
    made += [
        Contestant(f"ours, {dtype}, {prompt}", OurHub, (*where, {"dtype": dtype, "prompt": prompt}))
        for dtype in given.dtype
        for prompt in given.prompt
    ]
    with closing(made) as contestants:
        if "sentence" in given.parts:
            speak_in_turns("sentence", contestants, [SENTENCE], given.rounds)
        if "page" in given.parts:
            page = PAGE[:3] if given.quick else PAGE
            speak_in_turns("page", contestants, page, math.ceil(given.rounds / 2))


def speak_in_turns(what: str, contestants: Sequence[Contestant], texts: Sequence[str], rounds: int) -> None:
    """Ours speaks all texts in one request; the package, which comes first, one of them in each round."""
    package, *_ = contestants
    spoken: dict[str, list[Spoken]] = {contestant.name: [] for contestant in contestants}

    def ask(contestant: Contestant) -> float:
        before = spoken[contestant.name]
        one = texts[len(before) % len(texts)]
        before.append(contestant.ask("speak", [one] if contestant is package else texts))
        return before[-1].real_time_factor

    measured = in_turns(contestants, rounds, ask)
    report(f"{what}, real-time factor", measured, "", 2)
    first = {
        name: [each.first_seconds or each.seconds for each in every[1:]] for name, every in spoken.items()
    }
    report(f"{what}, first audio", first, " s", 2)
    audio = {name: [each.audio_seconds for each in every[1:]] for name, every in spoken.items()}
    report(f"{what}, audio", audio, " s", 2)


def many_requests(folder: Path, variant: Variant, given: argparse.Namespace) -> None:
    """Short ones in a row: does memory grow?"""
    settings = {
        "dtype": given.dtype[-1],
        "prompt": given.prompt[0],
        "max_speech_tokens": SHORT_TOKENS,
    }
    with closing([Contestant("ours", OurHub, (folder, variant, given.threads, settings))]) as contestants:
        memory: list[float] = contestants[0].ask("requests", SHORT, given.requests)
    steady = memory[min(STEADY_AFTER, len(memory)) - 1]
    say(
        f"{len(memory)} short requests in a row: {steady:.0f} MB resident after {STEADY_AFTER}, "
        f"{memory[-1]:.0f} MB at the end, {memory[-1] - steady:+.0f} MB; most {max(memory):.0f} MB"
    )


@contextmanager
def closing(contestants: Sequence[Contestant]) -> Iterator[Sequence[Contestant]]:
    """They end with the block."""
    yield contestants
    for contestant in contestants:
        contestant.close()


def _range(figures: Sequence[float], digits: int) -> str:
    return f"{min(figures):.{digits}f} to {max(figures):.{digits}f}"


def compare(folder: Path, variant: Variant, given: argparse.Namespace) -> None:
    """All parts that are asked for."""
    before = Yardsticks.measured()
    say(f"{variant.model} on {machine()}; at the beginning {before}\n")
    say("| what | who | median (range) | as fast as the first (range of the rounds) |")
    say("|---|---|---|---|")
    if "t3" in given.parts:
        compare_t3(folder, variant, given)
    if {"sentence", "page"} & set(given.parts):
        compare_speech(folder, variant, given)
    if "requests" in given.parts:
        many_requests(folder, variant, given)
    say(f"\nAt the end {Yardsticks.measured()}")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", choices=VARIANTS, default="chatterbox-turbo")
    parser.add_argument("--models", type=Path, help="folder with such models; else random weights are made")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS[:3])
    parser.add_argument("--dtype", nargs="+", default=["float32", "auto"], help="of ours")
    parser.add_argument("--prompt", nargs="+", default=["auto"], choices=["auto", "exact", "remembered"])
    parser.add_argument("--rounds", type=int, default=5, help="of each part; a page has half as many")
    parser.add_argument("--requests", type=int, default=200, help="of the part of this name")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of each contestant")
    parser.add_argument("--quick", action="store_true", help="two rounds, fewer tokens, a short page")
    given = parser.parse_args()
    if given.quick:
        given.rounds = 2
    torch.set_num_threads(given.threads)
    warnings.simplefilter("ignore")
    variant = VARIANTS[given.model]
    if given.models is not None:
        compare(given.models / variant.model, variant, given)
        return
    from tests.chatterbox import conftest  # noqa: F401, I001 - makes the package importable, so it comes first
    from tests.chatterbox import official

    with tempfile.TemporaryDirectory() as folder:
        compare(official.write_models(Path(folder), [variant], end=END)[variant.model], variant, given)


if __name__ == "__main__":
    main()
