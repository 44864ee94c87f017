"""The conditioning of a voice: read from the official file without running it, kept as safetensors."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from chatterbox.models.t3.modules.cond_enc import T3Cond
from chatterbox.tts_turbo import Conditionals
from torch import Tensor
from tts_hub_chatterbox.files.errors import UnusableFileError
from tts_hub_chatterbox.voices.conditioning import FORMAT, Conditioning

from tts_hub.errors import BackendUnavailableError, GenerationError, OutputError


def conditioning(*, t3: int = 375, flow: int = 250, frames: int = 500, seed: int = 0) -> Conditioning:
    generator = torch.Generator().manual_seed(seed)
    return Conditioning(
        speaker=torch.rand(1, 256, generator=generator),
        t3_prompt=torch.randint(0, 6561, (1, t3), generator=generator),
        flow_prompt=torch.randint(0, 6561, (1, flow), generator=generator),
        flow_mel=torch.randn(1, frames, 80, generator=generator),
        xvector=torch.randn(1, 192, generator=generator),
    )


def assert_equal(found: Conditioning, expected: Conditioning) -> None:
    for name, tensor in expected.tensors().items():
        assert torch.equal(found.tensors()[name], tensor), name
        assert found.tensors()[name].dtype == tensor.dtype


def official(voice: Conditioning) -> dict[str, dict[str, Any]]:
    """The structure of conds.pt."""
    return {
        "t3": {
            "speaker_emb": voice.speaker,
            "clap_emb": None,
            "cond_prompt_speech_tokens": voice.t3_prompt,
            "cond_prompt_speech_emb": None,
            "emotion_adv": torch.full((1, 1, 1), 0.5),
        },
        "gen": {
            "prompt_token": voice.flow_prompt,
            "prompt_token_len": torch.tensor([voice.flow_prompt.shape[1]]),
            "prompt_feat": voice.flow_mel,
            "prompt_feat_len": None,
            "embedding": voice.xvector,
        },
    }


def test_the_file_that_the_package_writes_is_read_as_the_package_reads_it(tmp_path: Path) -> None:
    voice, path = conditioning(), tmp_path / "conds.pt"
    parts = official(voice)
    Conditionals(T3Cond(**parts["t3"]), parts["gen"]).save(path)
    theirs, ours = Conditionals.load(path), Conditioning.from_conds_pt(path)
    assert_equal(ours, voice)
    assert torch.equal(ours.speaker, theirs.t3.speaker_emb)
    assert torch.equal(ours.t3_prompt, theirs.t3.cond_prompt_speech_tokens)
    assert torch.equal(ours.flow_prompt, theirs.gen["prompt_token"])
    assert torch.equal(ours.flow_mel, theirs.gen["prompt_feat"])
    assert torch.equal(ours.xvector, theirs.gen["embedding"])


def test_int32_tokens_and_views_become_plain_tensors_of_their_own(tmp_path: Path) -> None:
    voice, path = conditioning(), tmp_path / "conds.pt"
    parts = official(voice)
    parts["gen"]["prompt_token"] = voice.flow_prompt.to(torch.int32)
    parts["gen"]["prompt_feat"] = voice.flow_mel.transpose(1, 2).contiguous().transpose(1, 2)
    parts["t3"]["speaker_emb"] = torch.nn.Parameter(voice.speaker)
    torch.save(parts, path)
    found = Conditioning.from_conds_pt(path)
    assert_equal(found, voice)
    assert found.flow_mel.is_contiguous()
    assert not found.speaker.requires_grad


class Bomb:
    """An object that runs a command when it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self._proof = proof

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.system, (f"touch {self._proof}",)


