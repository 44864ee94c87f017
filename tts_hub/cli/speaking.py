"""The work of `tts-hub speak`: text in, audio out to a file, stdout or loudspeaker, while it is made."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import AsyncIterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import click

from tts_hub.audio.formats import AudioFormat, find_format, format_of_file
from tts_hub.captions import caption_writer, write_captions
from tts_hub.cli.display import SpeakDisplay, estimate_text, summary
from tts_hub.cli.player import open_player
from tts_hub.cli.sinks import Player, Sink, StdoutSink, open_file, unless_it_fails
from tts_hub.cli.source import RecordedText, read_file, read_stdin
from tts_hub.errors import OutputError, UnsupportedOptionError
from tts_hub.manager import TTSBackendManager
from tts_hub.request.stream import AudioStream
from tts_hub.request.validation import checked_request
from tts_hub.types import RequestFields

STDOUT = "-"


async def estimate(config_file: Path | None, given: dict[str, Any]) -> None:
    """Print the cost of the speech."""
    source = _text(given)
    text = source if isinstance(source, str) else "".join([piece async for piece in source])
    async with TTSBackendManager.from_config(config_file) as manager:
        audio_format = find_format(given["response_format"] or manager.config.audio.response_format)
        cost = await manager.estimate(text, **_fields(given, audio_format))
    if given["as_json"]:
        click.echo(json.dumps(dataclasses.asdict(cost), indent=2, default=str))
    else:
        click.echo(estimate_text(cost))


async def speak_into(config_file: Path | None, given: dict[str, Any]) -> None:
    """Speak into the file, the pipe and the loudspeaker that were asked for."""
    source = RecordedText(_text(given))
    async with TTSBackendManager.from_config(config_file) as manager, AsyncExitStack() as stack:
        default_format = manager.config.audio.response_format
        output = _output(given, default_format)
        audio_format = _format(given, output, default_format)
        _check_captions(given, output)
        request = checked_request(source.input, _fields(given, audio_format), manager.config)
        # Engines take long to load: an output that cannot be opened is an error before that.
        sinks, player = await _open_sinks(given, output, audio_format, request.sample_rate or 0, stack)
        display = stack.enter_context(SpeakDisplay(quiet=given["quiet"]))
        audio = await unless_it_fails(player, lambda: manager.generate(request, on_progress=display.update))
        await stack.enter_async_context(audio)
        await _drain(audio, sinks)
        for path in given["captions"]:
            language, replace = audio.report.language or "en", not given["no_clobber"]
            write_captions(path, audio.words, source.text, language=language, replace=replace)
    _print_report(given, output, audio)


async def _drain(audio: AudioStream, sinks: list[Sink]) -> None:
    """Write every chunk to every sink; files appear only when all has succeeded."""
    async for chunk in audio:
        for sink in sinks:
            await sink.write(chunk.samples)
    for sink in reversed(sinks):  # the loudspeaker before the file
        await sink.finish()


async def _open_sinks(
    given: dict[str, Any],
    output: str | None,
    audio_format: AudioFormat,
    sample_rate: int,
    stack: AsyncExitStack,
) -> tuple[list[Sink], Player | None]:
    """All sinks, the loudspeaker last, and the loudspeaker by itself; the stack closes them."""
    sinks: list[Sink] = []
    player: Player | None = None
    if output == STDOUT:
        sinks.append(StdoutSink(audio_format, sample_rate))
    elif output is not None:
        replace = not given["no_clobber"]
        sinks.append(await open_file(output, audio_format, sample_rate, replace=replace))
        stack.callback(sinks[-1].close)
    if given["play"]:
        player = await open_player(sample_rate)
        stack.callback(player.close)
        sinks.append(player)
    return sinks, player


def _check_captions(given: dict[str, Any], output: str | None) -> None:
    """Refuse captions that cannot be written, before any work is done."""
    for path in given["captions"]:
        caption_writer(path)
        if output is not None and Path(output).absolute() == path.absolute():
            raise OutputError(f"the audio and the captions cannot both go to {path}")
        reason = _not_writable(path, replace=not given["no_clobber"])
        if reason:
            raise OutputError(f"cannot write the captions to {path}: {reason}")


def _not_writable(path: Path, *, replace: bool) -> str:
    """The reason why a file cannot be written; empty if it can."""
    if path.is_dir():
        return "it is a folder"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    if not replace and path.exists():
        return "it exists already and must not be replaced"
    return "" if os.access(path.parent, os.W_OK | os.X_OK) else f"the folder {path.parent} is write-protected"


def _text(given: dict[str, Any]) -> str | AsyncIterable[str]:
    text, file = given["text"], given["file"]
    if text is not None and file is not None:
        raise click.UsageError("give TEXT or --file, not both")
    if file is not None:
        return read_file(file) if str(file) != STDOUT else read_stdin()
    if text is None and (sys.stdin is None or sys.stdin.isatty()):
        raise click.UsageError("nothing to speak: give TEXT, --file, or text on stdin")
    return read_stdin() if text in {None, STDOUT} else str(text)


def _output(given: dict[str, Any], default_format: str) -> str | None:
    if given["output"] == STDOUT and sys.stdout is not None and sys.stdout.isatty():
        raise click.UsageError(
            "-o - would write audio to the terminal: pipe it into a program, or name a file"
        )
    if given["output"] is not None or given["play"]:
        return None if given["output"] is None else str(given["output"])
    return f"speech.{find_format(given['response_format'] or default_format).name}"


def _format(given: dict[str, Any], output: str | None, default_format: str) -> AudioFormat:
    if given["response_format"]:
        return find_format(given["response_format"])
    if output in {None, STDOUT}:
        return find_format(default_format)
    return format_of_file(str(output))


def _fields(given: dict[str, Any], audio_format: AudioFormat) -> RequestFields:
    fields = RequestFields(
        model=given["model"],
        voice=given["voice"],
        emotion=given["emotion"],
        language=given["language"],
        speed=given["speed"],
        response_format=audio_format.name,
        sample_rate=given["sample_rate"],
        markup="ssml" if given["ssml"] else "text",
        instructions=given["instructions"],
        seed=given["seed"],
        options=dict(_option(pair) for pair in given["options"]),
    )
    if given["fallback"]:
        fields["fallback"] = given["fallback"]
    return fields


def _option(pair: str) -> tuple[str, object]:
    """The name and value of `name=value`; numbers, true and false are read as such."""
    name, equals, value = pair.partition("=")
    if not equals:
        raise UnsupportedOptionError(f"option {pair!r} must have the form NAME=VALUE", param="options")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _print_report(given: dict[str, Any], output: str | None, audio: AudioStream) -> None:
    report = audio.report
    if given["as_json"]:
        values = dataclasses.asdict(report) | {"real_time_factor": report.real_time_factor, "output": output}
        click.echo(json.dumps(values, indent=2), err=output == STDOUT)
    elif not given["quiet"]:
        click.echo(summary(report, output), err=True)
