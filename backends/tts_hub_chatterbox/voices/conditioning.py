"""The conditioning of a voice: all that the nets need of it, read from `conds.pt`, kept as safetensors.

P tokens of T3's prompt, Q tokens of S3Gen's prompt, F mel frames of S3Gen's prompt
"""

from __future__ import annotations

import os
import pickle
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from tts_hub.errors import GenerationError, OutputError
from tts_hub.system.temporary import open_temporary
from tts_hub_chatterbox.files.errors import UnusableFileError
from tts_hub_chatterbox.nets.units import CODEBOOK_SIZE

SPEAKER_WIDTH = 256
XVECTOR_WIDTH = 192
MEL_BINS = 80
MAX_T3_PROMPT = 375
"""15 s at 25 tokens a second."""
MAX_FLOW_PROMPT = 250
"""10 s."""

FORMAT = {"format": "tts-hub-chatterbox-conditioning", "version": "1"}
"""The metadata of our safetensors files, checked when one is read."""
MAX_CONDS_BYTES = 10_000_000
ZIP_MAGIC = b"PK\x03\x04"

T3_NAMES = {"speaker_emb": "speaker", "cond_prompt_speech_tokens": "t3_prompt"}
"""Official name -> ours, for T3."""
T3_UNUSED = {"clap_emb", "cond_prompt_speech_emb", "emotion_adv"}
"""Official names that are of other models, or can be computed from the tokens."""
FLOW_NAMES = {"prompt_token": "flow_prompt", "prompt_feat": "flow_mel", "embedding": "xvector"}
FLOW_LENGTHS = {"prompt_token_len", "prompt_feat_len"}
"""Official names of lengths, whose values may be None."""
MAX_NUMBERS = 100_000
"""The most numbers in one tensor of conds.pt; the largest has 40,000."""
LOADING_ERRORS = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    struct.error,
)
"""The exceptions that `torch.load` raises for damaged files."""


