"""Native Chatterbox beside the published package, stage by stage, in turns, on random weights of true size.

Each stage is run A B A B; the ratio is the median of the pairs. The package's own requirements are those of
the tests (`make .venv/.dev`). Writes 3 GB of random weights into a temporary folder first.

    python benchmarks/native_chatterbox.py --rounds 5
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from tts_hub_chatterbox.files.variants import TURBO, Variant
from tts_hub_chatterbox.model import Chatterbox
from tts_hub_chatterbox.nets.kv_cache import KVCache
from tts_hub_chatterbox.seeds import generator_for
from tts_hub_chatterbox.voices.conditioning import Conditioning
from tts_hub_chatterbox.voices.reference import read_reference

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.chatterbox import conftest  # noqa: F401, I001 - makes the package importable, so it comes first
from tests import speechlike
from tests.chatterbox import official
from tests.chatterbox.test_whole import our_conditioning, reference_of

STEPS = 25
"""Speech tokens of T3: one second."""
TOKENS = 100
"""Speech tokens of the flow and the vocoder: four seconds."""
Work = Callable[[], object]


def stages(ours: Chatterbox, theirs: Any, clip: Path) -> Iterator[tuple[str, Work, Work]]:
    """Name, ours, theirs."""
    voice = our_conditioning(theirs)
    text, tokens = torch.randint(0, 50_000, (1, 40)), torch.randint(0, 6_561, (1, TOKENS))
    mel = torch.randn(1, 80, 2 * TOKENS) - 4
    yield (
        "clip to voice",
        lambda: ours.compute_conditioning(read_reference(clip.read_bytes())),
        lambda: theirs.prepare_conditionals(clip),
    )
    yield (
        f"T3, prefill and {STEPS} tokens",
        lambda: decode(ours, voice, text),
        lambda: theirs.t3.inference_turbo(theirs.conds.t3, text, max_gen_len=STEPS - 1),
    )
    noise = torch.randn(1, 80, 2 * (voice.flow_prompt.shape[1] + TOKENS))
    yield (
        "flow, 4 s",
        lambda: ours.flow(tokens, voice.flow_prompt, voice.flow_mel, voice.xvector, noise),
        lambda: theirs.s3gen.flow_inference(
            tokens, ref_dict=theirs.conds.gen, n_cfm_timesteps=2, finalize=True
        ),
    )
    source = ours.vocoder.source
    chance = generator_for(0, 0, "source")
    phases, hiss = source.draw_phases(chance), source.draw_noise(mel.shape[2], chance)
    yield (
        "vocoder, 4 s",
        lambda: ours.vocoder(mel, phases, hiss),
        lambda: theirs.s3gen.hift_inference(mel, None),
    )


def decode(ours: Chatterbox, voice: Conditioning, text: torch.Tensor) -> None:
    """Prefill and steps without sampling, which is under 1 % of it."""
    cache = KVCache.empty(ours.t3.config.backbone, capacity=1_000)
    logits = ours.t3.prefill(voice.speaker, voice.t3_prompt, text, cache)
    for _ in range(STEPS - 1):
        logits = ours.t3.step(logits.argmax(dim=1), cache)


def seconds(work: Work) -> float:
    """One run."""
    began = time.perf_counter()
    with torch.inference_mode():
        work()
    return time.perf_counter() - began


def compare(folder: Path, variant: Variant, rounds: int) -> None:
    """Print a row for each stage."""
    began = time.perf_counter()
    ours = Chatterbox.load(folder, variant, device=torch.device("cpu"))
    say(f"{variant.model} loaded in {time.perf_counter() - began:.1f} s, {torch.get_num_threads()} threads")
    theirs = reference_of(folder, variant)
    clip = folder / "clip.wav"
    clip.write_bytes(speechlike.speechlike_wav(10.0, 24_000))
    theirs.prepare_conditionals(clip)
    for name, our_work, their_work in stages(ours, theirs, clip):
        seconds(our_work), seconds(their_work)  # warm
        pairs = [(seconds(our_work), seconds(their_work)) for _ in range(rounds)]
        mine, other = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(a / b for a, b in pairs)
        say(f"| {name} | {mine:.2f} s | {other:.2f} s | {ratio:.2f} |")


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--models", type=Path, help="folder with chatterbox-turbo; else random weights are made"
    )
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if given.models is not None:
        compare(given.models / TURBO.model, TURBO, given.rounds)
        return
    with tempfile.TemporaryDirectory() as folder:
        folders = official.write_models(Path(folder), [TURBO])
        compare(folders[TURBO.model], TURBO, given.rounds)


if __name__ == "__main__":
    main()
