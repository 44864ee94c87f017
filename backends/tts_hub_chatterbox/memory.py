"""Out of memory: translated into an error of ours, after the memory of the failed call was freed.

The tensors of a failed call stay alive in the local variables of the frames that its exception holds. So
these frames are cleared first, and only then torch is asked to return the memory that it holds in reserve.
"""

from __future__ import annotations

import ctypes
import gc
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress

from tts_hub.errors import BackendError, BackendUnavailableError, GenerationError

USED_UP = (
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "MPS backend out of memory",
    "DefaultCPUAllocator: ",  # this allocator reports nothing else
    "std::bad_alloc",
)
"""Parts of the messages of plain RuntimeErrors. Only torch's own GPU allocator has a type of exception for
this; all others can only be recognised by their message, here and nowhere else."""
M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -3, -1
"""Parameters of `mallopt`, from glibc's malloc.h."""
LARGEST_PIECE, SPARE = 32 << 20, 512 << 20
"""Bytes of one result that is kept for the next (glibc allows no more), and of all of them."""
REMEDY = (
    "close other programs that use it, set dtype to 'bfloat16' or device to 'cpu', or take chatterbox-nano"
)


@contextmanager
def translate_out_of_memory(backend: str, device: object) -> Generator[None, None, None]:
    """Wrap a call that speaks or reads a clip. A call, because local variables of the body itself stay alive.

    Raises:
        GenerationError: the memory of `device` is used up.
    """
    with _translate(lambda message: GenerationError(message, backend=backend), device):
        yield


@contextmanager
def translate_out_of_memory_on_load(backend: str, device: object) -> Generator[None, None, None]:
    """Wrap a call that loads.

    Raises:
        BackendUnavailableError: the memory of `device` is used up.
    """
    with _translate(lambda message: BackendUnavailableError(message, backend=backend, remedy=REMEDY), device):
        yield


def free_memory() -> None:
    """Free what only reference cycles hold, and the memory of a GPU that torch holds in reserve."""
    import torch  # deferred, as the backend imports this module

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def reuse_memory() -> None:
    """Make glibc keep freed memory, as the next layer's results need as much again.

    Memory that was returned to the system is filled with zeros page by page when it is needed again, which
    takes longer than a layer does.
    """
    with suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, LARGEST_PIECE)
        mallopt(M_TRIM_THRESHOLD, SPARE)


@contextmanager
def _translate(error: Callable[[str], BackendError], device: object) -> Generator[None, None, None]:
    try:
        yield
    except (RuntimeError, MemoryError) as exc:
        if not _is_used_up(exc):
            raise
        for held in _chain(exc):
            traceback.clear_frames(held.__traceback__)
        free_memory()
        reason = str(exc).partition("\n")[0] or type(exc).__name__
        raise error(f"the memory of {device} is used up: {reason}") from exc


def _is_used_up(exc: RuntimeError | MemoryError) -> bool:
    import torch  # deferred, as above

    if isinstance(exc, MemoryError | torch.OutOfMemoryError):
        return True
    return any(sign in str(exc) for sign in USED_UP)


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """The exception and its causes, each of which holds frames of its own."""
    held: BaseException | None = exc
    while held is not None:
        yield held
        held = held.__cause__ or held.__context__
