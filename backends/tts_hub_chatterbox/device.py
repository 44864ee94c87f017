"""Which device and number type the nets get."""

from __future__ import annotations

import torch

from tts_hub.errors import BackendUnavailableError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def device_of(name: str) -> torch.device:
    """`auto` takes a CUDA or Apple GPU if there is one.

    Raises:
        BackendUnavailableError: this torch or this machine has no such device.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(device for device in ("cuda", "mps", "cpu") if available[device])
    if not available[name]:
        raise BackendUnavailableError(
            f"torch {torch.__version__} finds no {name} device here",
            backend="chatterbox",
            remedy="set device to 'auto' or 'cpu', or install a torch for this device (pytorch.org)",
        )
    return torch.device(name)
