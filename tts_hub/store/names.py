"""The names of all voices and profiles, kept in memory for requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tts_hub.store.database import Database
from tts_hub.store.profiles import Profiles
from tts_hub.store.records import SEPARATOR, StoredProfile, StoredVoice, folded
from tts_hub.store.voices import Voices


class Names:
    """What a request may name, as it was at the last refresh."""

    def __init__(self, database: Database, voices: Voices, profiles: Profiles) -> None:
        self._database = database
        self._all_voices = voices
        self._all_profiles = profiles
        self._state: tuple[int, ...] | None = ()
        self.voices: Sequence[StoredVoice] = ()
        """By name."""
        self.profiles: Sequence[StoredProfile] = ()
        """By character and name."""
        self._voices: Mapping[str, StoredVoice] = {}
        self._profiles: Mapping[str, StoredProfile] = {}
        self._emotions: dict[str, list[str]] = {}

    def is_stale(self) -> bool:
        """Whether something was written since the last refresh. It looks at two files and reads none."""
        return self._state != self._database.state()

    def refresh(self) -> None:
        """Read everything anew. Blocks: 1,000 voices and 1,000 profiles take some 20 ms."""
        state = self._database.state()
        self.voices = self._all_voices.all()
        self.profiles = self._all_profiles.all()
        self._voices = {folded(v.name): v for v in self.voices} | {v.id: v for v in self.voices}
        self._emotions = {}
        for profile in self.profiles:
            self._emotions.setdefault(folded(profile.character), []).append(profile.name)
        self._profiles = {folded(p.full_name): p for p in self.profiles} | {p.id: p for p in self.profiles}
        self._state = state

    def voice(self, name: str) -> StoredVoice | None:
        """The voice of a name or an id."""
        return self._voices.get(folded(name))

    def emotions_of(self, voice: StoredVoice) -> Sequence[str]:
        """The names of the emotions that belong to a voice."""
        return self._emotions.get(folded(voice.name), ())

    def profile(self, name: str, character: str) -> StoredProfile | None:
        """The profile of an id, or of a name: that of the character first, else one for any voice."""
        if SEPARATOR not in name and character:
            own = self._profiles.get(folded(f"{character}{SEPARATOR}{name}"))
            if own is not None:
                return own
        return self._profiles.get(folded(name))
