"""Native Chatterbox on a GPU, on random weights of true size whose speech ends.

Writes 3 GB of random weights into a temporary folder first, unless it is given some (`--models`); that needs
the requirements of the tests (`make .venv/.dev`).

    python benchmarks/chatterbox_gpu.py                     # Turbo, about a minute
    python benchmarks/chatterbox_gpu.py --model chatterbox-nano --dtype auto float32
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from chatterbox_contestants import OurHub, OurT3, Spoken
from chatterbox_speed import END, PAGE, SENTENCE
from machine import say
from tts_hub_chatterbox.files.variants import VARIANTS, Variant

sys.path.insert(0, str(Path(__file__).parent.parent))

STEPS = 100
ROWS = (1, 8, 32)
"""Rows of T3, and requests that come at once."""
SHORT = "Good morning, and welcome."
MEGABYTE = 1 << 20


def measure_t3(folder: Path, variant: Variant, dtype: str, rounds: int, threads: int) -> None:
    """Tokens a second of so many rows, recorded and not."""
    t3 = OurT3(folder, variant, threads, dtype, "cuda")
    for recorded in (True, False):
        for rows in ROWS:
            t3.steps(rows, STEPS // 10, recorded=recorded)
            every = [t3.steps(rows, STEPS, recorded=recorded) for _ in range(rounds)]
            speed = [steps.tokens_per_second for steps in every]
            prefill = 1_000 * statistics.median(steps.prefill_seconds for steps in every)
            way = "recorded" if recorded else "unrecorded"
            report(f"T3, {dtype}, {way}, rows: {rows}", speed, " tokens/s", 0)
            if rows == 1 and recorded:
                say(f"| T3, {dtype}, text read | {prefill:.1f} ms |")


def measure_speech(folder: Path, variant: Variant, dtype: str, rounds: int, threads: int) -> None:
    """First audio and real-time factor of one listener."""
    hub = OurHub(folder, variant, threads, {"dtype": dtype, "device": "cuda"}, warms_up=True)
    for what, texts in (("short text", [SHORT]), ("sentence", [SENTENCE]), ("page", PAGE)):
        hub.speak(texts)
        every = [hub.speak(texts) for _ in range(rounds)]
        report(f"{what}, {dtype}, first audio", firsts(every), " ms", 0)
        report(f"{what}, {dtype}, real-time factor", [each.real_time_factor for each in every], "", 3)
    hub.close()


def measure_many(folder: Path, variant: Variant, dtype: str, rounds: int, threads: int) -> None:
    """Many requests at once: first audio, audio a second, and memory."""
    for rows in ROWS[1:]:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        settings = {"dtype": dtype, "device": "cuda", "concurrency": rows}
        hub = OurHub(folder, variant, threads, settings, warms_up=True)
        texts = [PAGE[number % len(PAGE)] for number in range(rows)]
        hub.together(texts)
        spoken, speed = [], []
        for _ in range(rounds):
            every, seconds = hub.together(texts)
            spoken += every
            speed.append(sum(each.audio_seconds for each in every) / seconds)
        report(f"{rows} at once, {dtype}, first audio", firsts(spoken), " ms", 0)
        report(f"{rows} at once, {dtype}, audio a second", speed, " s", 1)
        free, total = torch.cuda.mem_get_info()
        tensors, taken = torch.cuda.max_memory_allocated() // MEGABYTE, (total - free) // MEGABYTE
        say(f"| {rows} rows, {dtype}, memory of the GPU | {tensors} MB of tensors, {taken} MB in all |")
        hub.close()


def firsts(every: Sequence[Spoken]) -> list[float]:
    """Milliseconds until the first audio."""
    return [1_000 * (each.first_seconds or each.seconds) for each in every]


def report(what: str, figures: Sequence[float], unit: str, digits: int) -> None:
    """A row: median and range."""
    middle, least, most = statistics.median(figures), min(figures), max(figures)
    say(f"| {what} | {middle:.{digits}f}{unit} ({least:.{digits}f} to {most:.{digits}f}) |")


def measure(folder: Path, variant: Variant, given: argparse.Namespace) -> None:
    """All of it."""
    say(f"{variant.model} on {torch.cuda.get_device_name()}, torch {torch.__version__}\n")
    say("| what | median (range) |")
    say("|---|---|")
    for dtype in given.dtype:
        for part in (measure_speech, measure_many, measure_t3):
            part(folder, variant, dtype, given.rounds, given.threads)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", choices=VARIANTS, default="chatterbox-turbo")
    parser.add_argument("--models", type=Path, help="folder with such models; else random weights are made")
    parser.add_argument("--dtype", nargs="+", default=["auto"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of the processor")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    variant = VARIANTS[given.model]
    if given.models is not None:
        measure(given.models / variant.model, variant, given)
        return
    from tests.chatterbox import conftest  # noqa: F401, I001 - makes the package importable, so it comes first
    from tests.chatterbox import official

    with tempfile.TemporaryDirectory() as folder:
        measure(official.write_models(Path(folder), [variant], end=END)[variant.model], variant, given)


if __name__ == "__main__":
    main()
