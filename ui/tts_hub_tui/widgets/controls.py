"""The controls of speech: engine, model, voice, format, speed, and the engine's own options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.validation import Number
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Select

from tts_hub.audio.formats import FORMATS
from tts_hub.audio.limits import SPEEDS
from tts_hub.types import AUTO, SpeechRequest, Voice
from tts_hub_tui.hubs.interface import Catalogue, EngineInfo
from tts_hub_tui.widgets.choice import DEFAULT_VOICE, Choice
from tts_hub_tui.widgets.field import FieldError
from tts_hub_tui.widgets.options import OptionRow, OptionsForm

POSSIBLE_SPEEDS = f"{SPEEDS[0]:g} to {SPEEDS[1]:g} is possible"


class Controls(Vertical):
    """The panel beside the text: fields, which scroll, and buttons, which do not."""

    class Changed(Message):
        """A field has another value."""

    class VoicePressed(Message):
        """The button of the voice was pressed."""

    class SpeakPressed(Message):
        """The button that speaks was pressed."""

    class SavePressed(Message):
        """The button that saves was pressed."""

    def __init__(self, choice: Choice, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.voice: Voice | None = None
        """The voice that was chosen or remembered; None for the engine's default."""
        if choice.voice:
            self.voice = Voice(choice.voice, choice.voice, choice.language)
        self._choice = choice
        self._catalogue = Catalogue((), None)
        self._hub_error = ""
        self._shown_engine = AUTO
        """The engine whose models and options are shown."""
        self._option_values: dict[str, Mapping[str, Any]] = dict(choice.options)
        self._offered: dict[str, Sequence[tuple[str, str]]] = {}
        """The labels and values that each list offers."""
        self._default_voices: dict[str, str] = {}
        """Engine -> the voice that it speaks with when none is chosen."""

    def compose(self) -> ComposeResult:
        """Fields, the most important first, and buttons."""
        with VerticalScroll(id="fields", can_focus=False):
            engines = Select([(AUTO, AUTO)], value=AUTO, allow_blank=False, compact=True, id="engine")
            yield _row("engine", engines)
            yield _row(
                "model", Select[str]([("", "")], value="", allow_blank=False, compact=True, id="model")
            )
            yield _row("voice", Button(f"{DEFAULT_VOICE} ▾", compact=True, id="voice"))
            formats = [(each.name, each.name) for each in FORMATS]
            usual = self._choice.response_format
            saved = Select(formats, value=usual, allow_blank=False, compact=True, id="format")
            yield _row("format", saved, key="response_format")
            speed = Number(*SPEEDS, POSSIBLE_SPEEDS)
            yield _row("speed", Input(self._choice.speed, compact=True, validators=speed, id="speed"))
            yield OptionsForm()
        with Horizontal(id="buttons"):
            yield Button("▶ Speak", variant="success", compact=True, id="speak")
            yield Button("Save…", variant="primary", compact=True, id="save")

    def on_mount(self) -> None:
        """Hide the list of models until an engine with several is chosen."""
        self.query_one("#model-field").display = False

    @property
    def engine(self) -> EngineInfo | None:
        """The engine that is chosen, or that `auto` stands for."""
        wanted = self._select("engine")
        name = self._catalogue.auto if wanted == AUTO else wanted
        return next((engine for engine in self._catalogue.engines if engine.name == name), None)

    @property
    def model(self) -> str:
        """The model that a request names."""
        engine = self._select("engine")
        return engine if engine == AUTO else self._select("model") or engine

    @property
    def response_format(self) -> str:
        """The format in which recordings are saved."""
        return self._select("format")

    @property
    def choice(self) -> Choice:
        """The values of all fields, to be remembered."""
        self._keep_options()
        return Choice(
            engine=self._select("engine"),
            model=self._select("model"),
            voice=self.voice.id if self.voice else "",
            language=self.voice.language if self.voice else "",
            response_format=self.response_format,
            speed=self.query_one("#speed", Input).value,
            options=dict(self._option_values),
        )

    async def show_catalogue(self, catalogue: Catalogue) -> None:
        """Offer the engines of a catalogue; the chosen one stays chosen if it is still there."""
        is_first = not self._catalogue.engines
        if catalogue == self._catalogue:
            return
        self._catalogue = catalogue
        wanted = self._choice.engine if is_first else self._select("engine")
        auto = f"{AUTO} ({catalogue.auto})" if catalogue.auto else AUTO
        names = [(e.name if e.ready else f"{e.name} (not ready)", e.name) for e in catalogue.engines]
        known = any(wanted == name for _, name in names)
        self._offer("engine", [(auto, AUTO), *names], wanted if known else AUTO)
        await self._show_engine(self._choice.model if is_first else self._select("model"))

    async def choose_engine(self, name: str) -> None:
        """Choose an engine."""
        with self.prevent(Select.Changed):
            self.query_one("#engine", Select).value = name
        self.voice = None
        self._show_voice()
        self.clear_errors()
        await self._show_engine("")
        self.post_message(self.Changed())

    async def choose_voice(self, voice: Voice | None) -> None:
        """Choose a voice, and with it the engine if that is still `auto`."""
        if voice is not None and self._select("engine") == AUTO and self.engine is not None:
            await self.choose_engine(self.engine.name)
        self.voice = voice
        self._show_voice()
        self.show_error("voice", "")
        self.post_message(self.Changed())

    def request(self, text: str) -> SpeechRequest | None:
        """The request for a text; None if a field has no valid value, which is then shown at the field.

        It clears no error: an estimate calls this too, and must not remove the error of a failed speech.
        """
        speed = self.query_one("#speed", Input)
        failed = speed.validate(speed.value)
        if failed is not None and not failed.is_valid:
            self.show_error("speed", POSSIBLE_SPEEDS)
        options, are_valid = self.query_one(OptionsForm).read()
        if not are_valid or (failed is not None and not failed.is_valid):
            return None
        return SpeechRequest(
            input=text,
            model=self.model,
            voice=self.voice.id if self.voice else None,
            language=(self.voice.language or None) if self.voice else None,
            speed=float(speed.value),
            options=options if self._select("engine") != AUTO else {},
        )

    def show_error(self, field: str, message: str) -> None:
        """Show an error at a field of the request, if there is one for it here."""
        option = field.removeprefix("options.")
        for row in self.query(OptionRow):
            if field.startswith("options.") and row.option.name == option:
                row.query_one(FieldError).show(message)
        shared = {"language": "voice", "model": "engine", "fallback": "engine"}
        name = shared.get(field, field)
        if name in ("engine", "voice", "speed", "response_format"):
            self.query_one(f"#{name}-error", FieldError).show(message)

    def show_hub_error(self, message: str) -> None:
        """Show why the hub does not answer; an empty message removes the error."""
        self._hub_error = message
        self._show_state()

    def clear_errors(self) -> None:
        """Remove all errors, except that the engine is not ready, which is still true."""
        for error in self.query(FieldError):
            error.show("")
        self._show_state()

    @on(Select.Changed, "#engine")
    async def _switch_engine(self) -> None:
        if self._select("engine") == self._shown_engine:
            return  # a list reports its first value too
        self.voice = None
        self._show_voice()
        self.clear_errors()
        await self._show_engine("")
        self.post_message(self.Changed())

    @on(Input.Changed, "#speed")
    def _check_speed(self) -> None:
        self.show_error("speed", "")
        self.post_message(self.Changed())

    @on(Select.Changed, "#model,#format")
    @on(OptionsForm.Changed)
    def _post_changed(self) -> None:
        self.post_message(self.Changed())

    @on(Button.Pressed)
    def _press(self, event: Button.Pressed) -> None:
        event.stop()
        wanted = {"voice": self.VoicePressed, "speak": self.SpeakPressed, "save": self.SavePressed}
        self.post_message(wanted[event.button.id or "speak"]())

    async def _show_engine(self, model: str) -> None:
        """Show the models, state and options of the engine that is chosen."""
        self._keep_options()
        wanted, engine = self._select("engine"), self.engine
        self._shown_engine = wanted
        models = engine.models if engine and wanted != AUTO else ()
        usual = models[0] if models else ""
        offered = [(name, name) for name in models] or [("", "")]
        self._offer("model", offered, model if model in models else usual)
        self.query_one("#model-field").display = len(models) > 1
        self._show_state()
        self._show_voice()
        schema = engine.options if engine and wanted != AUTO else {}
        await self.query_one(OptionsForm).show(wanted, schema, self._option_values.get(wanted, {}))

    def _keep_options(self) -> None:
        """Keep the options of the engine that is shown until it is shown again."""
        if self._shown_engine != AUTO and self.query(OptionRow):
            self._option_values[self._shown_engine] = self.query_one(OptionsForm).read()[0]

    def _offer(self, name: str, offered: Sequence[tuple[str, str]], value: str) -> None:
        """Fill a list; one that offers the same already is left alone, as it may be open."""
        select = self.query_one(f"#{name}", Select)
        with self.prevent(Select.Changed):
            if self._offered.get(name) != offered:
                self._offered[name] = offered
                select.set_options([(Content(label), each) for label, each in offered])
                select.value = offered[-1][1]  # a value that stays the same would keep its old label
            select.value = value

    def _show_state(self) -> None:
        engine = self.engine
        state = self._hub_error
        if not state and engine is not None and not engine.ready:
            remedy = f" To fix: {engine.remedy}." if engine.remedy else ""
            state = f"{engine.reason}.{remedy} (F4: engines)"
        elif not state and engine is None and self._catalogue.engines:
            state = "no engine is ready (F4: engines)"
        self.query_one("#engine-error", FieldError).show(state)

    def show_default_voice(self, engine: str, voice: str) -> None:
        """Name the voice that an engine speaks with when none is chosen."""
        self._default_voices[engine] = voice
        self._show_voice()

    def _show_voice(self) -> None:
        default = self._default_voices.get(self.engine.name, "") if self.engine else ""
        usual = f"{default} (default)" if default else DEFAULT_VOICE
        name = self.voice.id if self.voice else usual
        self.query_one("#voice", Button).label = Content(f"{name} ▾")

    def _select(self, name: str) -> str:
        value = self.query_one(f"#{name}", Select).value
        return value if isinstance(value, str) else ""


def _row(name: str, widget: Widget, *, key: str | None = None) -> Vertical:
    widget.add_class("value")
    return Vertical(
        Horizontal(Label(name, classes="name"), widget, classes="row"),
        FieldError(id=f"{key or name}-error"),
        classes="field",
        id=f"{name}-field",
    )
