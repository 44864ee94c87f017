"""The watermark: equal to the published package's, also piece by piece, and never silently missing."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import perth
import pytest
import torch
from perth.perth_net.perth_net_implicit.config import default_hp
from perth.perth_net.perth_net_implicit.model.perth_net import PerthNet
from tts_hub_chatterbox.nets.perth import Perth, PerthConfig
from tts_hub_chatterbox.render import watermark
from tts_hub_chatterbox.render.watermark import Samples, Watermarker

from tests.chatterbox.parity import Record, assert_close
from tests.chatterbox.random_weights import fill_randomly
from tests.speechlike import speechlike
from tts_hub.errors import BackendUnavailableError, install_command

RATES = [16_000, 22_050, 24_000, 32_000, 44_100, 48_000]


@pytest.fixture(scope="module")
def ours() -> Watermarker:
    return Watermarker.load()


@pytest.fixture(scope="module")
def reference() -> Any:
    return perth.PerthImplicitWatermarker()


def reference_apply(reference: Any, samples: Samples, sample_rate: int) -> Samples:
    with torch.no_grad():
        marked: Samples = reference.apply_watermark(samples, sample_rate=sample_rate)
    return marked


def reference_confidence(reference: Any, samples: Samples, sample_rate: int) -> float:
    with torch.no_grad():
        return float(reference.get_watermark(samples, sample_rate=sample_rate, round=False))


def difference(ours: Samples, theirs: Samples, record: Record) -> float:
    error = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    record("relative_error", error)
    return error


@pytest.mark.parametrize("sample_rate", RATES)
def test_marks_as_the_reference(
    ours: Watermarker, reference: Any, sample_rate: int, record_property: Record
) -> None:
    samples = speechlike(1.517, sample_rate, seed=1)
    theirs = reference_apply(reference, samples, sample_rate)
    marked = ours.apply(samples, sample_rate)
    assert marked.shape == samples.shape
    assert marked.dtype == np.float32
    # Theirs ends up to a hop earlier, and its last milliseconds are resampled without what follows.
    same = len(theirs) - sample_rate // 100
    assert difference(marked[:same], theirs[:same], record_property) < 1e-4


@pytest.mark.parametrize("sample_rate", [16_000, 24_000, 44_100])
def test_is_as_sure_as_the_reference(
    ours: Watermarker, reference: Any, sample_rate: int, record_property: Record
) -> None:
    clean = speechlike(1.5, sample_rate, seed=2)
    marked = ours.apply(clean, sample_rate)
    for samples in (clean, marked):
        theirs = reference_confidence(reference, samples, sample_rate)
        record_property("difference", abs(ours.confidence(samples, sample_rate) - theirs))
        assert ours.confidence(samples, sample_rate) == pytest.approx(theirs, abs=1e-3)
    assert ours.confidence(marked, sample_rate) > 0.99
    assert ours.confidence(clean, sample_rate) < 0.1


@pytest.fixture(scope="module")
def random_nets() -> tuple[Perth, Any]:
    """Trained, one of the detector's three paces says it all; random, all do."""
    reference = PerthNet(default_hp).eval().requires_grad_(requires_grad=False)
    fill_randomly(reference.encoder, 1)
    fill_randomly(reference.decoder, 2)
    net = Perth(PerthConfig()).requires_grad_(requires_grad=False)
    net.load_state_dict(watermark._rename_tensors(reference.state_dict()))
    return net, reference


def fading_noise() -> torch.Tensor:
    """Down to nothing, through the level that counts as silence."""
    noise = torch.randn(40_000, generator=torch.Generator().manual_seed(3))
    return 0.3 * noise * torch.logspace(0, -13, 40_000)


def test_random_detector_is_the_reference(random_nets: tuple[Perth, Any], record_property: Record) -> None:
    net, reference = random_nets
    samples = fading_noise()
    levels, _ = reference.ap.signal_to_magphase(samples)
    assert_close(net.detect(samples[None]), reference.decoder(levels[None]), record_property)


def test_random_change_of_levels_is_the_reference(
    random_nets: tuple[Perth, Any], record_property: Record
) -> None:
    net, reference = random_nets
    levels, _ = reference.ap.signal_to_magphase(fading_noise())
    changed, sounding = reference.encoder(levels[None])
    assert 0.1 < sounding.mean() < 0.95
    bins = net.config.bins
    change = net.encoder(levels[None, :bins]) * net._sounding(levels[None])
    assert_close(change, (changed - levels)[:, :bins], record_property)


def test_reference_finds_our_mark(ours: Watermarker, reference: Any) -> None:
    marked = ours.apply(speechlike(1.0, 24_000, seed=3), 24_000)
    assert reference_confidence(reference, marked, 24_000) > 0.99


