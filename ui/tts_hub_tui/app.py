"""The application: theme, commands, and what the parts of the studio report to the main screen."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from anyio.to_thread import run_sync as in_thread
from textual import work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.filter import LineFilter
from textual.screen import Screen
from textual.theme import Theme
from textual.widgets import Input, TextArea

from tts_hub.config import StudioConfig
from tts_hub.config_file.editing import edit, file_to_edit
from tts_hub.errors import ConfigError
from tts_hub_tui.failure import Failure
from tts_hub_tui.hubs.download import Download, Downloads
from tts_hub_tui.hubs.interface import Hub
from tts_hub_tui.hubs.watch import EngineWatch
from tts_hub_tui.jobs.job import Export, Job
from tts_hub_tui.jobs.queue import JobQueue
from tts_hub_tui.player.player import Player
from tts_hub_tui.screens.engines import EnginesScreen
from tts_hub_tui.screens.files import SaveAs
from tts_hub_tui.screens.help import HelpScreen
from tts_hub_tui.screens.jobs import JobsScreen
from tts_hub_tui.screens.main import MainScreen
from tts_hub_tui.screens.settings import SettingsScreen
from tts_hub_tui.screens.unsaved import LeaveUnsaved
from tts_hub_tui.screens.voices import VoicePicker
from tts_hub_tui.storage.history import History
from tts_hub_tui.studio import Studio
from tts_hub_tui.terminal.control_characters import ControlCharacterFilter
from tts_hub_tui.widgets.editor import ScriptEditor
from tts_hub_tui.widgets.keys import display_key

MEGABYTE = 1_000_000
CRASHED = 1
"""The app's return code after a bug."""
logger = logging.getLogger(__name__)
COPY_OR_STOP = "Copy what is selected; without a selection: stop what is spoken"
NO_CONTROL_CHARACTERS = ControlCharacterFilter()
DARK, LIGHT = "textual-dark", "textual-light"


