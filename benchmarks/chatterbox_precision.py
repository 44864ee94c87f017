"""How far each number type is from float32: T3's logits, the flow's mel, the vocoder's samples.

Every type gets the same inputs, and in T3 the tokens that float32 drew. Random weights of true size show how
errors of rounding add up through the layers; with official weights (`--models`) it says what they do to a
voice. The package's own requirements are those of the tests (`make .venv/.dev`). Writes 4 GB
of random weights into a temporary folder first, unless it is given some.

    python benchmarks/chatterbox_precision.py
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from machine import machine, say
from torch import Tensor
from tts_hub_chatterbox.device import FLOAT32, Precision, device_of
from tts_hub_chatterbox.files.variants import NANO, TURBO, Variant
from tts_hub_chatterbox.model import Chatterbox
from tts_hub_chatterbox.nets.kv_cache import KVCache
from tts_hub_chatterbox.nets.mels import mel_24k
from tts_hub_chatterbox.nets.t3 import T3
from tts_hub_chatterbox.nets.units import CODEBOOK_SIZE
from tts_hub_chatterbox.seeds import generator_for
from tts_hub_chatterbox.t3.sampling import SamplingOptions, sample
from tts_hub_chatterbox.voices.conditioning import Conditioning

sys.path.insert(0, str(Path(__file__).parent.parent))

TEXTS = 4
TEXT_TOKENS = 40
STEPS = 50
"""Steps for each text: two seconds of speech."""
TOKENS = 100
"""Tokens for the flow and the vocoder: four seconds."""
TEMPERATURE = 0.8
DECIBELS = 8.686
"""Decibels of a difference of 1 in the natural logarithm of an amplitude."""
T3_TYPES = {
    "float32": FLOAT32,
    "float32, keys and values bfloat16": Precision(kv=torch.bfloat16),
    "int8": Precision(torch.int8),
    "int8, keys and values bfloat16": Precision(torch.int8, torch.bfloat16),
    "bfloat16": Precision(torch.bfloat16, torch.bfloat16),
    "float16": Precision(torch.float16, torch.float16),
}
SOUND_TYPES = {
    str(dtype).removeprefix("torch."): Precision(flow=dtype, vocoder=dtype)
    for dtype in (torch.float32, torch.bfloat16, torch.float16)
}


@dataclass(frozen=True, slots=True)
class Heard:
    """What float32 gave, and what it was given."""

    texts: Sequence[Tensor]
    """(1, T) each."""
    tokens: Sequence[Tensor]
    """(STEPS,) each: drawn from its logits."""
    logits: Sequence[Tensor]
    """(1 + STEPS, sounds) each, the prefill's first."""


def hear(t3: T3, voice: Conditioning) -> Heard:
    """Let T3 speak."""
    chance = generator_for(0, 0, "tokens")
    texts = [torch.randint(0, 50_000, (1, TEXT_TOKENS), generator=chance) for _ in range(TEXTS)]
    all_tokens, all_logits = [], []
    for text in texts:
        cache = KVCache.empty(t3.config.backbone, capacity=1_000)
        logits = [t3.prefill(voice.speaker, voice.t3_prompt, text, cache)]  # (1, V)
        said = torch.zeros_like(logits[0], dtype=torch.bool)
        tokens = []
        for _ in range(STEPS):
            tokens.append(sample(logits[-1], said, [SamplingOptions()], [chance]))  # (1,)
            logits.append(t3.step(tokens[-1], cache))
        all_tokens.append(torch.cat(tokens))
        all_logits.append(torch.cat(logits)[:, :CODEBOOK_SIZE])
    return Heard(texts, all_tokens, all_logits)


def repeat(t3: T3, voice: Conditioning, heard: Heard, kv: torch.dtype) -> list[Tensor]:
    """The logits of another T3 on the same way."""
    found = []
    for text, tokens in zip(heard.texts, heard.tokens, strict=True):
        cache = KVCache.empty(t3.config.backbone, capacity=1_000, dtype=kv)
        logits = [t3.prefill(voice.speaker, voice.t3_prompt, text, cache)]
        logits += [t3.step(token[None], cache) for token in tokens]
        found.append(torch.cat(logits)[:, :CODEBOOK_SIZE])  # (1 + STEPS, sounds)
    return found


