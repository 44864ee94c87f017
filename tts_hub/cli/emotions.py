"""`tts-hub emotions`: profiles of the way of speaking, which any client can name."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tts_hub.cli.completing import forget
from tts_hub.cli.listing import json_option, removed_text, table
from tts_hub.cli.main import open_manager, run

if TYPE_CHECKING:
    from tts_hub.emotions.profile import EmotionSettings
    from tts_hub.store.records import StoredProfile

CLIP = click.Path(exists=True, dir_okay=False, path_type=Path)
SETTINGS = ("style", "exaggeration", "instructions", "speed", "pause", "seed")
F = Callable[..., Any]


def settings_options(command: F) -> F:
    """The options for the settings of a profile."""
    options = [
        click.option("--style", help="The way of speaking in one word, such as happy, sad or whispering."),
        click.option("--exaggeration", type=float, help="Strength of the expression, 0 to 1; 0.5 is usual."),
        click.option("--instructions", help="How to speak, for engines that take instructions."),
        click.option("--speed", type=float, help="Speed, by which that of the request is multiplied."),
        click.option("--pause", type=float, help="Seconds between sentences."),
        click.option("--seed", type=int, help="Seed of requests that name none."),
        click.option("--description", help="For people to read."),
        click.option(
            "-O",
            "--option",
            "options",
            multiple=True,
            metavar="ENGINE.KEY=VALUE",
            help="Option of one engine, which counts more than the settings above. Repeatable.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.group(invoke_without_command=True, short_help="List, make and change emotion profiles.")
@json_option
@click.pass_context
def emotions(ctx: click.Context, *, as_json: bool) -> None:
    """List the emotion profiles.

    NAME is `calm` for a profile that suits any voice, or `sarah:calm` for one of the voice sarah. Use it in
    the place of a voice (--voice sarah:calm, --voice heart:calm), in every client.
    """
    if ctx.invoked_subcommand is None:
        _list(run(lambda: _all(ctx.obj)), as_json=as_json)


@emotions.command()
@click.argument("name")
@settings_options
@click.pass_obj
def add(config_file: Path | None, /, name: str, **given: Any) -> None:
    """Make the profile NAME."""
    character, own = _split(name)
    description = given.pop("description") or ""

    async def work() -> StoredProfile:
        async with open_manager(config_file) as manager:
            return await manager.store.add_profile(
                name=own, character=character, description=description, settings=_settings({}, given)
            )

    _print_saved(run(work), "made")


@emotions.command()
@click.argument("name")
@settings_options
@click.option("--name", "new_name", help="Another name, without the voice.")
@click.pass_obj
def change(config_file: Path | None, /, name: str, new_name: str | None, **given: Any) -> None:
    """Change settings of the profile NAME; the others stay. An empty text takes a setting away."""
    description = given.pop("description")

    async def work() -> StoredProfile:
        async with open_manager(config_file) as manager:
            before = await manager.store.profile(name)
            return await manager.store.change_profile(
                before.id,
                name=new_name or before.name,
                description=before.description if description is None else description,
                settings=_settings(before.settings.model_dump(exclude_defaults=True), given),
            )

    _print_saved(run(work), "changed")


@emotions.command()
@click.argument("name")
@json_option
@click.pass_obj
def show(config_file: Path | None, name: str, *, as_json: bool) -> None:
    """Show the profile NAME."""

    async def work() -> StoredProfile:
        async with open_manager(config_file) as manager:
            return await manager.store.profile(name)

    profile = run(work)
    if as_json:
        click.echo(json.dumps(_values(profile), indent=2, ensure_ascii=False))
        return
    click.echo(f"{profile.full_name}  ({profile.id})")
    for key, value in profile.settings.model_dump(exclude_defaults=True).items():
        click.echo(f"  {key}: {value}")
    if profile.description:
        click.echo(f"  description: {profile.description}")
    for each in profile.samples:
        click.echo(f"  recording {each.id}: {each.seconds:.1f} s of {each.origin or 'a voice'}")


@emotions.command()
@click.argument("name")
@click.argument("clip", type=CLIP)
@click.option("--transcript", default="", help="What is said in the recording.")
@click.pass_obj
def sample(config_file: Path | None, name: str, clip: Path, transcript: str) -> None:
    """Add a recording of the voice in the emotion NAME, which engines that clone then take for it."""

    async def work() -> StoredProfile:
        async with open_manager(config_file) as manager:
            return await manager.store.add_profile_sample(name, clip, transcript=transcript)

    profile = run(work)
    for warning in profile.samples[-1].warnings:
        click.echo(f"warning: {warning}", err=True)
    _print_saved(profile, "recording added")


@emotions.command()
@click.argument("name")
@click.pass_obj
def remove(config_file: Path | None, name: str) -> None:
    """Remove the profile NAME. For a while, `tts-hub emotions restore` brings it back."""

    async def work() -> tuple[StoredProfile, float]:
        async with open_manager(config_file) as manager:
            return await manager.store.remove_profile(name), manager.config.store.undo_seconds

    profile, seconds = run(work)
    click.echo(removed_text(profile.full_name, seconds, f"emotions restore {profile.id}"))
    forget()


@emotions.command()
@click.argument("profile_id", metavar="ID")
@click.pass_obj
def restore(config_file: Path | None, profile_id: str) -> None:
    """Bring back a profile that was removed. `tts-hub emotions remove` has printed its ID."""

    async def work() -> StoredProfile:
        async with open_manager(config_file) as manager:
            return await manager.store.restore_profile(profile_id)

    _print_saved(run(work), "restored")


def _settings(before: Mapping[str, Any], given: Mapping[str, Any]) -> EmotionSettings:
    from pydantic import ValidationError  # slow to import: the help does not need it

    from tts_hub.emotions.profile import EmotionSettings
    from tts_hub.errors import one_of

    values = dict(before)
    for name in SETTINGS:
        if given[name] == "":
            values.pop(name, None)
        elif given[name] is not None:
            values[name] = given[name]
    options: dict[str, dict[str, Any]] = {name: dict(own) for name, own in values.get("options", {}).items()}
    for text in given["options"]:
        engine, key, value = _option(text)
        options.setdefault(engine, {})[key] = value
    try:
        return EmotionSettings.model_validate(values | ({"options": options} if options else {}))
    except ValidationError as exc:
        error = exc.errors()[0]
        name = ".".join(map(str, error["loc"]))
        message = f"{name} is {error['input']!r}: {error['msg'].lower()}"
        if name == "style":
            from tts_hub.emotions.profile import STYLES

            message = f"style {error['input']!r} is not known; {one_of(str(error['input']), STYLES, most=99)}"
        raise click.UsageError(message) from exc


def _option(text: str) -> tuple[str, str, Any]:
    """`espeak.pitch=60` -> engine, key, value: JSON where it is any, else text."""
    name, equals, value = text.partition("=")
    engine, dot, key = name.partition(".")
    if not (equals and dot and engine and key):
        raise click.UsageError(f"{text!r} is no option of an engine; write it as espeak.pitch=60")
    try:
        return engine, key, json.loads(value)
    except ValueError:
        return engine, key, value


def _split(name: str) -> tuple[str, str]:
    """`sarah:calm` -> character and name."""
    character, _, own = name.rpartition(":")
    return character, own


async def _all(config_file: Path | None) -> list[StoredProfile]:
    async with open_manager(config_file) as manager:
        return await manager.store.profiles()


def _values(profile: StoredProfile) -> dict[str, Any]:
    names = {
        field.name: getattr(profile, field.name)
        for field in dataclasses.fields(profile)
        if field.name not in {"settings", "samples"}
    }
    samples = [dataclasses.asdict(each) for each in profile.samples]
    return {**names, "full_name": profile.full_name, **profile.settings.model_dump(), "samples": samples}


def _list(profiles: list[StoredProfile], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([_values(profile) for profile in profiles], indent=2, ensure_ascii=False))
        return
    rows = []
    for profile in profiles:
        settings = profile.settings.model_dump(exclude_defaults=True, exclude={"options"})
        said = ", ".join(f"{key} {value}" for key, value in settings.items())
        rows.append((profile.full_name, said, profile.description))
    table(("emotion", "settings", "description"), rows)
    if not profiles:
        click.echo("There is no emotion yet. To make one: tts-hub emotions add glad --style happy", err=True)


def _print_saved(profile: StoredProfile, what: str) -> None:
    click.echo(f"{profile.full_name}: {what}")
    voice = profile.full_name if profile.character else f"VOICE:{profile.name}"
    click.echo(f'To hear it: tts-hub speak "Hello." --voice "{voice}"')
    forget()
