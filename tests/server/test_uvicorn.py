"""What the server uses of uvicorn's inner parts, by name: a version that changes them has to be looked at.

uvicorn promises nothing of these. When a test fails for a new version, compare its sources with
`tts_hub/server/{connection,websocket,run}.py`, mend what does not fit, and only then raise the cap in
pyproject.toml.
"""

from __future__ import annotations

import asyncio
import inspect
import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
OVERRIDDEN = {
    HttpToolsProtocol: {
        "connection_made": ("self", "transport"),
        "connection_lost": ("self", "exc"),
        "data_received": ("self", "data"),
        "on_message_begin": ("self",),
        "on_url": ("self", "url"),
        "on_header": ("self", "name", "value"),
        "on_headers_complete": ("self",),
        "on_message_complete": ("self",),
        "_start_asgi_task": ("self", "cycle", "app"),
    },
    WebSocketsSansIOProtocol: {
        "data_received": ("self", "data"),
        "handle_connect": ("self", "event"),
        "send": ("self", "message"),
        "shutdown": ("self",),
    },
    uvicorn.Server: {
        "serve": ("self", "sockets"),
        "shutdown": ("self", "sockets"),
        "capture_signals": ("self",),
    },
}
CALLED = {
    HttpToolsProtocol: ("_should_upgrade", "_unset_keepalive_if_required", "handle_websocket_upgrade"),
}
USED = {
    HttpToolsProtocol: {"connections", "cycle", "headers", "loop", "parser", "scope", "transport"},
    WebSocketsSansIOProtocol: {
        *("close_sent", "config", "conn", "handshake_complete", "handshake_initiated", "initial_response"),
        *("logger", "transport"),
    },
    uvicorn.Server: {"force_exit", "server_state", "should_exit", "started"},
}
"""Attributes of an instance that we use."""
CYCLE = {
    *("chunked_encoding", "disconnected", "expected_content_length", "response_complete"),
    *("response_started", "scope", "transport"),
}
REPLACED = {
    HttpToolsProtocol.data_received: {
        *("HttpParserError", "HttpParserUpgrade", "_should_upgrade", "_unset_keepalive_if_required"),
        *("_unsupported_upgrade_warning", "feed_data", "handle_websocket_upgrade", "httptools", "logger"),
        *("parser", "send_400_response", "warning"),
    },
}
"""Functions that we replace, with all the names that they use: a new name is something that ours lacks."""


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [(owner, name, given) for owner, names in OVERRIDDEN.items() for name, given in names.items()],
)
def test_overridden_methods_exist_and_take_the_same_parameters(
    owner: type, name: str, parameters: tuple[str, ...]
) -> None:
    assert name in vars(owner), f"uvicorn {version('uvicorn')} has no {owner.__name__}.{name} any more"
    assert tuple(inspect.signature(getattr(owner, name)).parameters) == parameters


@pytest.mark.parametrize(("owner", "name"), [(o, name) for o, names in CALLED.items() for name in names])
def test_called_methods_exist_and_take_no_parameters(owner: type, name: str) -> None:
    assert list(inspect.signature(getattr(owner, name)).parameters) == ["self"]


def test_used_attributes_of_an_instance_exist() -> None:
    async def made() -> list[Any]:
        config = uvicorn.Config(lambda *_: None)
        given: dict[str, Any] = {"config": config, "server_state": ServerState(), "app_state": {}}
        protocols = [HttpToolsProtocol(**given), WebSocketsSansIOProtocol(**given)]
        return [*protocols, uvicorn.Server(config)]

    for instance in asyncio.run(made()):
        assert vars(instance).keys() >= USED[type(instance)], type(instance)
    names = RequestResponseCycle.__init__.__code__.co_names
    assert set(names) >= CYCLE, "a cycle sets these in its __init__"


@pytest.mark.parametrize("function", REPLACED, ids=lambda function: function.__qualname__)
def test_replaced_functions_use_no_new_names(function: FunctionType) -> None:
    assert set(function.__code__.co_names) == REPLACED[function]


def test_an_end_by_force_leaves_the_lifespan_to_us() -> None:
    names = uvicorn.Server.shutdown.__code__.co_names
    assert {"force_exit", "lifespan", "shutdown"} <= set(names)


def test_the_version_is_bounded_on_both_sides() -> None:
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    (bounds,) = [line for line in project["optional-dependencies"]["server"] if line.startswith("uvicorn")]
    floor, cap = re.findall(r"\d+\.\d+", bounds)
    below, installed, above = [
        tuple(map(int, text.split(".")[:2])) for text in (floor, version("uvicorn"), cap)
    ]
    assert below <= installed < above
