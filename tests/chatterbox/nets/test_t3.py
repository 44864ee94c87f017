"""T3 beside the published package's at full size; caches and batches on tiny nets."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from chatterbox.models.t3 import T3 as ReferenceT3
from chatterbox.models.t3.llama_configs import LLAMA_CONFIGS
from chatterbox.models.t3.modules.cond_enc import T3Cond
from chatterbox.models.t3.modules.t3_config import T3Config as ReferenceConfig
from safetensors.torch import load_file, save_file
from torch import Tensor
from tts_hub_chatterbox.files import layouts
from tts_hub_chatterbox.files.weights import load_net
from tts_hub_chatterbox.nets.gpt2_config import GPT2Config
from tts_hub_chatterbox.nets.kv_cache import KVCache
from tts_hub_chatterbox.nets.t3 import NANO, STOP_SPEECH, T3, TURBO, T3Config
from tts_hub_chatterbox.t3.sampling import SamplingOptions, sample

from tests.chatterbox.random_weights import fill_randomly
from tts_hub.errors import GenerationError

TOLERANCE = 1e-5
"""Ten times stricter than promised, so that a slightly wrong constant shows."""
STEPS = 50
PROMPT = 375
TINY = T3Config(
    backbone=GPT2Config(layers=3, width=32, heads=4, context=64),
    text_vocabulary=30,
    speech_vocabulary=6563,
    speaker_width=8,
)
SMALL_IN_THE_PACKAGE = {
    "GPT2_small": LLAMA_CONFIGS["GPT2_medium"]
    | {"n_embd": 768, "hidden_size": 768, "n_head": 12, "n_layer": 12}
}
Record = Callable[[str, object], None]


@dataclass(frozen=True)
class Pair:
    """The published net and ours with the same weights, and something to say."""

    reference: ReferenceT3
    ours: T3
    speaker: Tensor
    prompt: Tensor
    text: Tensor

    def said_by_reference(self, **options: float) -> tuple[list[int], list[Tensor]]:
        """The reference's tokens, and the logits from which they were drawn."""
        logits: list[Tensor] = []
        hook = self.reference.speech_head.register_forward_hook(
            lambda _net, _in, out: logits.append(out[:, -1])
        )
        condition = T3Cond(speaker_emb=self.speaker, cond_prompt_speech_tokens=self.prompt)
        with patch("chatterbox.models.t3.t3.tqdm", iter):
            tokens = self.reference.inference_turbo(condition, self.text, max_gen_len=STEPS - 1, **options)
        hook.remove()
        return tokens[0].tolist(), logits

    def said_by_ours(self, options: SamplingOptions, seed: int) -> tuple[list[int], list[Tensor]]:
        cache = KVCache.empty(self.ours.config.backbone, capacity=PROMPT + 100)
        said = torch.zeros(1, self.ours.config.speech_vocabulary, dtype=torch.bool)
        generator = torch.Generator().manual_seed(seed)
        logits = [self.ours.prefill(self.speaker, self.prompt, self.text, cache)]
        tokens = [sample(logits[0], said, [options], [generator])]
        while len(tokens) < STEPS:
            logits.append(self.ours.step(tokens[-1], cache))
            tokens.append(sample(logits[-1], said, [options], [generator]))
        return [int(token) for token in tokens], logits


def random_ids(shape: tuple[int, ...], below: int, seed: int) -> Tensor:
    return torch.randint(below, shape, generator=torch.Generator().manual_seed(seed))


def random_vector(width: int, seed: int) -> Tensor:
    """A vector of length 1 without negative numbers, like the voice encoder's."""
    vector = torch.randn(1, width, generator=torch.Generator().manual_seed(seed)).relu()
    return torch.nn.functional.normalize(vector)


def published(name: str) -> ReferenceT3:
    config = ReferenceConfig(text_tokens_dict_size=50276)
    config.llama_config_name = name
    config.speech_tokens_dict_size = 6563
    config.input_pos_emb = None
    config.speech_cond_prompt_len = PROMPT
    config.use_perceiver_resampler = False
    config.emotion_adv = False
    return ReferenceT3(config).eval()


def made_pair(name: str, config: T3Config, file: Path) -> Pair:
    """Both nets share the memory of the file as far as they can."""
    reference = published(name)
    fill_randomly(reference, seed=1)
    with torch.no_grad():  # so that what is said and read matters, and some tokens are likelier than others
        for weight in (reference.speech_emb.weight, reference.text_emb.weight):
            weight.mul_(weight.shape[1] ** 0.5)
        reference.speech_head.weight.mul_(3)
    save_file(reference.state_dict(), file)
    reference.load_state_dict(load_file(file), assign=True)
    with torch.device("meta"):
        ours = T3(config)
    load_net(ours, file, layouts.T3)
    return Pair(
        reference=reference,
        ours=ours,
        speaker=random_vector(256, seed=2),
        prompt=random_ids((1, PROMPT), 6561, seed=3),
        text=random_ids((1, 40), 50276, seed=4),
    )


