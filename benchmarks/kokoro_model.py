"""Kokoro-82M's real architecture with random weights, exported as the project's ONNX release is laid out.

Writes `kokoro-v1.0.onnx` (325 MB) and `voices-v1.0.bin` (28 MB, the names of the 54 official voices) into a
folder. What it speaks is noise, at about 3 frames of 25 ms a token whatever the text, but its size, cost,
inputs, outputs and metadata are like those of the published files. The same files come each time. It wants
the architecture's own code, without what that package needs for its texts:

    pip install --no-deps kokoro==0.9.4
    pip install torch "transformers>=4.40" loguru attrs onnx onnxruntime kokoro-onnx
    python benchmarks/kokoro_model.py FOLDER

Where torchaudio is installed, it must be one that fits torch, since transformers imports it.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import math
import sys
import tempfile
import time
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch

MODEL = "kokoro-v1.0.onnx"
VOICES = "voices-v1.0.bin"
CONFIG_KEY = "kokoro_config"
"""Metadata of the published files under which their configuration lies, as JSON."""
SPEAKERS = {
    "af": "heart alloy aoede bella jessica kore nicole nova river sarah sky",
    "am": "adam echo eric fenrir liam michael onyx puck santa",
    "bf": "alice emma isabella lily",
    "bm": "daniel fable george lewis",
    "ef": "dora",
    "em": "alex santa",
    "ff": "siwis",
    "hf": "alpha beta",
    "hm": "omega psi",
    "if": "sara",
    "im": "nicola",
    "jf": "alpha gongitsune nezumi tebukuro",
    "jm": "kumo",
    "pf": "dora",
    "pm": "alex santa",
    "zf": "xiaobei xiaoni xiaoxiao xiaoyi",
    "zm": "yunjian yunxi yunxia yunyang",
}
"""Language and gender -> the official voices."""
NAMES = tuple(f"{kind}_{name}" for kind, names in SPEAKERS.items() for name in names.split())
STYLES = (510, 1, 256)
"""Shape of a voice: one style for each number of phonemes."""
STYLE_SCALE = 0.1
SEED = 82
OPSET = 17
SYMBOLS = 178
"""A token is less than this."""
DURATION_BIAS = -2.75
"""With it each of the 50 sigmoids gives 0.06, which makes 3 frames a token."""
DURATION_SCALE = 0.1
"""Scale of the weights, so that the durations stay near that."""
PEAK = 0.3
"""Peak of the loudest try."""
BINS = 11
"""How many channels of the last layer are the logarithm of a magnitude."""
FRAME = 600
"""Samples of a unit of duration."""
RATE = 24_000
COUNTS = (1, 5, 20, 80, 200, 510)
"""Tokens without the two at the ends."""
SPEEDS = (0.5, 0.8, 1.0, 1.25, 2.0)
TRIES = 5
Floats = npt.NDArray[np.float32]


def architecture() -> Any:
    """The module `kokoro.model`, without the package's `__init__`, which wants a phonemizer."""
    spec = importlib.util.find_spec("kokoro")
    if spec is None or spec.submodule_search_locations is None:
        raise SystemExit("needs the architecture: pip install --no-deps kokoro==0.9.4")
    package = types.ModuleType("kokoro")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["kokoro"] = package
    return importlib.import_module("kokoro.model")


def configuration() -> dict[str, Any]:
    """The official one, which kokoro-onnx carries."""
    spec = importlib.util.find_spec("kokoro_onnx")
    if spec is None or spec.origin is None:
        raise SystemExit("needs the configuration: pip install kokoro-onnx")
    found: dict[str, Any] = json.loads(Path(spec.origin).with_name("config.json").read_text(encoding="utf-8"))
    return found


def random_model(config: dict[str, Any]) -> torch.nn.Module:
    """The net with the weights of its initialisation, about 3 frames a token, and a peak of about `PEAK`."""
    module = architecture()
    torch.manual_seed(SEED)
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.pth"
        torch.save({}, empty)
        net = module.KModel(repo_id="random", config=config, model=str(empty), disable_complex=True)
    model: torch.nn.Module = module.KModelForONNX(net).eval()
    with torch.no_grad():
        durations = net.predictor.duration_proj.linear_layer
        durations.weight.mul_(DURATION_SCALE)
        durations.bias.fill_(DURATION_BIAS)
        _level(model, net.decoder.generator.conv_post)
    return model


def _level(model: torch.nn.Module, last: Any) -> None:
    """Make the loudest of some tries as loud as `PEAK`: the last layer gives logarithms of magnitudes."""
    peak = 0.0
    for count in COUNTS[1:-1]:
        waveform, _ = model(*_example(count))
        peak = max(peak, float(waveform.abs().max()))
    last.bias[:BINS] += math.log(PEAK / peak)


