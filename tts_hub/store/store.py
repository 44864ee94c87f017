"""The store of voices and emotion profiles, for use from an event loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar, Unpack

from anyio import to_thread

from tts_hub.config import StoreConfig
from tts_hub.errors import NameTakenError
from tts_hub.store.archive import Archive, ArchivedSample, read_archive, write_archive
from tts_hub.store.database import Database
from tts_hub.store.names import Names
from tts_hub.store.prepared import PreparedFiles, PreparedStatistics
from tts_hub.store.profiles import ProfileFields, Profiles
from tts_hub.store.records import StoredProfile, StoredVoice, folded
from tts_hub.store.samples import NewSample, SampleFiles, stored_bytes, used_hashes
from tts_hub.store.taking_in import take_in
from tts_hub.store.voices import VoiceFields, Voices
from tts_hub.system.folders import prepared_voices_folder, user_data_folder

P = ParamSpec("P")
R = TypeVar("R")
Shortest = Callable[[], Mapping[str, float]]


class Store:
    """Voices with their samples, and emotion profiles. Several hubs and processes may share one folder.

    Nothing is written before the first voice or profile. Removed ones can be restored for
    `store.undo_seconds`; then their samples are deleted, with what engines have prepared of them.
    """

    def __init__(self, config: StoreConfig, shortest: Shortest = dict) -> None:
        """`shortest`: engine -> seconds that the samples of its voices must be longer than."""
        folder = Path(config.folder).expanduser() if config.folder else user_data_folder() / "voices"
        quota = config.quota_megabytes * 1_000_000
        self._config = config
        self._shortest = shortest
        self._database = Database(folder / "voices.sqlite3")
        self._files = SampleFiles(folder / "samples")
        self._voices = Voices(self._database, self._files, quota)
        self._profiles = Profiles(self._database, self._files, quota)
        self._names = Names(self._database, self._voices, self._profiles)
        self.prepared = PreparedFiles(prepared_voices_folder())

    async def names(self) -> Names:
        """All voices and profiles by name, read again only if something has changed."""
        if self._names.is_stale():
            await to_thread.run_sync(self._names.refresh)
        return self._names

    # --- voices ---

    async def voices(self, *, removed: bool = False) -> list[StoredVoice]:
        """All voices by name, or those that were removed and can be restored.

        Raises:
            StoreError: the store cannot be read; all methods raise it.
        """
        return await _in_thread(self._voices.all, removed=removed)

    async def voice(self, name: str) -> StoredVoice:
        """A voice by its name, in any case, or its id.

        Raises:
            UnknownVoiceError: there is none.
        """
        return await _in_thread(self._voices.find, name)

    async def add_voice(
        self,
        name: str,
        clip: bytes | Path,
        *,
        origin: str = "",
        transcript: str = "",
        description: str = "",
        language: str = "",
        consent: str = "",
    ) -> StoredVoice:
        """Make a voice of a recording: WAV, MP3, FLAC, Ogg, M4A or WebM, 5 to 30 s of one speaker.

        Args:
            name: what requests will name.
            clip: the file, or its bytes.
            origin: the name of the file, for people to read.
            transcript: what is said in the recording.
            description: for people to read.
            language: BCP 47 tag of the recording.
            consent: who has agreed to the use of the voice.

        Raises:
            InvalidRequestError: a value cannot be stored, the name is taken, there is no room, or the
                recording is of no use; the message has the measured reason.
            OutputError: the sample cannot be written.
        """
        fields: VoiceFields = {
            "name": name,
            "description": description,
            "language": language,
            "consent": consent,
        }
        sample = await self._sample(clip, origin=origin, transcript=transcript)
        await self.tidy()
        return await _in_thread(self._voices.add, [sample], **fields)

    async def change_voice(self, which: str, /, **fields: Unpack[VoiceFields]) -> StoredVoice:
        """Change what is said about a voice.

        Raises:
            InvalidRequestError: there is no such voice, a value cannot be stored, or the name is taken.
        """
        return await _in_thread(self._voices.change, which, **fields)

    async def add_sample(
        self, name: str, clip: bytes | Path, *, origin: str = "", transcript: str = ""
    ) -> StoredVoice:
        """Add a recording to a voice. Raises as `add_voice` does."""
        await _in_thread(self._voices.find, name)
        sample = await self._sample(clip, origin=origin, transcript=transcript)
        return await _in_thread(self._voices.add_samples, name, [sample])

    async def remove_sample(self, name: str, sample_id: int) -> StoredVoice:
        """Remove a recording of a voice.

        Raises:
            UnknownVoiceError: there is no such voice or recording.
        """
        before = await self.voice(name)
        after = await _in_thread(self._voices.remove_sample, name, sample_id)
        await _in_thread(self._delete_unused, hashes_of(before) - hashes_of(after))
        return after

    async def remove_voice(self, name: str) -> StoredVoice:
        """Remove a voice; `restore_voice` brings it back for a while.

        Raises:
            UnknownVoiceError: there is no such voice.
        """
        voice = await _in_thread(self._voices.remove, name)
        await self.tidy()
        return voice

    async def restore_voice(self, voice_id: str) -> StoredVoice:
        """Bring back a voice that was removed.

        Raises:
            UnknownVoiceError: it is too late.
            NameTakenError: another voice has its name now.
        """
        return await _in_thread(self._voices.restore, voice_id)

    # --- emotion profiles ---

    async def profiles(self, *, removed: bool = False) -> list[StoredProfile]:
        """All profiles by character and name, or those that were removed and can be restored."""
        return await _in_thread(self._profiles.all, removed=removed)

    async def profile(self, name: str, character: str = "") -> StoredProfile:
        """A profile by its id, by `character:name`, or by its name.

        Raises:
            UnknownEmotionError: there is none.
        """
        return await _in_thread(self._profiles.find, name, character)

    async def add_profile(self, **fields: Unpack[ProfileFields]) -> StoredProfile:
        """Keep a new profile.

        Raises:
            InvalidRequestError: a value cannot be stored, or the name is taken.
        """
        await self.tidy()
        return await _in_thread(self._profiles.add, **fields)

    async def change_profile(self, which: str, /, **fields: Unpack[ProfileFields]) -> StoredProfile:
        """Change a profile.

        Raises:
            InvalidRequestError: there is no such profile, a value cannot be stored, or the name is taken.
        """
        return await _in_thread(self._profiles.change, which, **fields)

    async def add_profile_sample(
        self, name: str, clip: bytes | Path, *, origin: str = "", transcript: str = ""
    ) -> StoredProfile:
        """Add a recording of the voice in this emotion. Raises as `add_voice` does."""
        await _in_thread(self._profiles.find, name)
        sample = await self._sample(clip, origin=origin, transcript=transcript)
        return await _in_thread(self._profiles.add_samples, name, [sample])

    async def remove_profile_sample(self, name: str, sample_id: int) -> StoredProfile:
        """Remove a recording of a profile.

        Raises:
            InvalidRequestError: there is no such profile or recording.
        """
        before = await self.profile(name)
        after = await _in_thread(self._profiles.remove_sample, name, sample_id)
        await _in_thread(self._delete_unused, hashes_of(before) - hashes_of(after))
        return after

    async def remove_profile(self, name: str) -> StoredProfile:
        """Remove a profile; `restore_profile` brings it back for a while.

        Raises:
            UnknownEmotionError: there is no such profile.
        """
        profile = await _in_thread(self._profiles.remove, name)
        await self.tidy()
        return profile

    async def restore_profile(self, profile_id: str) -> StoredProfile:
        """Bring back a profile that was removed.

        Raises:
            UnknownEmotionError: it is too late.
            NameTakenError: another profile has its name now.
        """
        return await _in_thread(self._profiles.restore, profile_id)

    # --- archives ---

    async def export_voice(self, name: str) -> bytes:
        """A voice, its samples and its own profiles as one file.

        Raises:
            UnknownVoiceError: there is no such voice.
        """
        voice = await self.voice(name)
        own = [p for p in await self.profiles() if folded(p.character) == folded(voice.name)]
        return await _in_thread(write_archive, voice, own)

    async def import_voice(
        self, data: bytes, *, name: str = "", description: bytes | None = None
    ) -> StoredVoice:
        """Take in a voice that was exported, a ZIP with a recording and a JSON file, or a plain recording.

        All of it is taken in, or nothing.

        Args:
            data: the file.
            name: another name than the file's; a plain recording needs it, or a description with one.
            description: the JSON file that belongs to a plain recording.

        Raises:
            InvalidRequestError: the file is no voice, the name is taken, or there is no room.
        """
        archive = await _in_thread(read_archive, data, name=name, description=description)
        await self.tidy()
        return await _in_thread(self._import, archive, self._shortest())

    # --- upkeep ---

    async def tidy(self) -> None:
        """Delete for good what was removed more than `store.undo_seconds` ago, and files without a record."""
        if self._database.exists:
            await _in_thread(self._tidy)

    async def statistics(self) -> Mapping[str, int]:
        """Numbers of voices and profiles, and bytes of their samples."""
        return await _in_thread(self._statistics)

    async def prepared_statistics(self) -> PreparedStatistics:
        """What engines have prepared, on disk."""
        return await _in_thread(self.prepared.statistics)

    async def clear_prepared(self) -> PreparedStatistics:
        """Delete what engines have prepared, which can be computed again. Returns what was there."""
        return await _in_thread(self.prepared.clear)

    async def _sample(self, clip: bytes | Path, *, origin: str, transcript: str) -> NewSample:
        shortest = self._shortest()
        return await _in_thread(take_in, clip, origin=origin, transcript=transcript, shortest=shortest)

    def _import(self, archive: Archive, shortest: Mapping[str, float]) -> StoredVoice:
        def samples_of(archived: Sequence[ArchivedSample]) -> list[NewSample]:
            return [
                take_in(
                    archive.files[sample.file],
                    origin=sample.origin,
                    transcript=sample.transcript,
                    shortest=shortest,
                )
                for sample in archived
            ]

        described = archive.voice
        self._refuse_taken(described.name)
        emotions = [(emotion, samples_of(emotion.samples)) for emotion in described.emotions]
        voice = self._voices.add(
            samples_of(described.samples),
            name=described.name,
            description=described.description,
            language=described.language,
            consent=described.consent,
        )
        added: list[str] = []
        try:
            for emotion, samples in emotions:
                profile = self._profiles.add(
                    samples,
                    name=emotion.name,
                    character=voice.name,
                    description=emotion.description,
                    settings=emotion.settings,
                )
                added.append(profile.id)
        except BaseException:
            self._delete(voice.id, added)
            raise
        return voice

    def _refuse_taken(self, name: str) -> None:
        """Refuse a name before the recordings are decoded, which takes a while."""
        if any(folded(voice.name) == folded(name) for voice in self._voices.all()):
            raise NameTakenError(f"there is a voice {name!r} already; name the imported one otherwise")

    def _delete(self, voice_id: str, profile_ids: Sequence[str]) -> None:
        with self._database.writing() as connection:
            connection.execute("DELETE FROM voices WHERE id = ?", (voice_id,))
            connection.executemany("DELETE FROM profiles WHERE id = ?", [(each,) for each in profile_ids])

    def _tidy(self) -> None:
        latest = time.time() - self._config.undo_seconds
        with self._database.writing() as connection:
            unused = used_hashes(connection)
            for table in ("voices", "profiles"):
                connection.execute(f"DELETE FROM {table} WHERE removed <= ?", (latest,))  # noqa: S608 - ours
            unused -= used_hashes(connection)
        self._delete_unused(unused)

    def _delete_unused(self, hashes: Set[str]) -> None:
        """Delete recordings that no voice or profile has any more, and very old ones without a record."""
        with self._database.writing() as connection:  # so that no upload counts on a file meanwhile
            used = used_hashes(connection)
            for digest in hashes - used:
                self._files.delete(digest)
                self.prepared.forget(digest)
            for digest in self._files.sweep(used):
                self.prepared.forget(digest)

    def _statistics(self) -> Mapping[str, int]:
        if not self._database.exists:
            return {"voices": 0, "emotions": 0, "sample_bytes": 0}
        with self._database.reading() as connection:
            counts = [
                connection.execute(f"SELECT COUNT(*) FROM {table} WHERE removed IS NULL").fetchone()[0]  # noqa: S608
                for table in ("voices", "profiles")
            ]
            return {
                "voices": counts[0],
                "emotions": counts[1],
                "sample_bytes": stored_bytes(connection),
            }


def hashes_of(owner: StoredVoice | StoredProfile) -> set[str]:
    """The hashes of the samples of a voice or a profile."""
    return {sample.hash for sample in owner.samples}


async def _in_thread(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    return await to_thread.run_sync(partial(call, *args, **kwargs))