class StudioApp(App[None]):
    """The terminal studio. The hub is open already, and the queue's `run` runs beside the app."""

    TITLE = "tts-hub studio"
    CSS_PATH = "studio.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "show_keys", "Help", show=False),
        Binding("f10", "toggle_light", "Light or dark", show=False),
        Binding(
            "ctrl+c", "copy_or_interrupt", "Copy or stop", show=False, tooltip=COPY_OR_STOP, priority=True
        ),
        Binding("ctrl+q", "leave", "Quit", priority=True),
    ]

    def __init__(
        self,
        hub: Hub,
        settings: StudioConfig,
        folder: Path,
        *,
        player: Player | None = None,
        config_file: Path | None = None,
        text: str = "",
    ) -> None:
        """Build the parts of the studio; `run` of the queue is the caller's.

        Args:
            hub: an open hub.
            settings: the studio's section of the configuration.
            folder: the folder of the history and its recordings.
            player: replaces the one of this machine.
            config_file: the one that was named on the command line; None for the usual ones.
            text: the text that the editor begins with, instead of the draft.
        """
        super().__init__(driver_class=driver_class())
        self._config_file = config_file
        self._settings = settings
        self._writes_theme = False
        """The theme has changed since the start, so that every change is written to the config file."""
        history = History(folder, keep_bytes=settings.keep_megabytes * MEGABYTE)
        queue = JobQueue(
            hub,
            history,
            player if player is not None else Player(),
            ahead_seconds=settings.ahead_seconds,
            on_change=self._show_job,
            on_exported=self._show_export,
        )
        engines = EngineWatch(hub, self._show_engines)
        self.studio = Studio(hub, engines, Downloads(hub, self._show_download), history, queue)
        self.main = MainScreen(self.studio, text)

    def on_mount(self) -> None:
        """Show the main screen at once, and look for engines and the audio device meanwhile."""
        if self._settings.theme in self.available_themes:
            self.theme = self._settings.theme
        self.theme_changed_signal.subscribe(self, self._write_theme)
        self.push_screen(self.main)
        self.run_worker(self.studio.engines.run())
        self.run_worker(in_thread(self.studio.queue.player.open))

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's filters, and after them the one for control characters."""
        return [*super().get_line_filters(), NO_CONTROL_CHARACTERS]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Textual's commands, and every action of the main screen that has a key."""
        yield from super().get_system_commands(screen)
        if screen is self.main:
            own = [each for each in (*MainScreen.BINDINGS, *self.BINDINGS) if isinstance(each, Binding)]
            for action, binding in {each.action: each for each in reversed(own)}.items():
                if action != "leave":
                    about = f"{binding.tooltip or binding.description} ({display_key(binding.key)})"
                    yield SystemCommand(binding.description, about, self._command(action))

    def action_show_keys(self) -> None:
        """Show all keys."""
        parts = [
            ("Studio", MainScreen.BINDINGS),
            ("Everywhere", self.BINDINGS),
            ("In the text", [*ScriptEditor.BINDINGS]),
            ("Voices", VoicePicker.BINDINGS),
            ("Jobs", JobsScreen.BINDINGS),
            ("Engines", EnginesScreen.BINDINGS),
            ("Settings", SettingsScreen.BINDINGS),
            ("Save", SaveAs.BINDINGS),
        ]
        self.push_screen(HelpScreen(parts))

    def action_settings(self) -> None:
        """Edit the config file."""
        self.push_screen(SettingsScreen(self._config_file, self._apply_setting))

    def get_key_display(self, binding: Binding) -> str:
        """The name of a key as it stands on the keyboard, such as `F4`."""
        shown = super().get_key_display(binding)
        return shown.upper() if shown[:1] == "f" and shown[1:].isdigit() else shown

    def action_toggle_light(self) -> None:
        """Switch from a dark theme to the light one, and back."""
        self.theme = LIGHT if self.current_theme.dark else DARK

    def action_copy_or_interrupt(self) -> None:
        """Copy what is selected, else stop the speech.

        A field selects all of its text when it gets the focus; that does not count while something is spoken.
        """
        focused = self.focused
        by_focus = (
            isinstance(focused, Input)
            and focused.selected_text == focused.value
            and self.studio.queue.is_busy
        )
        if isinstance(focused, TextArea | Input) and focused.selected_text and not by_focus:
            self.copy_to_clipboard(focused.selected_text)
        elif self.screen.get_selected_text():
            self.screen.action_copy_text()
        else:
            self.main.interrupt()

    @work(exclusive=True, group="leave")
    async def action_leave(self) -> None:
        """Leave at once, unless files are still to be written."""
        queue = self.studio.queue
        if isinstance(self.screen, LeaveUnsaved):
            self.exit()  # the second time, without the files
        elif not queue.unsaved or await self.push_screen_wait(LeaveUnsaved(queue)):
            self.exit()

    async def action_quit(self) -> None:
        """Leave; the command palette calls this."""
        self.action_leave()

    def _handle_exception(self, error: Exception) -> None:
        """Log the error. Textual would print the values of all variables, texts and keys among them."""
        logger.critical("the studio crashed", exc_info=error)
        self._return_code = CRASHED
        if self._exception is None:
            self._exception = error  # tests look at it
            self._exception_event.set()
        self._close_messages_no_wait()

    def _write_theme(self, theme: Theme) -> None:
        """Write a theme that was chosen by key or command to the config file."""
        if theme.name == self._settings.theme and not self._writes_theme:
            return
        self._writes_theme = True
        try:
            edit(file_to_edit(self._config_file), {"studio.theme": theme.name})
        except ConfigError as exc:
            self.notify(str(exc), title="Not written", severity="error", markup=False)

    def _apply_setting(self, key: str, value: object) -> None:
        if key == "studio.theme" and isinstance(value, str) and value in self.available_themes:
            self.theme = value

    def _command(self, action: str) -> Callable[[], None]:
        def run() -> None:
            self.call_later(self.main.run_action, action)

        return run

    def _show_engines(self) -> None:
        if self.main.is_mounted:
            self.main.call_later(self.main.show_engines)

    def _show_job(self, job: Job) -> None:
        if self.main.is_mounted:
            self.main.call_later(self.main.show_job, job)

    def _show_export(self, export: Export, failure: Failure | None) -> None:
        if self.main.is_mounted:
            self.main.call_later(self.main.show_export, export, failure)

    def _show_download(self, download: Download) -> None:
        self.notify(download.line, markup=False)
        self.studio.engines.refresh()


def driver_class() -> type[Driver] | None:
    """The driver for POSIX terminals; None leaves the choice to Textual."""
    if sys.platform == "win32" or os.environ.get("TEXTUAL_DRIVER"):
        return None
    from tts_hub_tui.terminal.driver import SturdyDriver

    return SturdyDriver