def test_nothing_in_the_file_is_executed(tmp_path: Path) -> None:
    proof, path = tmp_path / "proof", tmp_path / "conds.pt"
    parts = official(conditioning())
    parts["t3"]["emotion_adv"] = Bomb(proof)
    torch.save(parts, path)
    with pytest.raises(BackendUnavailableError, match="more than tensors"):
        Conditioning.from_conds_pt(path)
    path.write_bytes(pickle.dumps(Bomb(proof)))
    with pytest.raises(BackendUnavailableError, match=r"not a torch\.save archive"):
        Conditioning.from_conds_pt(path)
    assert not proof.exists()
    torch.load(_archive(Bomb(proof)), weights_only=False)  # it would have gone off
    assert proof.exists()


def _archive(content: object) -> io.BytesIO:
    file = io.BytesIO()
    torch.save(content, file)
    file.seek(0)
    return file


def without(part: str, name: str) -> Callable[[dict[str, Any]], object]:
    return lambda parts: parts[part].pop(name)


def having(part: str, name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda parts: parts[part].update({name: value})


WRONG_PARTS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no gen": (lambda parts: parts.pop("gen"), "no part 'gen'"),
    "t3 a list": (lambda parts: parts.update(t3=[1]), "no part 't3'"),
    "missing": (without("t3", "speaker_emb"), "speaker_emb"),
    "surplus": (having("gen", "prompt_tokens", torch.zeros(1)), "prompt_tokens"),
    "no tensor": (having("gen", "embedding", [1.0]), "not a plain tensor"),
    "sparse": (having("gen", "embedding", torch.zeros(1, 192).to_sparse()), "not a plain tensor|damaged"),
    "meta": (having("gen", "embedding", torch.zeros(1, 192, device="meta")), "not a plain tensor|damaged"),
    "immense view": (having("gen", "prompt_feat", torch.zeros(1).expand(10**12)), "shape"),
    "double": (having("gen", "embedding", torch.zeros(1, 192, dtype=torch.float64)), "float64"),
    "tokens as floats": (having("gen", "prompt_token", torch.zeros(1, 250)), "int64"),
    "speaker as tokens": (having("t3", "speaker_emb", torch.zeros(1, 256, dtype=torch.int64)), "int64"),
    "narrow": (having("t3", "speaker_emb", torch.zeros(1, 255)), "256"),
    "flat": (having("gen", "prompt_token", torch.zeros(250, dtype=torch.int64)), "shape"),
    "two of it": (having("gen", "embedding", torch.zeros(2, 192)), "shape"),
    "no prompt": (having("t3", "cond_prompt_speech_tokens", torch.zeros(1, 0, dtype=torch.int64)), "shape"),
    "long": (having("t3", "cond_prompt_speech_tokens", torch.zeros(1, 376, dtype=torch.int64)), "375"),
    "start id": (having("gen", "prompt_token", torch.full((1, 250), 6561)), "6561"),
    "negative id": (having("gen", "prompt_token", torch.full((1, 250), -1)), "-1"),
    "NaN": (having("gen", "embedding", torch.full((1, 192), torch.nan)), "NaN"),
    "short mel": (having("gen", "prompt_feat", torch.zeros(1, 499, 80)), "499"),
    "another length": (having("gen", "prompt_token_len", torch.tensor([249])), "prompt_token_len is 249"),
    "another mel length": (having("gen", "prompt_feat_len", 3), "prompt_feat_len is 3"),
}


@pytest.mark.parametrize(("change", "reason"), WRONG_PARTS.values(), ids=WRONG_PARTS)
@pytest.mark.filterwarnings("ignore:Sparse")
def test_every_field_of_the_official_file_is_checked(
    change: Callable[[dict[str, Any]], object], reason: str, tmp_path: Path
) -> None:
    parts, path = official(conditioning()), tmp_path / "conds.pt"
    change(parts)
    torch.save(parts, path)
    with pytest.raises(UnusableFileError, match=reason) as caught:
        Conditioning.from_conds_pt(path)
    assert "conds.pt" in str(caught.value)
    assert caught.value.file == path


