"""The dialog that chooses a voice: searchable, grouped by language, favourites first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, Label, OptionList
from textual.widgets.option_list import Option

from tts_hub.types import Voice
from tts_hub_tui.screens.emotion import AddEmotion, MakeEmotion
from tts_hub_tui.storage.history import History
from tts_hub_tui.widgets.choice import DEFAULT_VOICE
from tts_hub_tui.widgets.errors import notify_errors

STAR = "★"


class VoicePicker(ModalScreen[Voice | None | bool]):
    """A list of voices. Dismissed with a voice, None for the engine's default, or False for no change."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Back"),
        Binding("ctrl+f", "favourite", "Favourite ★"),
        Binding("ctrl+t", "try", "Try it"),
        Binding("ctrl+n", "emotion", "New emotion"),
        Binding("down", "down", "Next", show=False),
        Binding("up", "up", "Previous", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
    ]

    def __init__(
        self,
        engine: str,
        voices: Sequence[Voice],
        history: History,
        *,
        chosen: str,
        on_try: Callable[[Voice], None],
        list_voices: Callable[[], Awaitable[Sequence[Voice]]],
        add_emotion: AddEmotion,
    ) -> None:
        """`history` knows the favourites; `chosen` is the id of the voice under the cursor.

        `list_voices` lists the voices anew once `add_emotion` has kept a profile.
        """
        super().__init__()
        self._engine = engine
        self._history = history
        self._favourites: set[str] = set()
        with notify_errors(self):
            self._favourites = {voice for name, voice in history.favourites() if name == engine}
        self._chosen = chosen
        self._on_try = on_try
        self._list_voices = list_voices
        self._add_emotion = add_emotion
        self._voices: dict[str, Voice] = {}
        self._variants: dict[str, Voice] = {}
        self._know(voices)

    def compose(self) -> ComposeResult:
        """A search, and the list."""
        with Vertical(classes="dialog"):
            example = next(iter(self._variants), "")
            more = f"; with + its {len(self._variants)} variants, as {example}" if example else ""
            yield Label(f"Voices of {self._engine}: {len(self._voices)}{more}", classes="title", markup=False)
            yield Input(placeholder="Name, language, gender …", compact=True, id="search")
            yield OptionList(id="found", compact=True, markup=False)
            yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """List all voices, with the chosen one under the cursor."""
        self._fill("")

    @on(Input.Changed)
    def _search(self, event: Input.Changed) -> None:
        self._fill(event.value)

    @on(Input.Submitted)
    def _take_highlighted(self) -> None:
        option = self._highlighted()
        if option is not None:
            self._take(option)

    @on(OptionList.OptionSelected)
    def _take_selected(self, event: OptionList.OptionSelected) -> None:
        self._take(event.option.id or "")

    def action_cancel(self) -> None:
        """Close without a change."""
        self.dismiss(False)

    def action_favourite(self) -> None:
        """Make the voice a favourite, or an ordinary voice again."""
        name = self._highlighted()
        if not name:
            return
        is_one = name not in self._favourites
        (self._favourites.add if is_one else self._favourites.discard)(name)
        with notify_errors(self):
            self._history.set_favourite(self._engine, name, is_one=is_one)
        self._chosen = name
        self._fill(self.query_one(Input).value)

    def action_try(self) -> None:
        """Speak a sample with the voice; the dialog stays."""
        name = self._highlighted()
        if name:
            self._on_try(self._all[name])

    @work(exclusive=True)
    async def action_emotion(self) -> None:
        """Make an emotion for the voice under the cursor, and put the cursor on the two together."""
        voice = (self._highlighted() or "").partition(":")[0]
        made = await self.app.push_screen_wait(MakeEmotion(voice, self._add_emotion))
        if made is None:
            return
        with notify_errors(self):
            self._know(await self._list_voices())
        self._chosen = made if made in self._voices else self._chosen
        if made not in self._voices:
            self.notify(f"{made} is kept, for any voice: clients name it as {voice or 'VOICE'}:{made}.")
        self._fill(self.query_one(Input).value)

    def _know(self, voices: Sequence[Voice]) -> None:
        """Take the voices of the engine, and the variants among the favourites."""
        self._voices = {voice.id: voice for voice in voices}
        self._variants = {voice.id: voice for voice in expand_variants(voices)}
        wanted = (*self._favourites, self._chosen)
        self._voices |= {name: self._variants[name] for name in wanted if name in self._variants}

    def action_down(self) -> None:
        """Move down in the list, although the search has the keyboard."""
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        """Move up in the list, although the search has the keyboard."""
        self.query_one(OptionList).action_cursor_up()

    def action_page(self, direction: int) -> None:
        """Move a page down or, if negative, up in the list."""
        found = self.query_one(OptionList)
        for _ in range(found.size.height - 1):
            (found.action_cursor_down if direction > 0 else found.action_cursor_up)()

    def _take(self, name: str) -> None:
        self.dismiss(self._all[name] if name else None)

    @property
    def _all(self) -> dict[str, Voice]:
        return {**self._variants, **self._voices}

    def _highlighted(self) -> str | None:
        found = self.query_one(OptionList)
        option = found.highlighted_option
        return option.id if option is not None else None

    def _fill(self, search: str) -> None:
        words = search.casefold().split()
        offered = self._variants if "+" in search else self._voices
        fitting = [voice for voice in offered.values() if _matches(voice, words)]
        found = self.query_one(OptionList)
        found.clear_options()
        options: list[Option] = [] if words else [Option(DEFAULT_VOICE, id="")]
        for group, voices in self._groups(fitting):
            options.append(Option(f"── {group} ──", disabled=True))
            options += [Option(self._line(voice), id=voice.id) for voice in voices]
        found.add_options(options or [Option(f"no voice for “{search}”", disabled=True)])
        names = [option.id for option in options]
        first = next((i for i, option in enumerate(options) if not option.disabled), None)
        found.highlighted = names.index(self._chosen) if self._chosen in names else first

    def _groups(self, voices: Sequence[Voice]) -> list[tuple[str, list[Voice]]]:
        """The favourites, then the other voices by language."""
        groups: dict[str, list[Voice]] = {}
        for voice in voices:
            if voice.id not in self._favourites:
                groups.setdefault(voice.language or "any language", []).append(voice)
        favourites = [voice for voice in voices if voice.id in self._favourites]
        return ([("favourites", favourites)] if favourites else []) + sorted(groups.items())

    def _line(self, voice: Voice) -> str:
        star = STAR if voice.id in self._favourites else " "
        name = voice.name if voice.name != voice.id else ""
        about = " · ".join(part for part in (name, voice.language, voice.gender, voice.description) if part)
        return f"{star} {voice.id}  {about}"


def expand_variants(voices: Sequence[Voice]) -> list[Voice]:
    """The variants of all voices, each as a voice of its own."""
    return [
        Voice(f"{voice.id}+{name}", f"{voice.name}, {name}", voice.language)
        for voice in voices
        for name in voice.variants
    ]


def _matches(voice: Voice, words: Sequence[str]) -> bool:
    about = (voice.id, voice.name, voice.language, voice.gender or "", voice.description, *voice.aliases)
    text = " ".join(about).casefold()
    return all(word in text for word in words)