def compare_t3(folder: Path, variant: Variant) -> None:
    """A row for each type."""
    voice = Conditioning.from_conds_pt(folder / variant.built_in_voice.name)
    heard = hear(load(folder, variant, FLOAT32).t3, voice)
    exact = torch.stack(list(heard.logits))  # (texts, 1 + STEPS, sounds)
    for name, precision in T3_TYPES.items():
        t3 = load(folder, variant, precision).t3
        found = torch.stack(repeat(t3, voice, heard, precision.kv))
        error = (found - exact).norm(dim=2) / exact.norm(dim=2)  # (texts, 1 + STEPS)
        agree = (found.argmax(dim=2) == exact.argmax(dim=2)).float().mean()
        moved = _shares(found).sub(_shares(exact)).abs().sum(dim=2).mean() / 2
        say(
            f"| {variant.model} | {name} | {error[:, 0].mean():.2%} | {error[:, 1:].mean():.2%} "
            f"| {error[:, -10:].mean():.2%} | {agree:.1%} | {moved:.1%} |"
        )


def compare_sound(folder: Path, variant: Variant) -> None:
    """A row for each type; Turbo and Nano have the same flow and vocoder."""
    voice = Conditioning.from_conds_pt(folder / variant.built_in_voice.name)
    chance = generator_for(0, 0, "tokens")
    tokens = torch.randint(0, CODEBOOK_SIZE, (TOKENS,), generator=chance).tolist()
    exact = load(folder, variant, FLOAT32)
    mel = exact.mel(tokens, voice, generator_for(0, 0, "flow"))  # (1, 80, F)
    smooth = torch.nn.functional.avg_pool1d(6 * torch.randn(mel.shape, generator=chance) - 5, 9, stride=1)
    expected = [_sound(exact, each) for each in (mel, smooth)]
    for name, precision in SOUND_TYPES.items():
        model = load(folder, variant, precision)
        error = _rms(model.mel(tokens, voice, generator_for(0, 0, "flow")) - mel)
        sounds = [
            _sound_distance(_sound(model, each), samples)
            for each, samples in zip((mel, smooth), expected, strict=True)
        ]
        say(f"| {name} | {error / mel.std():.2%} | {DECIBELS * error:.2f} dB | {' | '.join(sounds)} |")


def _sound_distance(found: Tensor, exact: Tensor) -> str:
    """The distance of two sounds, samples (1, N) each, and of their mels."""
    mels = DECIBELS * _rms(mel_24k(found) - mel_24k(exact))
    return f"{_rms(found - exact) / _rms(exact):.2%}, {mels:.2f} dB"


def load(folder: Path, variant: Variant, precision: Precision) -> Chatterbox:
    """On the processor."""
    return Chatterbox.load(folder, variant, device=device_of("cpu"), precision=precision)


def _sound(model: Chatterbox, mel: Tensor) -> Tensor:
    """(1, N), from the same chances."""
    return torch.from_numpy(model.samples(mel, generator_for(0, 0, "source")))[None]


def _shares(logits: Tensor) -> Tensor:
    """How likely each token is."""
    return (logits / TEMPERATURE).softmax(dim=2)


def _rms(values: Tensor) -> float:
    return float(values.float().square().mean().sqrt())


def compare(folders: Callable[[Variant], Path], variants: Sequence[Variant]) -> None:
    """Both tables."""
    say(f"On {machine()}\n")
    say("| model | T3 in | logits, first | 50 steps | the last 10 | greedy token agrees | likelihood moved |")
    say("|---|---|---|---|---|---|---|")
    for variant in variants:
        compare_t3(folders(variant), variant)
    say("\n| flow and vocoder in | mel | of it in dB | samples of the flow's mel | of a smooth one |")
    say("|---|---|---|---|---|")
    compare_sound(folders(variants[0]), variants[0])


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=Path, help="folder with both models; else random weights are made")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    variants = [TURBO, NANO]
    with torch.inference_mode():
        if given.models is not None:
            compare(lambda variant: given.models / variant.model, variants)
            return
        from tests.chatterbox import (
            conftest,  # noqa: F401 - makes the package importable
            official,
        )

        with tempfile.TemporaryDirectory() as folder:
            made = official.write_models(Path(folder), variants)
            compare(lambda variant: made[variant.model], variants)


if __name__ == "__main__":
    main()
