"""`tts-hub speak`: the command and its options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tts_hub.audio.limits import SPEEDS
from tts_hub.cli.completing import complete_models, complete_voices
from tts_hub.cli.main import run


@click.command(short_help="Turn text into an audio file, or play it.")
@click.argument("text", required=False)
@click.option("-f", "--file", "file", type=click.Path(path_type=Path), help="Speak the text of a file.")
@click.option(
    "-o",
    "--output",
    help="Audio file, or - for stdout. A file that exists is replaced. "
    "Default: speech.FORMAT, or none with --play.",
)
@click.option("--no-clobber", is_flag=True, help="Fail rather than replace a file that exists.")
@click.option("-m", "--model", shell_complete=complete_models, help="Model, alias or auto.")
@click.option("--voice", shell_complete=complete_voices, help="Voice of the engine; see `tts-hub voices`.")
@click.option("--emotion", help="Emotion profile; see `tts-hub emotions`. Also: --voice VOICE:EMOTION.")
@click.option("--language", help="BCP 47 tag such as en-GB.")
@click.option(
    "--speed",
    type=float,
    default=1.0,
    show_default=True,
    help=f"{SPEEDS[0]:g} to {SPEEDS[1]:g}; the pitch stays.",
)
@click.option("--format", "response_format", help="mp3, opus, aac, flac, wav, pcm. Default: by file name.")
@click.option("--sample-rate", type=int, help="Sample rate of the audio in Hz.")
@click.option(
    "--captions",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Also write captions: a file name that ends in .srt, .vtt or .json. Repeatable.",
)
@click.option("--ssml", is_flag=True, help="The text is SSML.")
@click.option("--seed", type=int, help="Same seed, same speech, for engines that draw at random.")
@click.option("--instructions", help="How to speak, for engines that take instructions.")
@click.option(
    "--fallback",
    multiple=True,
    shell_complete=complete_models,
    help="Model that continues when the engine fails; repeatable.",
)
@click.option(
    "--option", "options", multiple=True, metavar="NAME=VALUE", help="Option of the engine. Repeatable."
)
@click.option("--play", is_flag=True, help="Play it on the loudspeaker while it is generated.")
@click.option("--estimate", is_flag=True, help="Print what it would cost, and speak nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the report, or the estimate, as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.pass_obj
def speak(config_file: Path | None, /, **given: Any) -> None:
    """Speak TEXT, the text of a file, or the text on stdin (-) while it is written."""
    # Slow to import: neither help nor completion needs it.
    from tts_hub.cli.speaking import estimate, speak_into

    run(lambda: (estimate if given["estimate"] else speak_into)(config_file, given))
