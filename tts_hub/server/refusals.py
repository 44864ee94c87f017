"""Answers to connections whose request never reaches the application."""

from __future__ import annotations

import json
from http import HTTPStatus

from tts_hub.server.errors import Failure
from tts_hub.server.identity import request_id_of


def raw_answer(failure: Failure) -> bytes:
    """The whole answer to a failed request, as bytes."""
    body, headers = answer_parts(failure)
    lines = [f"HTTP/1.1 {failure.status} {HTTPStatus(failure.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answer_parts(failure: Failure, given_id: str = "") -> tuple[bytes, dict[str, str]]:
    """The body and headers of an answer. `given_id` is the client's own id of its request."""
    body = json.dumps(failure.envelope()).encode()
    return body, {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
        "x-request-id": request_id_of(given_id),
        **failure.all_headers(),
    }
