"""`/v1/audio/estimate`: the cost of a request for speech, before it is made."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field

from tts_hub.cost.pricing import CostEstimate
from tts_hub.server.hub import Hub, TheHub
from tts_hub.server.schema import JSON_ANSWERS
from tts_hub.server.wire import Fields, Markup, SpeechBody, speech_request
from tts_hub.types import FallbackModels, Instructions, Speed

router = APIRouter(tags=["speech"])
TOO_LONG_FOR_A_QUERY: dict[int | str, dict[str, Any]] = {
    431: {"description": "The query is longer than the head of a request may be: use POST."}
}


class EstimateQuery(Fields):
    """The fields of a request for speech that its cost depends on."""

    input: str = Field(description="The text to speak; a long one goes into the body of a POST.")
    model: str | None = Field(None, description="A model, an alias such as `tts-1`, or `auto`.")
    voice: str | None = Field(None, description="Id of a voice; no engine's price depends on it.")
    instructions: Instructions | None = Field(None, description="Some models count them as well.")
    speed: Speed = 1.0
    language: str | None = Field(None, description="A BCP 47 tag such as `en-GB`.")
    markup: Markup = Field("text", description="Tags of SSML are counted.")
    fallback: FallbackModels | None = Field(None, description="Models that may stand in.")


@router.get("/v1/audio/estimate", responses=JSON_ANSWERS | TOO_LONG_FOR_A_QUERY)
async def get_estimate(
    query: Annotated[EstimateQuery, Query()], request: Request, hub: TheHub
) -> CostEstimate:
    """The cost of speaking a text, in US dollars, and the engine. Nothing is spoken."""
    return await _estimate(SpeechBody.model_validate(query.model_dump()), request, hub)


@router.post("/v1/audio/estimate", responses=JSON_ANSWERS)
async def estimate_speech(body: SpeechBody, request: Request, hub: TheHub) -> CostEstimate:
    """The cost of a request for speech, given as its body."""
    return await _estimate(body, request, hub)


async def _estimate(body: SpeechBody, request: Request, hub: Hub) -> CostEstimate:
    return await hub.manager.estimate(speech_request(body, request, hub))
