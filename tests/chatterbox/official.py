"""Whole models in the official file layout: the published package's own modules, random numbers in them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from chatterbox.models.s3gen import S3Gen
from chatterbox.models.t3 import T3
from chatterbox.models.t3.llama_configs import LLAMA_CONFIGS
from chatterbox.models.t3.modules.t3_config import T3Config
from chatterbox.models.voice_encoder import VoiceEncoder
from safetensors.torch import save_file
from torch import nn
from tts_hub_chatterbox.files.variants import Variant

from tests.chatterbox.random_weights import end_speech, fill_randomly, tame_vocoder
from tests.chatterbox.tokenizer_files import write_tokenizer_files


def write_models(
    root: Path, variants: Sequence[Variant], seed: int = 0, *, end: int | None = None
) -> dict[str, Path]:
    """All files of some models by name; what they have in common is written once.

    Their speech has no end, or one where text and speech together come to `end` tokens.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _write_models(root, variants, seed, end)


def _write_models(root: Path, variants: Sequence[Variant], seed: int, end: int | None) -> dict[str, Path]:
    folders = {variant.model: root / variant.model for variant in variants}
    for variant, folder in zip(variants, folders.values(), strict=True):
        folder.mkdir()
        _save(empty_t3(variant), seed, folder / variant.t3.name, end)
    first, *others = folders.values()
    variant = variants[0]
    write_tokenizer_files(first)
    _save(S3Gen(meanflow=True), seed + 1, first / variant.s3gen.name)
    _save(VoiceEncoder(), seed + 2, first / variant.voice_encoder.name)
    torch.save(random_conds(seed + 3), first / variant.built_in_voice.name)
    for folder in others:
        for file in first.iterdir():
            if file.name != variant.t3.name:
                (folder / file.name).hardlink_to(file)
    return folders


def empty_t3(variant: Variant) -> T3:
    """The package's T3 as Turbo; Nano, which it does not know, is Turbo with a smaller GPT-2."""
    size = variant.t3_size
    name = f"GPT2_{size.layers}"
    LLAMA_CONFIGS[name] = LLAMA_CONFIGS["GPT2_medium"] | {
        "n_layer": size.layers,
        "n_embd": size.width,
        "hidden_size": size.width,
        "n_head": size.heads,
    }
    config = T3Config(text_tokens_dict_size=50276)
    config.llama_config_name = name
    config.speech_tokens_dict_size = 6563
    config.input_pos_emb = None
    config.speech_cond_prompt_len = 375
    config.use_perceiver_resampler = False
    config.emotion_adv = False
    return T3(config)


def random_conds(seed: int, prompt: int = 250) -> dict[str, dict[str, object]]:
    """The content of an official conds.pt, for an invented voice."""
    chance = torch.Generator().manual_seed(seed)

    def ids(count: int) -> torch.Tensor:
        return torch.randint(0, 6561, (1, count), generator=chance)

    def floats(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=chance)

    speaker = torch.nn.functional.normalize(floats(1, 256).abs())
    return {
        "t3": {
            "speaker_emb": speaker,
            "clap_emb": None,
            "cond_prompt_speech_tokens": ids(375),
            "cond_prompt_speech_emb": None,
            "emotion_adv": torch.full((1, 1, 1), 0.5),
        },
        "gen": {
            "prompt_token": ids(prompt),
            "prompt_token_len": torch.tensor([prompt]),
            "prompt_feat": floats(1, 2 * prompt, 80) - 4,
            "prompt_feat_len": None,
            "embedding": floats(1, 192),
        },
    }


def _save(module: nn.Module, seed: int, file: Path, end: int | None = None) -> None:
    fill_randomly(module, seed)
    if end is not None:
        end_speech(module, end)
    if isinstance(module, S3Gen):
        tame_vocoder(module.mel2wav)
    save_file({name: tensor.contiguous() for name, tensor in module.state_dict().items()}, file)
