"""The dialects of OpenAI's speech API, and which of them a server speaks."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from tts_hub_remote.openai.dialects.dialect import PLAIN, Dialect
from tts_hub_remote.openai.dialects.hub import HubDialect
from tts_hub_remote.openai.dialects.kokoro import KokoroDialect
from tts_hub_remote.openai.dialects.official import HOST, OfficialDialect
from tts_hub_remote.openai.models import ModelList
from tts_hub_remote.openai.settings import DialectName, OpenAISettings

__all__ = ["DIALECTS", "Dialect", "configured_dialect", "recognised_dialect"]

DIALECTS: Mapping[DialectName, Dialect] = {
    dialect.name: dialect for dialect in (OfficialDialect(), HubDialect(), KokoroDialect(), PLAIN)
}


def configured_dialect(settings: OpenAISettings) -> Dialect:
    """The dialect before the server is asked; with `auto`, the plain one except at OpenAI's own address."""
    if settings.dialect != "auto":
        return DIALECTS[settings.dialect]
    is_openai = settings.url is None or urlsplit(settings.url).hostname == HOST
    return DIALECTS["openai"] if is_openai else PLAIN


def recognised_dialect(listed: ModelList) -> Dialect:
    """The dialect of the server that sent a list of models; the plain one if no other recognises it."""
    return next((dialect for dialect in DIALECTS.values() if dialect.recognises(listed)), PLAIN)
