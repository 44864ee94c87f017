"""The state of a request between its segments: earlier audio whose tone continues, and the websocket."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import anyio

from tts_hub_remote.elevenlabs.facts import MOST_PREVIOUS_IDS

if TYPE_CHECKING:
    from tts_hub_remote.elevenlabs.websocket import SpeechSocket

MOST_REQUESTS = 1_000
"""Requests whose state is kept while their end has not been announced."""


class RequestState:
    """The state of one request."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.socket: SpeechSocket | None = None
        self.socket_is_over = False
        """Whether the websocket has failed or ended: the remaining segments go over HTTP."""
        self._begun: set[int] = set()
        self._ids: dict[int, str] = {}
        """Segment -> the service's id for its request, once its audio is complete."""

    def begin(self, index: int) -> None:
        """Note that a segment is requested."""
        self._begun.add(index)
        self._ids.pop(index, None)

    def finish(self, index: int, request_id: str | None) -> None:
        """Note that all audio of a segment has arrived."""
        if request_id:
            self._ids[index] = request_id

    def previous_fields(self, index: int, previous_text: str) -> dict[str, Any]:
        """The fields of a request with the speech before a segment.

        Ids only if the segment directly before it has one: a segment that is still being spoken has none.
        """
        earlier = sorted(n for n in self._begun if n < index)
        ids = [self._ids[n] for n in earlier[-MOST_PREVIOUS_IDS:] if n in self._ids]
        if earlier and earlier[-1] in self._ids:
            return {"previous_request_ids": ids}
        return {"previous_text": previous_text} if previous_text else {}

    def close(self) -> None:
        """Close the websocket."""
        self.socket_is_over = True
        if self.socket is not None:
            self.socket.abort()


class Turns:
    """The turns of a request's segments: one at a time, in their order."""

    def __init__(self) -> None:
        self._waiting: list[int] = []
        self._current: int | None = None
        self._changed = anyio.Event()

    async def begin(self, index: int) -> bool:
        """Wait for the turn of a segment; false while a later segment has the turn.

        The later one may itself be waiting until the audio of this segment has been read.
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
        """End the current turn."""
        self._current = None
        self._changed.set()
        self._changed = anyio.Event()


class RequestStates:
    """The states of all requests that are under way."""

    def __init__(self) -> None:
        self._states: OrderedDict[str, RequestState] = OrderedDict()

    def state_of(self, request_id: str) -> RequestState:
        """The state of a request; a request without an id has a new one for each segment."""
        if not request_id:
            return RequestState()
        state = self._states.setdefault(request_id, RequestState())
        self._states.move_to_end(request_id)
        while len(self._states) > MOST_REQUESTS:
            self._states.popitem(last=False)[1].close()
        return state

    def forget(self, request_id: str) -> None:
        """Drop the state of a request that has ended."""
        if (state := self._states.pop(request_id, None)) is not None:
            state.close()

    def forget_all(self) -> None:
        """Drop all states."""
        for request_id in list(self._states):
            self.forget(request_id)
