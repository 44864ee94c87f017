"""Filtering and drawing, beside the logits processors that the published package uses."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor
from transformers.generation.logits_process import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)
from tts_hub_chatterbox.t3.sampling import SamplingOptions, sample

from tts_hub.errors import GenerationError, UnsupportedOptionError

VOCABULARY = 6563
START = 6561
DEFAULTS = SamplingOptions()
PLAIN = SamplingOptions(temperature=1.0, top_k=VOCABULARY, top_p=1.0, repetition_penalty=1.0)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def logits_of(seed: int, steps: int, *, spread: float = 4.0) -> Tensor:
    return spread * torch.randn(steps, VOCABULARY, generator=seeded(seed))


def reference_tokens(logits: Tensor, options: SamplingOptions, seed: int) -> list[int]:
    """Tokens as `inference_turbo` samples them: the first one's history is the start, then what was said."""
    processors = LogitsProcessorList()
    if options.temperature != 1.0:
        processors.append(TemperatureLogitsWarper(options.temperature))
    processors.append(TopKLogitsWarper(options.top_k))
    if options.top_p < 1.0:
        processors.append(TopPLogitsWarper(options.top_p))
    if options.repetition_penalty != 1.0:
        processors.append(RepetitionPenaltyLogitsProcessor(options.repetition_penalty))
    generator, tokens = seeded(seed), list[int]()
    for row in logits:
        history = torch.tensor([tokens or [START]])
        probabilities = processors(history, row[None].clone()).softmax(dim=-1)  # type: ignore[arg-type]
        tokens.append(int(torch.multinomial(probabilities, 1, generator=generator)))
    return tokens


def our_tokens(logits: Tensor, options: SamplingOptions, seed: int) -> list[int]:
    generator, said = seeded(seed), torch.zeros(1, VOCABULARY, dtype=torch.bool)
    return [int(sample(row[None], said, [options], [generator])) for row in logits]


@pytest.mark.parametrize("spread", [0.5, 4.0, 12.0])
@pytest.mark.parametrize(
    "options",
    [
        DEFAULTS,
        PLAIN,
        SamplingOptions(top_k=1),
        SamplingOptions(top_k=3, top_p=0.5),
        SamplingOptions(top_k=10_000),
        SamplingOptions(top_p=0.01),
        SamplingOptions(top_p=1.0),
        SamplingOptions(temperature=0.05),
        SamplingOptions(temperature=5.0),
        SamplingOptions(repetition_penalty=2.0),
        SamplingOptions(repetition_penalty=1.0),
    ],
    ids=str,
)
def test_tokens_are_those_of_the_reference(options: SamplingOptions, spread: float) -> None:
    logits = logits_of(1, 40, spread=spread)
    assert our_tokens(logits, options, seed=2) == reference_tokens(logits, options, seed=2)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_start_token_counts_as_said_for_the_first_token_alone(sign: float) -> None:
    """Start and stop are among few candidates of nearly one likelihood, so that the penalty decides."""
    logits = sign * 6 + 0.3 * logits_of(3, 3, spread=1.0)
    logits[:, 4:] -= 100
    logits[:, START] = sign * 6.1
    logits[:, START + 1] = sign * 6.2
    options = SamplingOptions(top_p=1.0, repetition_penalty=1.2)
    for seed in range(100):
        assert our_tokens(logits, options, seed) == reference_tokens(logits, options, seed)


def test_said_tokens_become_less_likely() -> None:
    logits = torch.full((1, VOCABULARY), -50.0)
    logits[:, :2] = 8.0
    said = torch.zeros(1, VOCABULARY, dtype=torch.bool)
    said[:, 0] = True
    options, generator = SamplingOptions(repetition_penalty=2.0), seeded(0)
    drawn = [int(sample(logits, said.clone(), [options], [generator])) for _ in range(200)]
    assert drawn.count(1) > 190


def test_what_is_drawn_is_added_to_what_was_said() -> None:
    logits, said = logits_of(0, 2), torch.zeros(2, VOCABULARY, dtype=torch.bool)
    kept = logits.clone()
    tokens = sample(logits, said, [DEFAULTS, PLAIN], [seeded(0), seeded(1)])
    assert said.nonzero().tolist() == [[0, int(tokens[0])], [1, int(tokens[1])]]
    assert torch.equal(logits, kept)


def test_rows_have_their_own_options_history_and_generator() -> None:
    options: Sequence[SamplingOptions] = [
        DEFAULTS,
        PLAIN,
        SamplingOptions(top_k=2),
        SamplingOptions(top_p=0.3),
    ]
    logits = [logits_of(10 + row, 20) for row in range(4)]
    said, generators = torch.zeros(4, VOCABULARY, dtype=torch.bool), [seeded(row) for row in range(4)]
    together = [sample(torch.stack(step), said, options, generators) for step in zip(*logits, strict=True)]
    alone = [our_tokens(logits[row], options[row], seed=row) for row in range(4)]
    assert torch.stack(together, dim=1).tolist() == alone


def test_the_global_generator_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    our_tokens(logits_of(0, 3), DEFAULTS, seed=0)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_logits_that_are_no_numbers_are_an_error(value: float) -> None:
    logits = logits_of(0, 1)
    logits[0, 5] = value
    with pytest.raises(GenerationError, match="no finite logits"):
        sample(logits, torch.zeros(1, VOCABULARY, dtype=torch.bool), [DEFAULTS], [seeded(0)])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 0.0),
        ("temperature", -1.0),
        ("temperature", torch.nan),
        ("temperature", torch.inf),
        ("top_k", 0),
        ("top_p", 0.0),
        ("top_p", 1.01),
        ("top_p", torch.nan),
        ("repetition_penalty", 0.0),
        ("repetition_penalty", torch.inf),
    ],
)
def test_options_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(UnsupportedOptionError, match=name) as caught:
        SamplingOptions(**{name: value})  # type: ignore[arg-type]
    assert caught.value.param == f"options.{name}"
