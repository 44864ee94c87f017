"""Completion of models and voices in the shell: quick, and silent whatever goes wrong.

What there is to complete is remembered in the user's cache folder, because looking for it takes longer than
anybody waits for a key. Engines that speak over a network are not asked for their voices.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import platformdirs
from click.shell_completion import CompletionItem, get_completion_class

from tts_hub.cli.main import open_manager

if TYPE_CHECKING:
    from tts_hub.types import Voice

FRESH = 3600.0
"""Seconds for which what was found is believed."""
WITHIN = 5.0
"""Seconds that the engines have to name their voices."""
VARIABLE = "_TTS_HUB_COMPLETE"
HOW = """
To complete commands, models and voices with the Tab key:

\b
bash:  tts-hub completion bash >> ~/.bashrc
zsh:   tts-hub completion zsh >> ~/.zshrc
fish:  tts-hub completion fish > ~/.config/fish/completions/tts-hub.fish

Then open a new terminal.
"""


@click.command(epilog=HOW, short_help="Set up the Tab key in your shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands, models and voices in your shell."""
    made = get_completion_class(shell)
    if made is not None:
        click.echo(made(ctx.find_root().command, {}, "tts-hub", VARIABLE).source())


def complete_models(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Models that can speak now, aliases and `auto`."""
    found = _found(ctx)
    names = [(name, engine["about"]) for engine in found["engines"] for name in engine["models"]]
    best = [("auto", "the best engine")] if names else []
    return _items([*names, *best, *found["aliases"].items()], incomplete)


def complete_downloads(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Models that have files to fetch."""
    return _items([(name, "") for name in _found(ctx)["downloads"]], incomplete)


def complete_voices(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Voices of the model that is named already, else of all engines that are ready."""
    found = _found(ctx)
    model = found["aliases"].get(ctx.params.get("model"), ctx.params.get("model"))
    engines = [engine for engine in found["engines"] if model in {None, "auto", *engine["models"]}]
    return _items([voice for engine in engines for voice in engine["voices"]], incomplete)


def forget() -> None:
    """After a change of what there is."""
    with suppress(OSError):
        _cache_file().unlink()


def _items(words: list[Any], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(word, help=about) for word, about in words if word.startswith(incomplete)]


def _found(ctx: click.Context) -> dict[str, Any]:
    nothing: dict[str, Any] = {"engines": [], "aliases": {}, "downloads": []}
    config_file = ctx.find_root().params.get("config_file")
    with _silence():
        try:
            key = _key(config_file)
            return _remembered(key) or _looked_for(config_file, key)
        except Exception:  # noqa: BLE001 - whatever it is: at a prompt there is no place for an error
            return nothing


@contextmanager
def _silence() -> Generator[None, None, None]:
    """Nothing on stderr, where the prompt is."""
    logging.disable(logging.CRITICAL)
    before, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)
        logging.disable(logging.NOTSET)


def _remembered(key: str) -> dict[str, Any] | None:
    try:
        file = _cache_file()
        kept: Any = json.loads(file.read_text(encoding="utf-8"))
        is_fresh = 0 <= time.time() - file.stat().st_mtime < FRESH
    except (OSError, ValueError):
        return None
    is_usable = is_fresh and isinstance(kept, dict) and kept.get("key") == key
    return kept["found"] if is_usable else None


def _looked_for(config_file: Path | None, key: str) -> dict[str, Any]:
    # Slow to import, and not needed where the answer is remembered.
    import anyio

    from tts_hub.system.temporary import open_temporary, put_in_place

    found = anyio.run(_look, config_file)
    file = _cache_file()
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary, opened = open_temporary(file)
        with opened:
            opened.write(json.dumps({"key": key, "found": found}).encode())
        put_in_place(temporary, file)
    return found


async def _look(config_file: Path | None) -> dict[str, Any]:
    import anyio  # slow to import, as above

    async with open_manager(config_file) as manager:
        local = {entry.name for entry in manager.registry.ready()}
        status = manager.status()
        engines = []
        for engine in [each for each in status if each.availability.ready]:
            voices: Sequence[Voice] = ()
            if engine.name in local:
                with anyio.move_on_after(WITHIN):
                    voices = (await manager.voices(engine.name))[engine.name]
            engines.append(
                {
                    "models": list(engine.models),
                    "about": engine.description,
                    "voices": [(voice.id, f"{voice.name} ({voice.language})") for voice in voices],
                }
            )
        downloads = dict.fromkeys(files.model for engine in status for files in engine.downloads)
        return {"engines": engines, "aliases": dict(manager.config.aliases), "downloads": list(downloads)}


def _key(config_file: Path | None) -> str:
    """What the answer depends on."""
    named = config_file or os.environ.get("TTS_HUB_CONFIG")
    own = platformdirs.user_config_path("tts-hub", appauthor=False) / "config.toml"
    files = [Path(named).expanduser()] if named else [Path("config.toml"), own]
    variables = sorted(item for item in os.environ.items() if item[0].startswith("TTS_HUB_"))
    states = [(str(file.absolute()), _changed(file)) for file in files]
    return repr((sys.prefix, __file__, variables, states))


def _changed(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _cache_file() -> Path:
    return platformdirs.user_cache_path("tts-hub", appauthor=False) / "completion.json"
