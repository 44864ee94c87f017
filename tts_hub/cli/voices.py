"""`tts-hub voices`: the voices of all engines, and those that you make of recordings."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tts_hub.cli.completing import complete_models, forget
from tts_hub.cli.listing import (
    all_option,
    best_first,
    diagnosis,
    json_option,
    more,
    removed_text,
    size_text,
    table,
)
from tts_hub.cli.main import open_manager, run

if TYPE_CHECKING:
    from tts_hub.engines.pool import EngineStatus
    from tts_hub.engines.preparation import Preparation
    from tts_hub.store.records import StoredProfile, StoredSample, StoredVoice
    from tts_hub.types import Voice

CLIP = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)
model_option = click.option(
    "-m", "--model", help="Only the voices of this model's engine.", shell_complete=complete_models
)
language_option = click.option(
    "--language", help="Only voices that speak this language: a BCP 47 tag such as en-GB."
)


@click.group(invoke_without_command=True, short_help="List voices; make, change and hand on your own.")
@model_option
@language_option
@click.option("--variants", is_flag=True, help="List the variants (as in en-us+f3) of the voices too.")
@all_option
@json_option
@click.pass_context
def voices(
    ctx: click.Context,
    model: str | None,
    language: str | None,
    *,
    variants: bool,
    show_all: bool,
    as_json: bool,
) -> None:
    """List the voices of the engines that are ready, the best engine's first.

    The commands below make voices of recordings, which engines that clone can speak with.
    """
    if ctx.invoked_subcommand is None:
        _list(ctx.obj, model, language, variants=variants, show_all=show_all, as_json=as_json)


@voices.command()
@click.argument("name")
@click.argument("clip", type=CLIP)
@click.option("--description", default="", help="For people to read.")
@click.option("--language", default="", help="Language of the recording: a BCP 47 tag such as en-GB.")
@click.option("--consent", default="", help="Who has agreed to the use of the voice, and when.")
@click.option("--transcript", default="", help="What is said in the recording.")
@click.pass_obj
def add(config_file: Path | None, /, name: str, clip: Path, **said: str) -> None:
    """Make a voice NAME of a recording: WAV, MP3, FLAC, Ogg, M4A or WebM, 5 to 30 s of one speaker.

    If there is a voice NAME already, the recording is added to it only by `tts-hub voices sample`.
    """

    async def work() -> StoredVoice:
        async with open_manager(config_file) as manager:
            return await manager.store.add_voice(name, clip, **said)

    _print_added(run(work))


@voices.command()
@click.argument("name")
@click.argument("clip", type=CLIP)
@click.option("--transcript", default="", help="What is said in the recording.")
@click.pass_obj
def sample(config_file: Path | None, name: str, clip: Path, transcript: str) -> None:
    """Add a recording to the voice NAME. Engines that take one recording take the newest."""

    async def work() -> StoredVoice:
        async with open_manager(config_file) as manager:
            return await manager.store.add_sample(name, clip, transcript=transcript)

    _print_added(run(work))


@voices.command()
@click.argument("name", required=False)
@json_option
@click.pass_obj
def show(config_file: Path | None, name: str | None, *, as_json: bool) -> None:
    """Show the voice NAME with its recordings and emotions, or all voices that you have made."""

    async def work() -> tuple[list[StoredVoice], list[StoredProfile]]:
        async with open_manager(config_file) as manager:
            store = manager.store
            return await store.voices() if name is None else [await store.voice(name)], await store.profiles()

    found, profiles = run(work)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(voice) for voice in found], indent=2, ensure_ascii=False))
    elif name is None:
        rows = [(voice.name, voice.language, str(len(voice.samples)), voice.description) for voice in found]
        table(("voice", "language", "recordings", "description"), rows)
        if not found:
            click.echo("You have made no voice yet. To make one: tts-hub voices add NAME RECORDING", err=True)
    else:
        _print_voice(found[0], profiles)


@voices.command()
@click.argument("name")
@click.option("--name", "new_name", help="Another name.")
@click.option("--description", help="For people to read.")
@click.option("--language", help="Language of the recordings.")
@click.option("--consent", help="Who has agreed to the use of the voice, and when.")
@click.pass_obj
def change(config_file: Path | None, /, name: str, new_name: str | None, **given: str | None) -> None:
    """Change what is said about the voice NAME."""
    changes = {key: value for key, value in {"name": new_name, **given}.items() if value is not None}
    if not changes:
        raise click.UsageError("say what to change: --name, --description, --language or --consent")

    async def work() -> StoredVoice:
        async with open_manager(config_file) as manager:
            return await manager.store.change_voice(name, **changes)

    click.echo(f"{run(work).name}: changed")
    forget()


@voices.command()
@click.argument("name")
@click.pass_obj
def remove(config_file: Path | None, name: str) -> None:
    """Remove the voice NAME. For a while, `tts-hub voices restore` brings it back."""

    async def work() -> tuple[StoredVoice, float]:
        async with open_manager(config_file) as manager:
            return await manager.store.remove_voice(name), manager.config.store.undo_seconds

    voice, seconds = run(work)
    click.echo(removed_text(voice.name, seconds, f"voices restore {voice.id}"))
    forget()


@voices.command()
@click.argument("voice_id", metavar="ID")
@click.pass_obj
def restore(config_file: Path | None, voice_id: str) -> None:
    """Bring back a voice that was removed. `tts-hub voices remove` has printed its ID."""

    async def work() -> StoredVoice:
        async with open_manager(config_file) as manager:
            return await manager.store.restore_voice(voice_id)

    click.echo(f"{run(work).name}: restored")
    forget()


@voices.command("export")
@click.argument("name")
@click.option("-o", "--output", type=NEW_FILE, help="The file to write. Default: NAME.voice.zip.")
@click.pass_obj
def export_voice(config_file: Path | None, name: str, output: Path | None) -> None:
    """Write the voice NAME, its recordings and its own emotions into one file."""

    async def work() -> tuple[str, bytes]:
        async with open_manager(config_file) as manager:
            voice = await manager.store.voice(name)
            return voice.name, await manager.store.export_voice(voice.id)

    found, data = run(work)
    target = output or Path(f"{found}.voice.zip")
    try:
        target.write_bytes(data)
    except OSError as exc:
        raise click.ClickException(f"cannot write {target}: {exc.strerror or exc}") from exc
    click.echo(f"{target}: {size_text(len(data))}")


@voices.command("import")
@click.argument("file", type=CLIP)
@click.option("--name", default="", help="Another name than the file's. A plain recording needs one.")
@click.option(
    "--description-file", type=CLIP, help="JSON file of a plain recording, as other programs write them."
)
@click.pass_obj
def import_voice(config_file: Path | None, file: Path, name: str, description_file: Path | None) -> None:
    """Take in an exported voice, a ZIP with one recording and a JSON file, or a plain recording."""

    data = file.read_bytes()
    description = description_file.read_bytes() if description_file is not None else None

    async def work() -> StoredVoice:
        async with open_manager(config_file) as manager:
            return await manager.store.import_voice(data, name=name, description=description)

    _print_added(run(work))


@voices.command()
@click.argument("name", required=False)
@click.option("-m", "--model", help="The engine. Default: the best one that clones.")
@click.option("--clear", is_flag=True, help="Instead drop what engines have prepared.")
@click.pass_obj
def prepare(config_file: Path | None, name: str | None, model: str | None, *, clear: bool) -> None:
    """Have an engine compute ahead what it needs of the voice NAME, or of all voices that you have made."""
    if clear:
        click.echo(run(lambda: _clear(config_file)))
        return

    async def work() -> dict[str, list[Preparation]]:
        async with open_manager(config_file) as manager:
            made = [voice.name for voice in await manager.store.voices() if voice.samples]
            names = [name] if name is not None else made
            return {each: await manager.prepare_voice(each, model) for each in names}

    failed = False
    for each, done in run(work).items():
        for preparation in done:
            failed = failed or bool(preparation.failure)
            click.echo(f"{each}: {preparation.failure or 'prepared'} ({preparation.engine})")
    if failed:
        raise click.exceptions.Exit(1)


async def _clear(config_file: Path | None) -> str:
    async with open_manager(config_file) as manager:
        had = await manager.clear_prepared()
    return f"{had.files} prepared voices deleted, {size_text(had.bytes)} freed"


def _print_added(voice: StoredVoice) -> None:
    for warning in voice.samples[-1].warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"{voice.name}: {_described(voice.samples[-1])}")
    click.echo(f'To hear it: tts-hub speak "Hello." --voice "{voice.name}"')
    forget()


def _print_voice(voice: StoredVoice, profiles: Sequence[StoredProfile]) -> None:
    click.echo(f"{voice.name}  ({voice.id})")
    facts = {"language": voice.language, "description": voice.description, "consent": voice.consent}
    for name, value in facts.items():
        if value:
            click.echo(f"  {name}: {value}")
    for each in voice.samples:
        click.echo(f"  recording {each.id}: {_described(each)}")
        for warning in each.warnings:
            click.echo(f"    warning: {warning}")
    for profile in profiles:
        if profile.character.casefold() == voice.name.casefold():
            click.echo(f"  emotion {profile.full_name}")


def _described(recording: StoredSample) -> str:
    origin = f" of {recording.origin}" if recording.origin else ""
    return f"{recording.seconds:.1f} s at {recording.sample_rate} Hz{origin}"


def _list(
    config_file: Path | None,
    model: str | None,
    language: str | None,
    *,
    variants: bool,
    show_all: bool,
    as_json: bool,
) -> None:
    from tts_hub.backend import speaks  # slow to import: the help does not need it

    found, status = run(lambda: _voices(config_file, model))
    rows = [(e, v) for e, vs in found.items() for v in vs if speaks(v, language or "")]
    if as_json:
        lines = [json.dumps({"backend": e} | dataclasses.asdict(v), ensure_ascii=False) for e, v in rows]
        click.echo("[\n" + ",\n".join(lines) + "\n]" if lines else "[]")
        return
    table(
        ("voice", "name", "language", "gender", "engine"),
        [(v.id, v.name, v.language, v.gender or "", e) for e, v in rows],
    )
    _print_variants(rows, show=variants)
    silent = [] if model else [engine for engine in status if not engine.availability.ready]
    if show_all and silent:
        click.echo("\nEngines that are not ready, so that their voices are not listed:")
        for engine in silent:
            click.echo(diagnosis(engine))
    elif silent:
        click.echo(f"\n{more(silent)} first: tts-hub voices --all", err=True)


async def _voices(
    config_file: Path | None, model: str | None
) -> tuple[Mapping[str, Sequence[Voice]], list[EngineStatus]]:
    async with open_manager(config_file) as manager:
        found, status = await manager.voices(model), best_first(manager)
    names = [engine.name for engine in status]
    return {name: found[name] for name in sorted(found, key=names.index)}, status


def _print_variants(rows: Sequence[tuple[str, Voice]], *, show: bool) -> None:
    for names in sorted({v.variants for _, v in rows if v.variants}):
        example = next(v.id for _, v in rows if v.variants == names)
        listed = ", ".join(names) if show else f"{len(names)} of them, shown by --variants"
        click.echo(f"\nVariants, as in {example}+{names[0]}: {listed}")
