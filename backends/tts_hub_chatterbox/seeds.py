"""Seeds and random generators. Each segment has generators of its own, whatever else is spoken meanwhile."""

from __future__ import annotations

import hashlib
import secrets

import torch

SEED_BITS = 63
DRAWN_BITS = 53
"""Bits of a seed that goes into a report: many readers of JSON have no more for a number."""
_SECRET = secrets.token_bytes(16)


def new_seed(request_id: str) -> int:
    """A seed for a request that names none: the same in all its segments, and in no other request."""
    digest = hashlib.blake2b(request_id.encode(), key=_SECRET, digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - DRAWN_BITS)


def generator_for(seed: int, segment: int, use: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator that is the same for the same seed, segment index and use, and otherwise unrelated."""
    digest = hashlib.blake2b(f"{seed}/{segment}/{use}".encode(), digest_size=8).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest, "big") >> (64 - SEED_BITS))
