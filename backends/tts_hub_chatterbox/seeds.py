"""Random numbers of one segment: its own, whatever else is spoken meanwhile."""

from __future__ import annotations

import hashlib
import secrets

import torch

SEED_BITS = 63
DRAWN_BITS = 53
"""Of a seed that is told: readers of JSON have no more for a number."""
_SECRET = secrets.token_bytes(16)


def new_seed(request_id: str) -> int:
    """For a request that names none: the same in all its segments, and in no other request."""
    digest = hashlib.blake2b(request_id.encode(), key=_SECRET, digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - DRAWN_BITS)


def generator_for(seed: int, segment: int, use: str, device: torch.device | str = "cpu") -> torch.Generator:
    """The same for the same seed, number of the segment and use; else unrelated."""
    digest = hashlib.blake2b(f"{seed}/{segment}/{use}".encode(), digest_size=8).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest, "big") >> (64 - SEED_BITS))
