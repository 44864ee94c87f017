"""What is kept of a request from one of its segments to the next: whose tone goes on, and the websocket."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import anyio

from tts_hub_remote.elevenlabs.facts import MOST_PREVIOUS_IDS

if TYPE_CHECKING:
    from tts_hub_remote.elevenlabs.websocket import SpeechSocket

MOST_REQUESTS = 1_000
"""Requests whose state is kept although their end was not announced."""


class RequestState:
    """Of one request."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.socket: SpeechSocket | None = None
        self.socket_is_over = False
        """The websocket did not work, or has come to its end: the rest goes over HTTP."""
        self._begun: set[int] = set()
        self._ids: dict[int, str] = {}
        """Segment -> what the service called the request for it, once its audio was whole."""

    def begin(self, index: int) -> None:
        """A segment is asked for."""
        self._begun.add(index)
        self._ids.pop(index, None)

    def finish(self, index: int, request_id: str | None) -> None:
        """All of its audio has come."""
        if request_id:
            self._ids[index] = request_id

    def previous_fields(self, index: int, previous_text: str) -> dict[str, Any]:
        """The fields that tell the service what was said before a segment.

        Ids only if the segment just before it is among them: one that is still being spoken has none yet.
        """
        earlier = sorted(n for n in self._begun if n < index)
        ids = [self._ids[n] for n in earlier[-MOST_PREVIOUS_IDS:] if n in self._ids]
        if earlier and earlier[-1] in self._ids:
            return {"previous_request_ids": ids}
        return {"previous_text": previous_text} if previous_text else {}

    def close(self) -> None:
        """Let go."""
        self.socket_is_over = True
        if self.socket is not None:
            self.socket.abort()


class Turns:
    """Segments of one request, one at a time, in their order."""

    def __init__(self) -> None:
        self._waiting: list[int] = []
        self._current: int | None = None
        self._changed = anyio.Event()

    async def begin(self, index: int) -> bool:
        """Wait for the turn of a segment; False when a later one is at it.

        That one may itself be waiting until the audio of this segment has been read.
        """
        self._waiting.append(index)
        try:
            while self._current is not None or index > min(self._waiting):
                if self._current is not None and self._current > index:
                    return False
                await self._changed.wait()
            self._current = index
        finally:
            self._waiting.remove(index)
        return True

    def end(self) -> None:
        """The next one may begin."""
        self._current = None
        self._changed.set()
        self._changed = anyio.Event()


class RequestStates:
    """What is kept of all requests that are under way."""

    def __init__(self) -> None:
        self._states: OrderedDict[str, RequestState] = OrderedDict()

    def state_of(self, request_id: str) -> RequestState:
        """Of one; of a request without an id nothing is kept."""
        if not request_id:
            return RequestState()
        state = self._states.setdefault(request_id, RequestState())
        self._states.move_to_end(request_id)
        while len(self._states) > MOST_REQUESTS:
            self._states.popitem(last=False)[1].close()
        return state

    def forget(self, request_id: str) -> None:
        """It is over."""
        if (state := self._states.pop(request_id, None)) is not None:
            state.close()

    def forget_all(self) -> None:
        """The engine is closed."""
        for request_id in list(self._states):
            self.forget(request_id)
