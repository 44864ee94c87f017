"""Random numbers of one segment: its own, whatever else is spoken meanwhile."""

from __future__ import annotations

import hashlib
import secrets

import torch

SEED_BITS = 63


def new_seed() -> int:
    """For a request that names none."""
    return secrets.randbits(SEED_BITS)


def generator_for(seed: int, segment: int, use: str, device: torch.device | str = "cpu") -> torch.Generator:
    """The same for the same seed, number of the segment and use; else unrelated."""
    digest = hashlib.blake2b(f"{seed}/{segment}/{use}".encode(), digest_size=8).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest, "big") >> (64 - SEED_BITS))
