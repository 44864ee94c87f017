"""The dialogs that open a text file and save a recording."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, DirectoryTree, Footer, Input, Label, Select

from tts_hub.audio.formats import FORMATS, find_format
from tts_hub_tui.jobs.job import Export, Job
from tts_hub_tui.storage.history import History
from tts_hub_tui.widgets.errors import notify_errors
from tts_hub_tui.widgets.field import FieldError
from tts_hub_tui.widgets.tick import Tick

CAPTIONS = ("srt", "vtt", "json")
FOLDER = "saved in"
"""The name under which the history remembers the folder of the last file."""


class VisibleFiles(DirectoryTree):
    """A tree of files without the hidden ones."""

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """The paths whose names do not begin with a dot."""
        return [path for path in paths if not path.name.startswith(".")]


class OpenFile(ModalScreen[Path | None]):
    """A path to type or to pick. Dismissed with a file that exists, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def compose(self) -> ComposeResult:
        """A field for a path, and a tree of files."""
        with Vertical(classes="dialog"):
            yield Label("Open a text", classes="title")
            yield Input(placeholder="Path of a text file", compact=True, id="path")
            yield FieldError()
            yield VisibleFiles(self._folder)
            yield Footer(compact=True, show_command_palette=False)

    @on(DirectoryTree.FileSelected)
    def _open_selected(self, event: DirectoryTree.FileSelected) -> None:
        self.dismiss(event.path)

    @on(Input.Submitted)
    def _open_typed(self, event: Input.Submitted) -> None:
        try:
            path = Path(event.value.strip()).expanduser()
            is_folder, is_file = path.is_dir(), path.is_file()
        except (OSError, RuntimeError, ValueError) as exc:
            self.query_one(FieldError).show(f"that is not a path: {exc}")
            return
        if is_folder:
            self.query_one(VisibleFiles).path = path
        elif is_file:
            self.dismiss(path)
        else:
            self.query_one(FieldError).show(f"there is no file {path}")


class SaveAs(ModalScreen[Export | None]):
    """A file to name. Dismissed with the export to write, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back"),
        Binding("ctrl+s", "save", "Save"),
    ]

    def __init__(self, job: Job, history: History, response_format: str) -> None:
        """`response_format` is offered first; `history` remembers the folder."""
        super().__init__()
        self._history = history
        self._format = response_format
        self._is_complete = job.is_over
        self._has_words = not job.is_over or bool(job.recording and job.recording.words)
        self._confirmed: tuple[Path, tuple[Path, ...]] | None = None

    def compose(self) -> ComposeResult:
        """Fields for path, format and captions."""
        formats = [(each.name, each.name) for each in FORMATS]
        with Vertical(classes="dialog small"):
            yield Label("Save what was spoken", classes="title")
            yield Input(str(self._offered_path()), compact=True, id="path")
            yield FieldError()
            with Horizontal(classes="row"):
                yield Label("format", classes="name")
                yield Select(formats, value=self._format, allow_blank=False, compact=True, classes="value")
            with Horizontal(classes="row"):
                yield Label("captions", classes="name")
                for name in CAPTIONS:
                    yield Tick(name, id=name, compact=True, disabled=not self._has_words)
            if not self._is_complete:
                yield Label("The file is written when all speech is generated.", classes="hint")
            yield Button("Save", variant="success", compact=True)
            yield Footer(compact=True, show_command_palette=False)

    @on(Select.Changed)
    def _follow_format(self, event: Select.Changed) -> None:
        field = self.query_one(Input)
        suffix = find_format(str(event.value)).suffixes[0]
        if Path(field.value).name:
            field.value = str(Path(field.value).with_suffix(suffix))

    @on(Input.Changed)
    def _follow_suffix(self, event: Input.Changed) -> None:
        """Choose the format that the suffix stands for."""
        self.query_one(FieldError).show("")
        suffix = Path(event.value).suffix.lower()
        named = next((each.name for each in FORMATS if suffix in each.suffixes), None)
        select = self.query_one(Select)
        if named is not None and named != select.value:
            with self.prevent(Select.Changed):
                select.value = named

    @on(Button.Pressed)
    @on(Input.Submitted)
    def action_save(self) -> None:
        """Check the path and close; the first attempt to replace a file only warns."""
        try:
            self._save(Path(self.query_one(Input).value.strip()).expanduser())
        except (OSError, RuntimeError, ValueError) as exc:
            self.query_one(FieldError).show(f"that is not a path: {exc}")

    def _save(self, path: Path) -> None:
        captions = tuple(path.with_suffix(f".{name}") for name in CAPTIONS if path.name and self._wants(name))
        there = [each.name for each in (path, *captions) if each.exists()]
        if not path.name or path.is_dir() or not path.parent.is_dir():
            reason = f"there is no folder {path.parent}" if not path.parent.is_dir() else "name a file"
            self.query_one(FieldError).show(reason)
        elif there and self._confirmed != (path, captions):
            self._confirmed = (path, captions)
            self.query_one(FieldError).show(f"{', '.join(there)} exists already; press again to replace it")
        else:
            with notify_errors(self):
                self._history.remember(FOLDER, str(path.absolute().parent))
            self.dismiss(Export(path.absolute(), str(self.query_one(Select).value), captions))

    def _offered_path(self) -> Path:
        folder = None
        with notify_errors(self):
            folder = self._history.recall(FOLDER)
        return unused_path(folder, self._format)

    def _wants(self, name: str) -> bool:
        return self.query_one(f"#{name}", Tick).value


def unused_path(folder: object, response_format: str) -> Path:
    """A path for a new file: `speech.mp3`, or the first of `speech-2.mp3`, … that does not exist.

    It is in `folder` if that still exists, else in the working folder.
    """
    # Unlike a Path's, these tests raise nothing if a folder may not be read or its disk is unplugged.
    base = Path(folder) if isinstance(folder, str) and os.path.isdir(folder) else working_folder()
    suffix = find_format(response_format).suffixes[0]
    path, number = base / f"speech{suffix}", 2
    while os.path.exists(path):
        path, number = base / f"speech-{number}{suffix}", number + 1
    return path


def working_folder() -> Path:
    """The folder in which the studio was started, or the user's home if that is gone."""
    try:
        return Path.cwd()
    except OSError:
        return Path.home()