@dataclass(frozen=True, slots=True, eq=False)
class Conditioning:
    """The conditioning of one voice. All tensors are on the CPU, float32 or int64, and not shared.

    Raises:
        GenerationError: a tensor has another shape or type, is not finite, or holds an impossible id.
    """

    speaker: Tensor
    """Shape (1, 256): the voice encoder's vector, for T3."""
    t3_prompt: Tensor
    """Shape (1, P), P from 1 to 375: the speech tokens at the beginning of the clip, for T3."""
    flow_prompt: Tensor
    """Shape (1, Q), Q from 1 to 250: the same for S3Gen."""
    flow_mel: Tensor
    """Shape (1, F, 80): log mel of that prompt. F is 2 Q, or 2 Q + 1 if the clip ends within a token."""
    xvector: Tensor
    """Shape (1, 192): the speaker encoder's vector, for S3Gen."""

    def __post_init__(self) -> None:
        problem = next(self._problems(), None)
        if problem is not None:
            raise GenerationError(f"the voice's conditioning is wrong: {problem}", backend="chatterbox")

    @property
    def nbytes(self) -> int:
        """Bytes of the tensors."""
        return sum(tensor.nbytes for tensor in self.tensors().values())

    def tensors(self) -> dict[str, Tensor]:
        """The tensors by field name."""
        return {name: getattr(self, name) for name in FIELDS}

    def save(self, path: Path) -> None:
        """Write a safetensors file that appears whole or not at all; its folder is created.

        Raises:
            OutputError: the file cannot be written.
        """
        tensors = {name: tensor.contiguous() for name, tensor in self.tensors().items()}
        data = safetensors.torch.save(tensors, metadata=FORMAT)
        temporary: Path | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary, file = open_temporary(path)
            with file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as exc:
            if temporary is not None:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
            raise OutputError(f"cannot write {path}: {exc.strerror or exc}") from exc

    @classmethod
    def load(cls, path: Path) -> Conditioning:
        """Read what `save` wrote.

        Raises:
            UnusableFileError: there is no such file, or its format, version or content is wrong.
        """
        try:
            with safe_open(path, framework="pt") as opened:
                metadata = opened.metadata()
                # Copies: a tensor that stays mapped would change with its file.
                tensors = {name: opened.get_tensor(name).clone() for name in opened.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as exc:
            raise _unreadable(path, str(exc)) from exc
        if metadata != FORMAT:
            raise _unreadable(path, f"its metadata is {metadata} instead of {FORMAT}")
        if tensors.keys() != set(FIELDS):
            raise _unreadable(path, f"it holds {sorted(tensors)} instead of {sorted(FIELDS)}")
        return _validate(path, tensors)

    @classmethod
    def from_conds_pt(cls, path: Path) -> Conditioning:
        """Read the voice that comes with the official weights. Nothing in the file is executed.

        Raises:
            UnusableFileError: there is no such file, it holds code, or its structure or content is wrong.
        """
        content = _unpickle(path)
        t3 = _section(path, content, "t3", T3_NAMES, T3_UNUSED)
        flow = _section(path, content, "gen", FLOW_NAMES, FLOW_LENGTHS)
        named = {ours: t3[official] for official, ours in T3_NAMES.items()}
        named |= {ours: flow[official] for official, ours in FLOW_NAMES.items()}
        tensors = {ours: _plain_tensor(path, ours, value) for ours, value in named.items()}
        conditioning = _validate(path, tensors)
        _check_length(path, "prompt_token_len", flow.get("prompt_token_len"), conditioning.flow_prompt)
        _check_length(path, "prompt_feat_len", flow.get("prompt_feat_len"), conditioning.flow_mel)
        return conditioning

    def _problems(self) -> Iterator[str]:
        yield from _vector_problems("speaker", self.speaker, SPEAKER_WIDTH)
        yield from _vector_problems("xvector", self.xvector, XVECTOR_WIDTH)
        yield from _prompt_problems("t3_prompt", self.t3_prompt, MAX_T3_PROMPT)
        yield from _prompt_problems("flow_prompt", self.flow_prompt, MAX_FLOW_PROMPT)
        tokens = self.flow_prompt.shape[1]
        shapes = [(1, 2 * tokens, MEL_BINS), (1, 2 * tokens + 1, MEL_BINS)]
        yield from _float_problems("flow_mel", self.flow_mel, shapes)


FIELDS = ("speaker", "t3_prompt", "flow_prompt", "flow_mel", "xvector")


def _vector_problems(name: str, tensor: Tensor, width: int) -> Iterator[str]:
    yield from _float_problems(name, tensor, [(1, width)])


def _float_problems(name: str, tensor: Tensor, shapes: Sequence[tuple[int, ...]]) -> Iterator[str]:
    if tensor.dtype != torch.float32 or tensor.device.type != "cpu":
        yield f"{name} is {tensor.dtype} on {tensor.device} instead of torch.float32 on cpu"
    elif tuple(tensor.shape) not in shapes:
        yield f"{name} has the shape {tuple(tensor.shape)} instead of {shapes[0]}"
    elif not bool(torch.isfinite(tensor).all()):
        yield f"{name} holds NaN or infinity"


def _prompt_problems(name: str, tensor: Tensor, longest: int) -> Iterator[str]:
    if tensor.dtype != torch.int64 or tensor.device.type != "cpu":
        yield f"{name} is {tensor.dtype} on {tensor.device} instead of torch.int64 on cpu"
    elif tensor.dim() != 2 or tensor.shape[0] != 1 or not 1 <= tensor.shape[1] <= longest:
        yield f"{name} has the shape {tuple(tensor.shape)} instead of (1, 1 to {longest})"
    elif not 0 <= int(tensor.min()) <= int(tensor.max()) < CODEBOOK_SIZE:
        yield f"{name} has ids from {int(tensor.min())} to {int(tensor.max())}; {CODEBOOK_SIZE} are possible"


def _validate(path: Path, tensors: Mapping[str, Tensor]) -> Conditioning:
    try:
        return Conditioning(**tensors)
    except GenerationError as exc:
        raise _unreadable(path, str(exc)) from exc


def _unpickle(path: Path) -> object:
    """The content of a file of `torch.save`: plain containers, numbers and tensors on the CPU."""
    try:
        if path.stat().st_size > MAX_CONDS_BYTES:
            raise _unreadable(path, f"it is larger than {MAX_CONDS_BYTES} bytes")
        with path.open("rb") as file:
            if file.read(len(ZIP_MAGIC)) != ZIP_MAGIC:  # what `torch.save` has written since 1.6
                raise _unreadable(path, "it is not a torch.save archive")
            file.seek(0)
            content: object = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as exc:
        raise _unreadable(path, "it holds more than tensors and plain values, or is damaged") from exc
    except LOADING_ERRORS as exc:
        raise _unreadable(path, str(exc)) from exc
    return content


def _section(
    path: Path, content: object, name: str, required: Collection[str], others: Collection[str]
) -> Mapping[str, object]:
    """One part of conds.pt, with all required names and no unknown ones."""
    section = content.get(name) if isinstance(content, Mapping) else None
    if not isinstance(section, Mapping):
        raise _unreadable(path, f"it has no part {name!r}")
    missing = sorted(set(required) - section.keys())
    unknown = sorted(map(str, section.keys() - {*required, *others}))
    if missing or unknown:
        raise _unreadable(path, f"in its part {name!r} {missing} are missing and {unknown} unknown")
    return section


def _plain_tensor(path: Path, name: str, value: object) -> Tensor:
    """A dense copy, float32 or int64, of a value that may be anything."""
    if not isinstance(value, Tensor) or value.layout != torch.strided or value.device.type != "cpu":
        raise _unreadable(path, f"{name} is not a plain tensor")
    if value.numel() > MAX_NUMBERS:  # a view can claim any size
        raise _unreadable(path, f"{name} has the shape {tuple(value.shape)}")
    if value.dtype not in {torch.float32, torch.int64, torch.int32}:
        raise _unreadable(path, f"{name} is {value.dtype}")
    dtype = torch.float32 if value.is_floating_point() else torch.int64
    return value.detach().to(dtype).clone(memory_format=torch.contiguous_format)


def _check_length(path: Path, name: str, value: object, tensor: Tensor) -> None:
    """Check the length along dimension 1 that the file states, if it states one."""
    length = tensor.shape[1]
    stated = value.item() if isinstance(value, Tensor) and value.numel() == 1 else value
    if stated is not None and stated != length:
        raise _unreadable(path, f"{name} is {stated} instead of {length}")


def _unreadable(path: Path, reason: str) -> UnusableFileError:
    return UnusableFileError(f"cannot read {path.name}: {reason}", path)
