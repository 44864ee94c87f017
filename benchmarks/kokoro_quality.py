"""Kokoro as kokoro-onnx speaks it, judged as `tts-hub quality` judges the hub, for a paired comparison.

    tts-hub quality --model kokoro --voice af_heart --language en --no-words --json hub.json
    python benchmarks/kokoro_quality.py --model GRAPH.onnx --voices voices-v1.0.bin --json package.json
    tts-hub quality compare package.json hub.json

needs `pip install '.[kokoro,quality]'`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import anyio
import numpy as np
from anyio import to_thread
from kokoro_onnx import Kokoro

from tts_hub.quality.measuring import all_judges
from tts_hub.quality.result import Take
from tts_hub.quality.running import Plan, Spoken, run_plan


class Package:
    """kokoro-onnx, called directly, with its own reader of text and its own trimming."""

    def __init__(self, model: Path, voices: Path) -> None:
        self._kokoro = Kokoro(str(model), str(voices))

    async def speak(
        self, engine: str, voice: str | None, language: str, text: str, *, trimmed: bool = True
    ) -> Spoken:
        """The text in the voice; word times are not reported."""
        samples, rate = await to_thread.run_sync(
            lambda: self._kokoro.create(
                text, voice=voice or "af_heart", speed=1.0, lang="en-us", trim=trimmed
            )
        )
        return Spoken(np.asarray(samples, np.float32), rate, (), estimated=True, voice=voice or "af_heart")


async def measured(given: argparse.Namespace) -> None:
    """Speak and judge all English sentences."""
    judges, _ = await to_thread.run_sync(all_judges, given.recogniser)
    plan = Plan(
        voices=(("kokoro", given.voice),),
        languages=("en",),
        most=given.sentences,
        word_times=False,
        command="benchmarks/kokoro_quality.py",
        recogniser=f"whisper {Path(given.recogniser).name}",
    )

    def on_take(name: str, take: Take) -> None:
        sys.stdout.write(f"{take.errors} of {take.said}: {take.text[:60]}\n")

    result = await run_plan(plan, Package(given.model, given.voices), judges, on_take)
    result.save(given.json)


def main() -> None:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="the graph, an .onnx file")
    parser.add_argument("--voices", type=Path, required=True, help="the file of its voices")
    parser.add_argument("--voice", default="af_heart")
    parser.add_argument("--sentences", type=int, help="sentences; all if not given")
    parser.add_argument("--recogniser", default="base", help="Whisper model for faster-whisper")
    parser.add_argument("--json", type=Path, required=True, help="the file to write")
    anyio.run(measured, parser.parse_args())


if __name__ == "__main__":
    main()
