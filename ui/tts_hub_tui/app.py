"""The application: theme, commands, and the way from the desk to the screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar

from anyio.to_thread import run_sync as in_thread
from textual import work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.theme import Theme

from tts_hub.config import StudioConfig
from tts_hub.config_file import edit, file_to_edit
from tts_hub.errors import ConfigError
from tts_hub.types import ModelFiles
from tts_hub_tui.hubs.interface import Hub
from tts_hub_tui.screens.engines import EnginesScreen
from tts_hub_tui.screens.files import SaveAs
from tts_hub_tui.screens.help import HelpScreen
from tts_hub_tui.screens.jobs import JobsScreen
from tts_hub_tui.screens.settings import SettingsScreen
from tts_hub_tui.screens.studio import StudioScreen
from tts_hub_tui.screens.voices import VoicePicker
from tts_hub_tui.studio.desk import Desk
from tts_hub_tui.studio.history import History
from tts_hub_tui.studio.jobs import Export, Failure, Job
from tts_hub_tui.studio.playback import Player
from tts_hub_tui.studio.pulling import Pull
from tts_hub_tui.widgets.editor import ScriptEditor
from tts_hub_tui.widgets.keys import readable

MEGABYTE = 1_000_000
DARK, LIGHT = "textual-dark", "textual-light"


class StudioApp(App[None]):
    """The terminal studio. The hub is open already, and `desk.run` runs beside the app."""

    TITLE = "tts-hub studio"
    CSS_PATH = "studio.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "show_keys", "Help", show=False),
        Binding("f10", "toggle_light", "Light or dark", show=False),
        Binding("ctrl+c", "interrupt", "Stop", show=False, tooltip="Stop what is spoken"),
        Binding("ctrl+q", "quit", "Quit", priority=True),
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
        """`folder` is where what was spoken is kept, `text` what the editor begins with."""
        super().__init__()
        self.hub = hub
        self.config_file = config_file
        """The one that was named on the command line; None: the usual places."""
        self.pulled: Pull | None = None
        """The last download."""
        self._settings = settings
        self._theme_kept = False
        """The config file has another theme by now than at the start."""
        self.history = History(folder, keep_bytes=settings.keep_megabytes * MEGABYTE)
        self.desk = Desk(
            hub,
            self.history,
            player if player is not None else Player(),
            ahead_seconds=settings.ahead_seconds,
            on_change=self._job_changed,
            on_exported=self._exported,
        )
        self._studio = StudioScreen(self.desk, self.history, text)

    def on_mount(self) -> None:
        """Show the studio at once, and look for the loudspeaker meanwhile."""
        if self._settings.theme in self.available_themes:
            self.theme = self._settings.theme
        self.theme_changed_signal.subscribe(self, self._keep_theme)
        self.push_screen(self._studio)
        self._open_player()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Textual's own, and everything that has a key here."""
        yield from super().get_system_commands(screen)
        if screen is self._studio:
            own = [each for each in (*StudioScreen.BINDINGS, *self.BINDINGS) if isinstance(each, Binding)]
            for action, binding in {each.action: each for each in reversed(own)}.items():
                if action != "quit":
                    about = f"{binding.tooltip or binding.description} ({readable(binding.key)})"
                    yield SystemCommand(binding.description, about, self._runner(action))

    @work(group="pull")
    async def pull(self, files: ModelFiles) -> None:
        """Get the files of a model, whatever screen is shown."""
        self.pulled = Pull(files)
        await self.pulled.run(self.hub)
        self.notify(self.pulled.line, markup=False)
        self._studio.look()

    def action_show_keys(self) -> None:
        """All keys."""
        parts = [
            ("Studio", StudioScreen.BINDINGS),
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
        """The config file."""
        self.push_screen(SettingsScreen(self.config_file, self._setting_written))

    def get_key_display(self, binding: Binding) -> str:
        """`F4` as it stands on the keyboard."""
        shown = super().get_key_display(binding)
        return shown.upper() if shown[:1] == "f" and shown[1:].isdigit() else shown

    def action_toggle_light(self) -> None:
        """From a dark theme to the light one, and back."""
        self.theme = LIGHT if self.current_theme.dark else DARK

    def action_interrupt(self) -> None:
        """Ctrl+C anywhere."""
        self._studio.interrupt()

    def _keep_theme(self, theme: Theme) -> None:
        """One that was chosen by key or command is there at the next start."""
        if theme.name == self._settings.theme and not self._theme_kept:
            return
        self._theme_kept = True
        try:
            edit(file_to_edit(self.config_file), {"studio.theme": theme.name})
        except ConfigError as exc:
            self.notify(str(exc), title="Not written", severity="error", markup=False)

    def _setting_written(self, key: str, value: object) -> None:
        if key == "studio.theme" and isinstance(value, str) and value in self.available_themes:
            self.theme = value

    def _runner(self, action: str) -> Callable[[], None]:
        def run() -> None:
            self.call_later(self._studio.run_action, action)

        return run

    @work
    async def _open_player(self) -> None:
        await in_thread(self.desk.player.open)
        if self._studio.is_mounted:
            self._studio.refresh_title()
        if self.desk.player.silence_reason:
            self.notify(
                f"{self.desk.player.silence_reason}\nSpeech is made without sound; Ctrl+S saves it.",
                title="No loudspeaker",
                severity="warning",
                timeout=8,
                markup=False,
            )

    def _job_changed(self, job: Job) -> None:
        if self._studio.is_mounted:
            self._studio.call_later(self._studio.job_changed, job)

    def _exported(self, export: Export, failure: Failure | None) -> None:
        self._studio.call_later(self._studio.exported, export, failure)
