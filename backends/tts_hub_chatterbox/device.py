"""The device of the nets, and the number type in which each of them computes."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from tts_hub.errors import BackendUnavailableError
from tts_hub_chatterbox.nets.int8 import has_int8

FLOATS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True)
class Precision:
    """Number types of the nets that speak; those that read clips are always float32."""

    t3: torch.dtype = torch.float32
    """`torch.int8`: its linear layers have 8 bit weights, all else is float32."""
    kv: torch.dtype = torch.float32
    """The type of the keys and values in T3's cache."""
    flow: torch.dtype = torch.float32
    vocoder: torch.dtype = torch.float32


FLOAT32 = Precision()


def device_of(name: str) -> torch.device:
    """The device of a name in the settings; `auto` takes a CUDA or Apple GPU if there is one.

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


def configure_torch(device: torch.device) -> None:
    """Make torch compute on a CUDA device what it computes elsewhere, with the same bits each time.

    By default its convolutions take TF32 for float32 there, and a pitch that is 3e-4 off moves whole waves;
    some of them sum in any order. Its attention by cuDNN makes a plan for each new shape, which takes longer
    than the attention itself. The settings are those of the whole process.
    """
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.deterministic = True
        torch.backends.cuda.enable_cudnn_sdp(enabled=False)


def precision_of(name: str, device: torch.device) -> Precision:
    """The number types that `dtype` of the settings means on a device.

    `auto` takes the types that were measured to be fast without an audible difference: on processors 8 bit
    weights for T3, and bfloat16 for the flow where the processor has instructions for it; on CUDA bfloat16;
    else float32. The vocoder sums its pitch up to phases, and stays float32 unless a type is named.

    Raises:
        BackendUnavailableError: 8 bit weights, which this device cannot compute with.
    """
    if name == "auto" and device.type == "cuda":
        return Precision(torch.bfloat16, torch.bfloat16, torch.bfloat16)
    if name in FLOATS:
        dtype = FLOATS[name]
        return Precision(dtype, dtype, dtype, dtype)
    possible = device.type == "cpu" and has_int8()
    if name == "int8" and not possible:
        raise BackendUnavailableError(
            f"this torch cannot compute with 8 bit weights on {device} here",
            backend="chatterbox",
            remedy="set dtype to 'auto' or 'float32'",
        )
    if not possible or (name == "auto" and not torch.cpu._is_vnni_supported()):
        return FLOAT32
    has_matrix_units = torch.cpu._is_amx_tile_supported()
    # Only with them the fused attention is faster in bfloat16.
    kv = torch.bfloat16 if has_matrix_units else torch.float32
    has_dot_products = has_matrix_units or torch.cpu._is_avx512_bf16_supported()
    return Precision(torch.int8, kv, torch.bfloat16 if has_dot_products else torch.float32)