@pytest.fixture(scope="module", params=["turbo", "nano"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    name, config = ("GPT2_medium", TURBO) if request.param == "turbo" else ("GPT2_small", NANO)
    file = tmp_path_factory.mktemp("weights") / "t3.safetensors"
    with patch.dict(LLAMA_CONFIGS, SMALL_IN_THE_PACKAGE):
        made = made_pair(name, config, file)
    file.unlink()  # stays mapped
    yield made
    del made
    gc.collect()


def error(ours: Tensor, reference: Tensor) -> float:
    assert ours.shape == reference.shape
    return float((ours - reference).abs().max() / reference.abs().max())


@pytest.mark.parametrize(
    "options",
    [SamplingOptions(top_k=1), SamplingOptions()],
    ids=["greedy", "seeded"],
)
def test_t3_says_what_the_published_one_says(
    pair: Pair, options: SamplingOptions, record_property: Record
) -> None:
    torch.manual_seed(5)
    reference, reference_logits = pair.said_by_reference(
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        repetition_penalty=options.repetition_penalty,
    )
    ours, our_logits = pair.said_by_ours(options, seed=5)
    errors = [error(*logits) for logits in zip(our_logits, reference_logits, strict=True)]
    record_property("prefill_error", errors[0])
    record_property("step_error", max(errors[1:]))
    assert ours == reference
    assert STOP_SPEECH not in reference
    assert len(set(reference)) > 5
    assert max(errors) < TOLERANCE


def test_two_voices_in_one_batch_say_what_each_says_alone(pair: Pair, record_property: Record) -> None:
    net, config = pair.ours, pair.ours.config.backbone
    voices = [
        (random_vector(256, seed=row), random_ids((1, 30 + 20 * row), 6561, seed=row)) for row in range(2)
    ]
    texts = [random_ids((1, 9 + 4 * row), 50276, seed=row) for row in range(2)]
    speech = random_ids((8, 2), 6561, seed=9)
    both, errors = KVCache.empty(config, batch=2, capacity=100), []
    for row, ((speaker, prompt), text) in enumerate(zip(voices, texts, strict=True)):
        net.prefill(speaker, prompt, text, both.rows(row, row + 1))
    together = [net.step(tokens, both) for tokens in speech]
    for row, ((speaker, prompt), text) in enumerate(zip(voices, texts, strict=True)):
        alone = KVCache.empty(config, capacity=100)
        net.prefill(speaker, prompt, text, alone)
        for tokens, logits in zip(speech, together, strict=True):
            errors.append(error(logits[row : row + 1], net.step(tokens[row : row + 1], alone)))
    record_property("batch_error", max(errors))
    assert max(errors) < 1e-5


@pytest.fixture(scope="module")
def net() -> T3:
    return tiny_net()


def tiny_net() -> T3:
    net = T3(TINY)
    fill_randomly(net, seed=6)
    return net.eval().requires_grad_(requires_grad=False)


def tiny_cache(*, batch: int = 1, capacity: int | None = None, dtype: torch.dtype = torch.float32) -> KVCache:
    return KVCache.empty(TINY.backbone, batch=batch, capacity=capacity, dtype=dtype)


def tiny_prefill(net: T3, cache: KVCache, *, seed: int = 0, text: int = 7) -> Tensor:
    return net.prefill(
        random_vector(8, seed), random_ids((1, 5), 6561, seed), random_ids((1, text), 30, seed), cache
    )


def speech_of(rows: int, steps: int = 6) -> Tensor:
    return random_ids((steps, rows), 6561, seed=7)


def test_a_step_is_as_if_everything_were_read_at_once(net: T3) -> None:
    cache, tokens = tiny_cache(), speech_of(1)
    tiny_prefill(net, cache)
    stepped = torch.cat([net.step(token, cache) for token in tokens])
    whole = tiny_cache()
    tiny_prefill(net, whole)
    hidden = net.backbone(net.speech_embedding(tokens.T), whole)
    torch.testing.assert_close(stepped, net.speech_head(hidden[0]))
    assert cache.lengths.tolist() == whole.lengths.tolist() == [1 + 5 + 7 + 1 + 6]


def test_rows_of_one_length_are_prefilled_in_one_go(net: T3) -> None:
    cache, rows = tiny_cache(batch=3), [tiny_cache() for _ in range(3)]
    alone = [tiny_prefill(net, row, seed=seed) for seed, row in enumerate(rows)]
    speakers, prompts, texts = (
        torch.cat(parts)
        for parts in zip(
            *(
                (random_vector(8, s), random_ids((1, 5), 6561, s), random_ids((1, 7), 30, s))
                for s in range(3)
            ),
            strict=True,
        )
    )
    torch.testing.assert_close(net.prefill(speakers, prompts, texts, cache), torch.cat(alone))
    for tokens in speech_of(3):
        stepped = torch.cat([net.step(token[None], row) for token, row in zip(tokens, rows, strict=True)])
        torch.testing.assert_close(net.step(tokens, cache), stepped)


def test_a_voice_is_read_once_for_many_texts(net: T3) -> None:
    speaker, prompt = random_vector(8, 0), random_ids((1, 5), 6561, 0)
    voice, shared = tiny_cache(capacity=10), tiny_cache(batch=2)
    net.prefill_voice(speaker, prompt, voice)
    shared.copy_from(voice)
    for row in range(2):
        text = random_ids((1, 4 + 5 * row), 30, seed=row)
        whole = net.prefill(speaker, prompt, text, tiny_cache())
        torch.testing.assert_close(net.prefill_text(text, shared.rows(row, row + 1)), whole)


def test_rows_of_different_length_can_read_more_than_one_position(net: T3) -> None:
    both, alone = tiny_cache(batch=2), [tiny_cache(), tiny_cache()]
    for row in range(2):
        tiny_prefill(net, both.rows(row, row + 1), seed=row, text=3 + 4 * row)
        tiny_prefill(net, alone[row], seed=row, text=3 + 4 * row)
    text = random_ids((2, 6), 30, seed=8)
    expected = torch.cat([net.prefill_text(text[row : row + 1], alone[row]) for row in range(2)])
    torch.testing.assert_close(net.prefill_text(text, both), expected)


def test_a_row_moves_and_its_place_is_taken(net: T3) -> None:
    cache, alone = tiny_cache(batch=3), tiny_cache()
    for row in range(3):
        tiny_prefill(net, cache.rows(row, row + 1), seed=row, text=3 + row)
    cache.rows(0, 1).copy_from(cache.rows(2, 3))
    tiny_prefill(net, alone, seed=2, text=5)
    for token in speech_of(1):
        stepped = net.step(token.expand(2), cache.rows(0, 2))
        torch.testing.assert_close(stepped[:1], net.step(token, alone))
    assert cache.lengths.tolist() == [18, 17, 12]


def test_a_cleared_cache_is_as_a_new_one(net: T3) -> None:
    cache = tiny_cache()
    first = tiny_prefill(net, cache, seed=0, text=12)
    cache.clear()
    tiny_prefill(net, cache, seed=1, text=3)
    cache.clear()
    assert torch.equal(tiny_prefill(net, cache, seed=0, text=12), first)


def test_a_row_that_went_wrong_does_not_reach_others_nor_the_next(net: T3) -> None:
    cache, alone = tiny_cache(batch=2), tiny_cache()
    net.prefill(
        torch.full((1, 8), torch.nan),
        random_ids((1, 5), 6561, 0),
        random_ids((1, 9), 30, 0),
        cache.rows(0, 1),
    )
    tiny_prefill(net, cache.rows(1, 2), seed=1)
    tiny_prefill(net, alone, seed=1)
    first, *tokens = speech_of(1)
    stepped = net.step(first.expand(2), cache)
    assert stepped[0].isnan().all()
    torch.testing.assert_close(stepped[1:], net.step(first, alone))
    cache.rows(0, 1).clear()
    tiny_prefill(net, cache.rows(0, 1), seed=2, text=2)
    for token in tokens:
        stepped = net.step(token.expand(2), cache)
        assert stepped.isfinite().all()
        torch.testing.assert_close(stepped[1:], net.step(token, alone))


def test_a_full_cache_is_an_error_and_stays_as_it_is(net: T3) -> None:
    cache = tiny_cache(capacity=15)
    tiny_prefill(net, cache)
    net.step(torch.tensor([1]), cache)
    with pytest.raises(GenerationError, match=r"16 positions .* 15"):
        net.step(torch.tensor([1]), cache)
    assert cache.lengths.tolist() == [15]


def test_a_cache_is_never_longer_than_the_context() -> None:
    assert tiny_cache().capacity == tiny_cache(capacity=1000).capacity == 64


def test_a_cache_of_half_the_precision_is_near(net: T3) -> None:
    half, full = tiny_cache(batch=2, dtype=torch.bfloat16), tiny_cache(batch=2)
    for row in range(2):
        for cache in (half, full):
            tiny_prefill(net, cache.rows(row, row + 1), seed=row, text=3 + row)
    tokens = speech_of(2)[0]
    near, exact = net.step(tokens, half), net.step(tokens, full)
    assert 0 < error(near, exact) < 0.03


def test_all_of_it_runs_in_half_precision() -> None:
    net = tiny_net()
    exact = tiny_prefill(net, tiny_cache())
    logits = tiny_prefill(net.to(torch.bfloat16), tiny_cache(dtype=torch.bfloat16))
    assert logits.dtype == torch.float32
    assert 0 < error(logits, exact) < 0.1
