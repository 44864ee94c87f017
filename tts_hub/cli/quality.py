"""`tts-hub quality` judges how engines speak; `tts-hub quality compare` compares two results."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import click
import numpy as np
from anyio import to_thread

from tts_hub.bench.tables import table
from tts_hub.cli.display import CountDisplay
from tts_hub.cli.main import run
from tts_hub.config import Config
from tts_hub.config_file.loading import load_config
from tts_hub.errors import GenerationError, OutputError
from tts_hub.manager import TTSBackendManager
from tts_hub.quality.comparing import compare as compare_results
from tts_hub.quality.measuring import all_judges
from tts_hub.quality.page import page
from tts_hub.quality.recogniser import USUAL_MODEL
from tts_hub.quality.result import Absent, Result, Take
from tts_hub.quality.running import Plan, Spoken, run_plan
from tts_hub.quality.sentences import LANGUAGES
from tts_hub.quality.summary import DIFFERENCE_HEAD, HEAD, difference_rows, notes, row
from tts_hub.system.measurements import write_text

NEW_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(invoke_without_command=True, short_help="Judge how engines speak: words, sound, times.")
@click.option(
    "-m", "--model", "models", multiple=True, help="Engine or model. Repeatable; all that are ready if none."
)
@click.option(
    "--voice", "voices", multiple=True, help="Voice of each model. Repeatable; its default if none."
)
@click.option(
    "--language",
    "languages",
    multiple=True,
    type=click.Choice(LANGUAGES),
    help="Repeatable; all that the engines speak if none.",
)
@click.option("--sentences", "most", type=click.IntRange(1), help="Sentences of each language; all if none.")
@click.option("--words/--no-words", "word_times", default=True, help="Measure word times.", show_default=True)
@click.option(
    "--recogniser",
    default=USUAL_MODEL,
    show_default=True,
    help="Whisper model for faster-whisper: a folder, or a size that it downloads.",
)
@click.option("--reference", type=click.Path(path_type=Path), help="Clip of the voice to compare with.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of all requests.")
@click.option("--json", "json_file", type=NEW_FILE, help="Write the result here.")
@click.option("--html", "html_file", type=NEW_FILE, help="Write a page to listen to the worst takes here.")
@click.pass_context
def quality(ctx: click.Context, /, **given: Any) -> None:
    """Measure word errors, naturalness, clicks, loudness and word times, on sentences written for it."""
    if ctx.invoked_subcommand is not None:
        return
    _check_files(given)
    result = run(lambda: _measured(given, load_config(ctx.obj).config))
    click.echo("\n".join(table(HEAD, [row(subject) for subject in result.subjects])))
    for note in notes(result):
        click.echo(note, err=True)
    if given["json_file"] is not None:
        result.save(given["json_file"])
    if given["html_file"] is not None:
        write_text(given["html_file"], page(result))


@quality.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
def compare(a: Path, b: Path) -> None:
    """Print the differences of two results, B less A, with intervals by a paired bootstrap."""
    found = compare_results(Result.load(a), Result.load(b))
    if not found:
        raise click.ClickException(f"{a} and {b} have no voice and sentence in common")
    click.echo("\n".join(table(DIFFERENCE_HEAD, list(difference_rows(found)))))


class HubSpeaker:
    """Speaks through two hubs: one as configured, and one that keeps the silence around segments."""

    def __init__(self, config: Config, seed: int) -> None:
        untrimmed = config.audio.model_copy(update={"trim_silence": False})
        self.hub = TTSBackendManager(config)
        self._untrimmed = TTSBackendManager(config.model_copy(update={"audio": untrimmed}))
        self._seed = seed
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for hub in (self.hub, self._untrimmed):
            await self._open.enter_async_context(hub)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._open.aclose()

    async def speak(
        self, engine: str, voice: str | None, language: str, text: str, *, trimmed: bool = True
    ) -> Spoken:
        """The text in the voice, or the default one; no other engine takes over."""
        hub = self.hub if trimmed else self._untrimmed
        audio = await hub.generate(
            text, model=engine, voice=voice, language=language, seed=self._seed, fallback=()
        )
        async with audio:
            chunks = [chunk.samples async for chunk in audio]
        report = audio.report
        if not chunks:
            raise GenerationError("no audio came", backend=report.backend)
        return Spoken(
            np.concatenate(chunks),
            audio.sample_rate,
            tuple(audio.words),
            bool(report.estimated_segments),
            report.voice,
        )


class _Takes(CountDisplay):
    """A progress bar on a terminal."""

    def on_take(self, name: str, take: Take) -> None:
        """Count a take."""
        self.describe(name)
        self.count_one()


async def _measured(given: dict[str, Any], config: Config) -> Result:
    judges, left_out = await to_thread.run_sync(all_judges, given["recogniser"])
    reference = None
    if given["reference"] is not None:
        reference = await to_thread.run_sync(judges.voice_of, given["reference"])
    async with HubSpeaker(config, given["seed"]) as speaker:
        models, absent = _models(speaker.hub, given["models"])
        plan = Plan(
            voices=tuple((model, voice) for model in models for voice in given["voices"] or (None,)),
            languages=given["languages"] or LANGUAGES,
            most=given["most"],
            word_times=given["word_times"],
            seed=given["seed"],
            command=shlex.join(["tts-hub", *sys.argv[1:]]),
            recogniser=f"whisper {Path(given['recogniser']).name}",
            reference=reference,
        )
        with _Takes(plan.takes) as shown:
            result = await run_plan(plan, speaker, judges, shown.on_take)
    result.left_out.extend(left_out)
    result.absent[:0] = absent
    return result


def _models(hub: TTSBackendManager, named: Sequence[str]) -> tuple[list[str], list[Absent]]:
    """The models to measure: those named, or every engine on this machine; and those that are not ready."""
    if named:
        return list(named), []
    ready, absent = list[str](), list[Absent]()
    for status in hub.status():
        if not status.availability.ready:
            remedy = f" (to fix: {status.availability.remedy})" if status.availability.remedy else ""
            absent.append(Absent(name=status.name, reason=f"{status.availability.reason}{remedy}"))
        elif hub.registry.find(status.name).declared().capabilities.remote:
            reason = f"a service elsewhere, which may cost; --model {status.name} measures it"
            absent.append(Absent(name=status.name, reason=reason))
        else:
            ready.append(status.name)
    return ready, absent


def _check_files(given: dict[str, Any]) -> None:
    """Refuse, before minutes of work, files that could not be written after it."""
    for name in ("json_file", "html_file"):
        if given[name] is not None and not os.access(given[name].parent, os.W_OK):
            raise OutputError(f"cannot write {given[name]}: its folder does not exist or is write-protected")