def test_damaged_official_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "conds.pt"
    torch.save(official(conditioning()), path)
    whole = path.read_bytes()
    generator = torch.Generator().manual_seed(1)
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        start = whole.index(archive.read(name))
        length = archive.getinfo(name).file_size
    for _ in range(60):
        broken = bytearray(whole)
        for place in torch.randint(start, start + length, (3,), generator=generator).tolist():
            broken[place] = int(torch.randint(0, 256, (1,), generator=generator))
        _read_or_refuse(path, bytes(broken))
    for length in (0, 3, 4, 100, len(whole) // 2, len(whole) - 10):
        path.write_bytes(whole[:length])
        with pytest.raises(BackendUnavailableError):
            Conditioning.from_conds_pt(path)
    with pytest.raises(BackendUnavailableError):
        Conditioning.from_conds_pt(tmp_path / "none.pt")


def _read_or_refuse(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with suppress(BackendUnavailableError):
        Conditioning.from_conds_pt(path)


@pytest.mark.parametrize(("flow", "frames"), [(250, 500), (126, 252), (125, 251), (1, 2)])
def test_what_is_saved_comes_back(flow: int, frames: int, tmp_path: Path) -> None:
    voice, path = conditioning(t3=flow, flow=flow, frames=frames), tmp_path / "new" / "voice.safetensors"
    voice.save(path)
    voice.save(path)
    assert_equal(Conditioning.load(path), voice)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert voice.nbytes == sum(tensor.nbytes for tensor in voice.tensors().values())


def test_a_loaded_voice_does_not_change_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "voice.safetensors"
    conditioning().save(path)
    found = Conditioning.load(path)
    with path.open("r+b") as file:
        file.truncate(10)
    assert_equal(found, conditioning())


def other_metadata(**changes: str) -> Callable[[dict[str, Tensor]], bytes]:
    return lambda tensors: safetensors.torch.save(tensors, metadata={**FORMAT, **changes})


WRONG_FILES: dict[str, tuple[Callable[[dict[str, Tensor]], bytes], str]] = {
    "no metadata": (safetensors.torch.save, "instead of"),
    "another version": (other_metadata(version="2"), "version"),
    "another format": (other_metadata(format="pt"), "format"),
    "more metadata": (other_metadata(code="1"), "instead of"),
    "a pickle": (pickle.dumps, "cannot read"),
    "empty": (lambda _: b"", "cannot read"),
    "cut": (lambda tensors: other_metadata()(tensors)[:-1], "cannot read"),
    "missing": (
        lambda tensors: other_metadata()({k: v for k, v in tensors.items() if k != "xvector"}),
        "instead of",
    ),
    "surplus": (lambda tensors: other_metadata()({**tensors, "more": torch.zeros(1)}), "more"),
    "half precision": (
        lambda tensors: other_metadata()({**tensors, "xvector": torch.zeros(1, 192).half()}),
        "16",
    ),
    "misshapen": (lambda tensors: other_metadata()({**tensors, "speaker": torch.zeros(1, 192)}), "256"),
}


@pytest.mark.parametrize(("write", "reason"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_only_a_whole_file_of_this_version_is_loaded(
    write: Callable[[dict[str, Tensor]], bytes], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "voice.safetensors"
    path.write_bytes(write(conditioning().tensors()))
    with pytest.raises(BackendUnavailableError, match=reason):
        Conditioning.load(path)


def test_the_version_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "voice.safetensors"
    conditioning().save(path)
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert header["__metadata__"] == FORMAT


def test_a_disk_that_refuses_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "voice.safetensors"
    conditioning(seed=1).save(path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        conditioning(seed=2).save(path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert_equal(Conditioning.load(path), conditioning(seed=1))


def test_a_wrong_voice_cannot_be_made() -> None:
    good = conditioning().tensors()
    with pytest.raises(GenerationError, match="xvector"):
        Conditioning(**{**good, "xvector": torch.full((1, 192), torch.inf)})
    with pytest.raises(GenerationError, match="flow_mel"):
        Conditioning(**{**good, "flow_mel": torch.zeros(1, 502, 80)})
    with pytest.raises(GenerationError, match="on meta"):
        Conditioning(**{**good, "speaker": torch.zeros(1, 256, device="meta")})
