"""Who speaks when nothing else is asked for, and which better engines need something first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tts_hub.manager import TTSBackendManager


@dataclass(frozen=True, slots=True)
class DefaultVoice:
    """What `auto` means now."""

    engine: str
    """Empty: no engine is ready."""
    voice: str
    """The voice that it speaks with by default; empty: it does not list any."""
    better: tuple[str, ...]
    """Engines that `auto` would prefer and that are not ready, the best first."""

    def __str__(self) -> str:
        if not self.engine:
            return "No engine can speak."
        return f"`auto` means {self.engine}." + (f" Its voice is {self.voice}." if self.voice else "")

    @property
    def advice(self) -> str:
        """How to get a better one; empty: there is none."""
        return f"Better voices that need something first: {', '.join(self.better)}" if self.better else ""


async def default_voice(manager: TTSBackendManager) -> DefaultVoice:
    """The default voice of a hub.

    Raises:
        BackendUnavailableError: the engine that `auto` means does not list its voices.
    """
    best = manager.best()
    if best is None:
        return DefaultVoice("", "", ())
    listed = (await manager.voices(best)).get(best, ())
    voice = manager.config.backends.get(best, {}).get("voice") or (listed[0].id if listed else "")
    engines = {entry.name: entry for entry in manager.registry if not entry.broken}
    floor = engines[best].declared().priority
    better = [e for e in engines.values() if e.declared().priority > floor and not e.availability().ready]
    better.sort(key=lambda entry: -entry.declared().priority)
    return DefaultVoice(best, str(voice), tuple(entry.name for entry in better))
