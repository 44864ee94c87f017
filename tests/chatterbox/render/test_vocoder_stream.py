"""A mel in pieces, vocoded with as much in front of each as makes few lengths of them."""

from __future__ import annotations

from unittest.mock import patch

import pytest
import torch
from torch import Tensor
from tts_hub_chatterbox.nets.vocoder import Vocoder
from tts_hub_chatterbox.render.vocoder_stream import VocoderStream
from tts_hub_chatterbox.seeds import generator_for

from tests.chatterbox.parity import relative_error
from tests.chatterbox.small_nets import small_nets

PIECES = (60, 41, 33, 90, 7)


@pytest.fixture(scope="module")
def vocoder() -> Vocoder:
    return small_nets().vocoder


@torch.inference_mode()
def streamed(vocoder: Vocoder, pieces: tuple[int, ...], rounded_to: int) -> tuple[Tensor, list[int]]:
    """Samples, and how many frames each call of the vocoder got."""
    mel = torch.randn(1, 80, sum(PIECES), generator=torch.Generator().manual_seed(2)) - 4
    stream = VocoderStream(vocoder, generator_for(1, 0, "source"), torch.device("cpu"), rounded_to)
    lengths = []
    plain = vocoder.decode

    def decode(mel: Tensor, source: Tensor, wanted: range) -> Tensor:
        lengths.append(mel.shape[2])
        return plain(mel, source, wanted)

    with patch.object(Vocoder, "decode", side_effect=decode):
        parts = [
            stream.push(part, final=index == len(pieces) - 1)
            for index, part in enumerate(torch.split(mel, list(pieces), dim=2))
        ]
    return torch.cat(parts), lengths


@pytest.mark.parametrize("rounded_to", [1, 16, 50])
def test_pieces_sound_as_all_at_once(vocoder: Vocoder, rounded_to: int) -> None:
    samples, _ = streamed(vocoder, PIECES, rounded_to)
    whole, _ = streamed(vocoder, (sum(PIECES),), 1)
    assert relative_error(samples, whole) < 1e-3


def test_what_is_vocoded_has_few_lengths(vocoder: Vocoder) -> None:
    _, lengths = streamed(vocoder, PIECES, 16)
    assert all(length % 16 == 0 for length in lengths[1:])
    _, as_needed = streamed(vocoder, PIECES, 1)
    assert all(length - needed < 16 for length, needed in zip(lengths, as_needed, strict=True))
