"""A checkpoint of some hundred kilobytes with random weights, which the package `ptts` loads and speaks.

It babbles: each text takes as long as the package allows for it, since the weight that ends speech is set so.
`shapes.json` has the names and shapes of the weights, those of the speaker encoder included.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

RATE = 24_000
FRAME = 1920
"""Samples of one frame of 80 ms."""
WIDTH = 32
VOICES = ("anna", "ben")
LETTERS = "▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?'"
SPEAKER_ENCODER = ("flow_lm.speaker_proj_weight", "mimi.encoder", "mimi.downsample")
SHAPES: dict[str, list[int]] = json.loads((Path(__file__).parent / "shapes.json").read_text(encoding="utf-8"))


def write_checkpoint(folder: Path, *, clones: bool = False, **config: Any) -> Path:
    """A checkpoint in `folder`; `clones` adds the speaker encoder, `config` fields of its config.json."""
    (folder / "voices").mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(_config() | config), encoding="utf-8")
    (folder / "tokenizer.json").write_text(json.dumps(_tokenizer()), encoding="utf-8")
    random = np.random.default_rng(1)
    shapes = {n: s for n, s in SHAPES.items() if clones or not n.startswith(SPEAKER_ENCODER)}
    weights = {name: _weight(name, shape, random) for name, shape in shapes.items()}
    write_weights(folder / "model.safetensors", weights)
    for name in VOICES:
        write_voice(folder / "voices" / f"{name}.safetensors", len(name))
    return folder


def write_voice(file: Path, seed: int) -> Path:
    random = np.random.default_rng(seed)
    write_weights(file, {"emb": 3 * random.standard_normal((1, 5, WIDTH))})
    return file


def write_weights(file: Path, weights: dict[str, Any]) -> None:
    """Write a safetensors file: the size of a JSON head, the head, and the numbers."""
    head, data = dict[str, Any](), b""
    for name, weight in weights.items():
        content = weight.astype("<f4").tobytes()
        offsets = [len(data), len(data) + len(content)]
        head[name] = {"dtype": "F32", "shape": list(weight.shape), "data_offsets": offsets}
        data += content
    packed = json.dumps(head).encode()
    file.write_bytes(struct.pack("<Q", len(packed)) + packed + data)


def _weight(name: str, shape: list[int], random: np.random.Generator) -> Any:
    if name == "flow_lm.out_eos.weight":
        return np.zeros(shape)
    if name == "flow_lm.out_eos.bias":
        return np.full(shape, -100.0)
    if name.endswith(("scale", "alpha", "emb_std")) or ("norm" in name and name.endswith("weight")):
        return np.ones(shape)
    size = 0.002 if name.startswith("mimi.decoder.model.11") else 0.3 if name.startswith("mimi") else 0.1
    return size * random.standard_normal(shape)


def _config() -> dict[str, Any]:
    flow_lm = {
        "d_model": WIDTH,
        "num_heads": 2,
        "num_layers": 1,
        "dim_feedforward": 64,
        "max_period": 10000.0,
        "n_bins": 255,
        "lut_dim": WIDTH,
        "flow_dim": 16,
        "flow_depth": 1,
        "ldim": 8,
    }
    mimi = {
        "channels": 1,
        "sample_rate": RATE,
        "frame_rate": 12.5,
        "dimension": 16,
        "n_filters": 4,
        "quantizer_dimension": 8,
        "quantizer_output_dimension": 16,
        "n_residual_layers": 1,
        "ratios": [6, 5, 4],
        "kernel_size": 7,
        "last_kernel_size": 3,
        "residual_kernel_size": 3,
        "dilation_base": 2,
        "compress": 2,
        "downsample_channel_wise": False,
        "transformer_d_model": 16,
        "transformer_num_heads": 2,
        "transformer_num_layers": 1,
        "transformer_layer_scale": 0.01,
        "transformer_context": 250,
        "transformer_max_period": 10000.0,
        "transformer_dim_feedforward": 32,
    }
    fuser: dict[str, list[str]] = {"sum": [], "streaming_sum": [], "prepend": [], "cross": []}
    return {
        "flow_lm": flow_lm,
        "mimi": mimi,
        "fuser": fuser,
        "conditioners": [],
        "model_id": None,
        "temp": 0.5,
        "lsd_decode_steps": 1,
        "eos_threshold": -4.0,
    }


def _tokenizer() -> dict[str, Any]:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    vocabulary = {token: n for n, token in enumerate(["<unk>", *LETTERS])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    made: dict[str, Any] = json.loads(tokenizer.to_str())
    return made
