"""Requests, engines, voices and estimates as the server's JSON has them.

Every `parse_` function raises KeyError, TypeError, ValueError or AttributeError for values of another shape.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from tts_hub.cost.pricing import CostEstimate, EngineEstimate
from tts_hub.errors import UsageError
from tts_hub.types import ModelFiles, SpeechRequest, Voice
from tts_hub_tui.hubs.interface import EngineInfo

SENT = ("model", "voice", "language", "instructions", "seed", "fallback")
"""Fields of a request that are sent if they are given."""


def encode_request(request: SpeechRequest) -> dict[str, Any]:
    """The body that asks for a request's speech or estimate.

    Raises:
        UsageError: the text is still being written.
    """
    if not isinstance(request.input, str):
        raise UsageError("a remote server needs the whole text, not one that is still being written")
    given = {name: getattr(request, name) for name in SENT if getattr(request, name) is not None}
    values = {"input": request.input, "speed": request.speed, "markup": request.markup, **given}
    if request.options:
        values["options"] = dict(request.options)
    return values


def parse_estimate(values: Mapping[str, Any]) -> CostEstimate:
    """The estimate of a request."""
    others = tuple(EngineEstimate(**_estimate_fields(each, EngineEstimate)) for each in values["fallbacks"])
    return CostEstimate(**_estimate_fields(values, CostEstimate) | {"fallbacks": others})


def parse_engine(values: Mapping[str, Any]) -> EngineInfo:
    """One engine of the server's list."""
    return EngineInfo(
        name=values["name"],
        description=values["description"],
        models=tuple(values["models"]),
        ready=values["ready"],
        state=values["state"],
        reason=values["reason"],
        remedy=values["remedy"],
        active=values["active"],
        waiting=values["waiting"],
        downloads=tuple(
            ModelFiles(
                each["model"],
                each["source"],
                folder="",
                size=each["size"],
                missing=tuple(each["missing"]),
                variant=each["variant"],
            )
            for each in values["downloads"]
        ),
        options=values["options"],
    )


def parse_voice(values: Mapping[str, Any]) -> Voice:
    """One voice of the server's list."""
    return Voice(
        values["id"],
        values["name"],
        values["language"],
        gender=values["gender"],
        description=values["description"],
        aliases=tuple(values["aliases"]),
        variants=tuple(values["variants"]),
    )


def _estimate_fields(values: Mapping[str, Any], kind: type[EngineEstimate]) -> dict[str, Any]:
    """The fields of an estimate; those of a newer server are left out."""
    found = {field.name: values[field.name] for field in fields(kind)}
    checked = found["price_checked"]
    return found | {"price_checked": checked and dt.date.fromisoformat(checked)}
