"""The dialog that makes an emotion profile for a voice, or for any."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from pydantic import ValidationError
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Checkbox, Footer, Input, Label

from tts_hub.emotions.profile import EmotionSettings
from tts_hub.errors import TTSHubError
from tts_hub_tui.widgets.field import FieldError
from tts_hub_tui.widgets.options import OptionsForm

AddEmotion = Callable[[str, str, EmotionSettings], Awaitable[str]]
"""Keeps a profile by its name, character and settings; returns what a request may name as its voice."""


class MakeEmotion(ModalScreen[str | None]):
    """Name and settings of a profile. Dismissed with the full name of the one that was made, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back"),
        Binding("ctrl+s", "save", "Save"),
    ]

    def __init__(self, voice: str, add: AddEmotion) -> None:
        """`voice` is the id of the voice that it is made for; empty: it suits any."""
        super().__init__()
        self._voice = voice
        self._add = add

    def compose(self) -> ComposeResult:
        """The name, whether it belongs to the voice, and the settings."""
        with Vertical(classes="dialog"):
            yield Label("New emotion", classes="title")
            with Vertical(classes="field"):
                with Horizontal(classes="row"):
                    yield Label("name", classes="name")
                    yield Input(placeholder="excited", compact=True, id="emotion-name", classes="value")
                yield FieldError()
            if self._voice:
                yield Checkbox(f"only for {self._voice}", value=True, compact=True, id="emotion-own")
            with VerticalScroll():
                yield OptionsForm()
            yield Footer(compact=True, show_command_palette=False)

    async def on_mount(self) -> None:
        """Show the settings, all unset."""
        schema: dict[str, Any] = EmotionSettings.model_json_schema()
        schema["properties"] = {
            name: part for name, part in schema["properties"].items() if name != "options"
        }
        await self.query_one(OptionsForm).show("emotion", schema, {})
        self.query_one("#emotion-name").focus()

    @work(exclusive=True)
    async def action_save(self) -> None:
        """Keep the profile; what is wrong is shown and the dialog stays."""
        values, are_valid = self.query_one(OptionsForm).read()
        if not are_valid:
            return
        own = self._voice and self.query_one("#emotion-own", Checkbox).value
        try:
            settings = EmotionSettings.model_validate(values)
            made = await self._add(
                self.query_one("#emotion-name", Input).value, self._voice if own else "", settings
            )
        except (TTSHubError, ValidationError) as exc:
            self.query(FieldError).first().show(str(exc).partition("\n")[0])
            return
        self.dismiss(made)