def test_each_second_is_known_on_its_own(ours: Watermarker) -> None:
    marked = ours.apply(speechlike(3.0, 24_000, seed=4), 24_000)
    for start in range(0, len(marked), 24_000):
        assert ours.confidence(marked[start : start + 24_000], 24_000) > 0.9


def test_the_end_is_marked_too_and_joins_without_a_step(ours: Watermarker) -> None:
    hum = (0.3 * np.sin(2 * np.pi * 200 * np.arange(24_000 + 239) / 24_000)).astype(np.float32)
    marked = ours.apply(hum, 24_000)
    assert len(marked) == len(hum)
    assert np.abs(np.diff(marked[-300:])).max() < 1.5 * np.abs(np.diff(marked)).max()
    assert np.abs(marked[-240:]).max() > 0.1


@pytest.mark.parametrize("length", [0, 1, 10, 500, 800, 2000])
def test_short_pieces_keep_their_length(ours: Watermarker, length: int) -> None:
    samples = speechlike(1.0, 24_000, seed=5)[6000 : 6000 + length]
    marked = ours.apply(samples, 24_000)
    assert marked.shape == (length,)
    assert np.isfinite(marked).all()


def test_silence_stays_silent_and_is_not_marked(ours: Watermarker) -> None:
    marked = ours.apply(np.zeros(12_000, np.float32), 24_000)
    assert np.abs(marked).max() < 1e-6
    assert ours.confidence(marked, 24_000) == 0.0
    assert ours.confidence(marked[:0], 24_000) == 0.0


@pytest.mark.parametrize("piece", [0.11, 0.5, 2.0])
@pytest.mark.parametrize("sample_rate", [22_050, 24_000])
def test_stream_of_pieces_is_the_whole(
    ours: Watermarker, sample_rate: int, piece: float, record_property: Record
) -> None:
    samples = speechlike(2.333, sample_rate, seed=6)
    stream, step = ours.stream(sample_rate), int(piece * sample_rate)
    marked = [stream.push(samples[start : start + step]) for start in range(0, len(samples), step)]
    marked.append(stream.finish())
    assert difference(np.concatenate(marked), ours.apply(samples, sample_rate), record_property) < 1e-4


def test_stream_is_160_ms_behind(ours: Watermarker) -> None:
    stream, samples = ours.stream(24_000), speechlike(1.0, 24_000, seed=7)
    assert stream.needed(6_000) == 9_840
    assert len(stream.push(samples[:3_840])) == 0
    assert len(stream.push(samples[3_840:9_840])) == 6_000
    assert len(stream.push(samples[9_840:9_940])) == 0
    assert len(stream.finish()) == 3_940
    assert len(stream.finish()) == 0


def test_stream_of_one_piece_is_exactly_the_whole(ours: Watermarker) -> None:
    samples = speechlike(1.1, 24_000, seed=8)
    assert np.array_equal(ours.stream(24_000).finish(samples), ours.apply(samples, 24_000))


def test_stream_without_samples_gives_none(ours: Watermarker) -> None:
    stream = ours.stream(24_000)
    assert len(stream.push(np.zeros(0, np.float32))) == 0
    assert len(stream.finish()) == 0


def test_missing_package_is_reported_with_its_remedy() -> None:
    with (
        patch.object(watermark, "distribution", side_effect=PackageNotFoundError("resemble-perth")),
        pytest.raises(BackendUnavailableError, match="resemble-perth is missing") as caught,
    ):
        Watermarker.load()
    assert caught.value.remedy == install_command("chatterbox")


def saved(file: Path, content: object) -> Path:
    torch.save(content, file)
    return file


class Trap:
    """A pickle that runs code when it is loaded carelessly."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path("trapped"),))


@pytest.mark.parametrize("fault", ["absent", "empty", "text", "cut", "surplus", "other", "code"])
def test_damaged_weights_are_reported_with_their_remedy(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "perth.pth.tar"
    genuine = watermark._weights_file().read_bytes()
    match fault:
        case "empty":
            file.write_bytes(b"")
        case "text":
            file.write_text("no weights")
        case "cut":
            file.write_bytes(genuine[: len(genuine) // 2])
        case "surplus":
            weights = torch.load(watermark._weights_file(), map_location="cpu", weights_only=True)["model"]
            saved(file, {"model": weights | {"encoder.more": torch.zeros(1)}})
        case "other":
            saved(file, {"something": 1})
        case "code":
            saved(file, {"model": Trap()})
    monkeypatch.setattr(watermark, "_weights_file", lambda: file)
    with pytest.raises(BackendUnavailableError, match="cannot watermark") as caught:
        Watermarker.load()
    assert ".[chatterbox]" in caught.value.remedy
    assert not (tmp_path / "trapped").exists()