def _example(count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    ids = torch.randint(1, SYMBOLS, (1, count + 2))
    ids[0, 0] = ids[0, -1] = 0
    return ids, torch.randn(1, STYLES[-1]) * STYLE_SCALE, torch.ones(1)


def export(model: torch.nn.Module, config: dict[str, Any], path: Path) -> None:
    """Write the graph with the names and the metadata of the published one."""
    torch.onnx.export(
        model,
        _example(48),
        str(path),
        input_names=["input_ids", "style", "speed"],
        output_names=["waveform", "duration"],
        dynamic_axes={
            "input_ids": {1: "input_ids_len"},
            "waveform": {0: "num_samples"},
            "duration": {0: "input_ids_len"},
        },
        opset_version=OPSET,
        do_constant_folding=True,
        dynamo=False,
    )
    graph = onnx.load(path)
    onnx.helper.set_model_props(graph, {CONFIG_KEY: json.dumps(config)})
    onnx.save(graph, path)


def write_voices(path: Path) -> None:
    """Random styles for the official names."""
    numbers = np.random.default_rng(SEED)
    voices: dict[str, Any] = {
        name: numbers.standard_normal(STYLES, dtype=np.float32) * np.float32(STYLE_SCALE) for name in NAMES
    }
    with path.open("wb") as file:
        np.savez(file, **voices)


def verify(folder: Path) -> None:
    """Speak some lengths at some speeds, and print what came; ends with an error where it is not right."""
    began = time.perf_counter()
    session = onnxruntime.InferenceSession(str(folder / MODEL), providers=["CPUExecutionProvider"])
    loaded = time.perf_counter() - began
    with np.load(folder / VOICES) as voices:
        _require(tuple(voices) == NAMES, "names of the voices")
        voice: Floats = voices[NAMES[0]]
    _require("vocab" in json.loads(session.get_modelmeta().custom_metadata_map[CONFIG_KEY]), "vocabulary")
    _say(f"{(folder / MODEL).stat().st_size / 1e6:.1f} MB, loaded in {loaded:.2f} s, {len(NAMES)} voices")
    for count in COUNTS:
        for speed in SPEEDS if count < COUNTS[-1] else SPEEDS[2:3]:
            _say(_verified(session, voice, count, speed))


def _verified(session: onnxruntime.InferenceSession, voice: Floats, count: int, speed: float) -> str:
    ids = np.random.default_rng(count).integers(1, SYMBOLS, (1, count + 2), dtype=np.int64)
    ids[0, [0, -1]] = 0
    feeds = {"input_ids": ids, "style": voice[count - 1], "speed": np.array([speed], np.float32)}
    times = []
    for _ in range(TRIES if count <= COUNTS[2] else 1):
        began = time.perf_counter()
        waveform, duration = session.run(["waveform", "duration"], feeds)
        times.append(time.perf_counter() - began)
        _check(waveform, duration, count)
    seconds = waveform.size / RATE
    return (
        f"{count:3} tokens at speed {speed:4}: {seconds:6.2f} s of audio in {min(times):6.2f} s, "
        f"real-time factor {min(times) / seconds:.2f}, {duration.sum() / duration.size:.2f} frames a token, "
        f"peak {np.abs(waveform).max():.2f}, rms {np.sqrt(np.square(waveform).mean()):.3f}"
    )


def _check(waveform: Floats, duration: npt.NDArray[np.int64], count: int) -> None:
    _require(waveform.dtype == np.float32 and duration.dtype == np.int64, "types of the outputs")
    _require(duration.shape == (count + 2,), "a duration for each token")
    _require(waveform.shape == (FRAME * int(duration.sum()),), f"{FRAME} samples for each unit of duration")
    _require(bool(np.isfinite(waveform).all()), "finite samples")
    _require(0.1 * PEAK < float(np.abs(waveform).max()) <= 1, "samples neither silent nor clipped")


def _require(right: bool, what: str) -> None:
    if not right:
        raise SystemExit(f"the model is not right: {what}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def write(folder: Path) -> None:
    """The model and its voices."""
    folder.mkdir(parents=True, exist_ok=True)
    config = configuration()
    export(random_model(config), config, folder / MODEL)
    write_voices(folder / VOICES)


def main() -> None:
    """Read the arguments, write and verify."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    warnings.simplefilter("ignore")
    write(folder)
    verify(folder)


if __name__ == "__main__":
    main()
