"""`tts-hub tui`: the terminal studio."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tts_hub.cli.main import run
from tts_hub.errors import UsageError


@click.command()
@click.option("--url", help="Speak with a tts-hub server elsewhere, such as http://127.0.0.1:8880.")
@click.option("--api-key", envvar="OPENAI_API_KEY", help="The server's key, if it asks for one.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.pass_obj
def tui(config_file: Path | None, file: Path | None, url: str | None, api_key: str | None) -> None:
    """Try voices, write, listen and save, in this terminal; FILE is opened in it."""
    try:
        from tts_hub_tui.run import run_studio
    except ModuleNotFoundError as exc:
        if exc.name != "textual":
            raise
        raise UsageError("the studio needs Textual: pip install 'tts-hub[tui]'") from exc
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty()):
        raise click.UsageError("the studio needs a terminal; `tts-hub speak` works without one")
    run(lambda: run_studio(config_file, file=file, url=url, api_key=api_key))
