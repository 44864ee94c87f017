"""Who speaks in turns in `chatterbox_speed.py`: the published package and ours, each in a process of its own.

In one process they would slow each other down: every thread that lets torch compute has helpers of its own.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from anyio.from_thread import start_blocking_portal
from tts_hub_chatterbox.device import device_of, precision_of
from tts_hub_chatterbox.files.variants import Variant
from tts_hub_chatterbox.model import Chatterbox
from tts_hub_chatterbox.nets.units import SAMPLE_RATE
from tts_hub_chatterbox.seeds import generator_for
from tts_hub_chatterbox.t3.batch import Row, T3Batch
from tts_hub_chatterbox.t3.sampling import SamplingOptions
from tts_hub_chatterbox.voices.conditioning import Conditioning

sys.path.insert(0, str(Path(__file__).parent.parent))
from tts_hub import SpeechRequest, TTSBackendManager
from tts_hub.bench.process import usage_of
from tts_hub.config import Config

TEXT_TOKENS = 40
"""Text tokens for T3 alone; rows side by side have up to 7 more."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What T3 alone took."""

    prefill_seconds: float
    """Seconds for one row, until its first token can be drawn."""
    tokens_per_second: float
    """Afterwards, of all rows together."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a text took."""

    seconds: float
    audio_seconds: float
    first_seconds: float | None
    """Until the first audio; none: there is none before the end."""

    @property
    def real_time_factor(self) -> float:
        """Seconds per second of audio."""
        return self.seconds / self.audio_seconds


class Package:
    """The published package in float32, which speaks one sentence after the other."""

    def __init__(self, folder: Path, variant: Variant, threads: int) -> None:
        warnings.simplefilter("ignore")
        from tests.chatterbox import conftest  # noqa: F401 - makes it importable, so it comes first
        from tests.chatterbox.test_whole import reference_of

        torch.set_num_threads(threads)  # the tests have set it, too
        self._model: Any = reference_of(folder, variant)
        del self._model.t3.inference_turbo  # the tests' limit; these weights come to an end

    def steps(self, rows: int, count: int) -> Steps:
        """`count` tokens of one row behind the first."""
        if rows > 1:
            raise ValueError("the package has no rows beside each other")
        moments = [time.perf_counter()]
        hook = self._model.t3.tfmr.register_forward_hook(lambda *_: moments.append(time.perf_counter()))
        text = torch.randint(0, 50_000, (1, TEXT_TOKENS))
        self._model.t3.inference_turbo(self._model.conds.t3, text, max_gen_len=count)
        hook.remove()
        began, prefilled, *_, ended = moments
        return Steps(prefilled - began, (len(moments) - 2) / (ended - prefilled))

    def speak(self, texts: Sequence[str]) -> Spoken:
        """The texts, one after the other."""
        began = time.perf_counter()
        samples = sum(self._model.generate(text).shape[1] for text in texts)
        return Spoken(time.perf_counter() - began, samples / SAMPLE_RATE, None)


class OurT3:
    """T3 of ours, as the loop drives it."""

    def __init__(
        self, folder: Path, variant: Variant, threads: int, dtype: str, device_name: str = "cpu"
    ) -> None:
        torch.set_num_threads(threads)
        device = device_of(device_name)
        self._model = Chatterbox.load(folder, variant, device=device, precision=precision_of(dtype, device))
        self._voice = Conditioning.from_conds_pt(folder / variant.built_in_voice.name)

    def steps(self, rows: int, count: int, *, recorded: bool | None = None) -> Steps:
        """`count` tokens of each row behind the first; all rows have one voice, which was read before.

        Steps are `recorded` where the engine records them, by default.
        """
        batch = T3Batch(
            self._model.t3,
            self._model.device,
            rows=rows,
            speech_tokens=count + 1,
            kv_dtype=self._model.precision.kv,
            recorded=recorded,
        )
        batch.warm_up()
        batch.free(self._join(batch, 0))
        began = time.perf_counter()
        for row in range(rows):
            self._join(batch, row)
        prefilled = time.perf_counter()
        for _ in range(count):
            batch.step()
        ended = time.perf_counter()
        return Steps((prefilled - began) / rows, rows * count / (ended - prefilled))

    def _join(self, batch: T3Batch, number: int) -> Row:
        text = torch.randint(0, 50_000, (TEXT_TOKENS + number,)).tolist()
        row, _ = batch.prefill(self._voice, text, SamplingOptions(), generator_for(number, 0, "tokens"))
        return row


class OurHub:
    """Ours as a user of the library has it."""

    def __init__(
        self,
        folder: Path,
        variant: Variant,
        threads: int,
        settings: Mapping[str, object],
        *,
        warms_up: bool = False,
    ) -> None:
        section = {"model_path": str(folder), "threads": threads, **settings}
        config = Config(backends={variant.model.replace("-", "_"): section})
        self._model = variant.model
        self._requests = 0
        self._stack = ExitStack()
        self._portal = self._stack.enter_context(start_blocking_portal())
        self._manager = self._stack.enter_context(
            self._portal.wrap_async_context_manager(TTSBackendManager(config, warms_up=warms_up))
        )

    def speak(self, texts: Sequence[str]) -> Spoken:
        """The texts as one, in one request, read as fast as it comes."""
        return self._portal.call(self._speak, " ".join(texts))

    def together(self, texts: Sequence[str]) -> tuple[list[Spoken], float]:
        """The texts in as many requests that come at once, and the seconds until all are spoken."""
        began = time.perf_counter()
        futures = [self._portal.start_task_soon(self._speak, text) for text in texts]
        return [future.result() for future in futures], time.perf_counter() - began

    def requests(self, texts: Sequence[str], count: int) -> list[float]:
        """So many of the texts in a row; resident memory in MB after each."""
        memory = []
        for number in range(count):
            self.speak([texts[number % len(texts)]])
            usage = usage_of(os.getpid())
            memory.append(usage.memory_mb if usage else 0.0)
        return memory

    def close(self) -> None:
        """Let go of the nets."""
        self._stack.close()

    async def _speak(self, text: str) -> Spoken:
        self._requests += 1
        seconds, first = 0.0, None
        began = time.perf_counter()
        request = SpeechRequest(text, model=self._model, seed=self._requests)
        async with await self._manager.generate(request) as audio:
            async for chunk in audio:
                if first is None and len(chunk.samples):
                    first = time.perf_counter() - began
                seconds += chunk.seconds
        return Spoken(time.perf_counter() - began, seconds, first)


@dataclass(slots=True)
class Contestant:
    """One of them in its process, started when the object is made."""

    name: str
    make: Callable[..., Any]
    arguments: tuple[object, ...]
    _connection: Connection = field(init=False)
    _process: Any = field(init=False)

    def __post_init__(self) -> None:
        os.environ["TQDM_DISABLE"] = "1"  # read when it is imported
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        arguments = (theirs, self.make, self.arguments)
        self._process = context.Process(target=_serve, args=arguments, name=self.name, daemon=True)
        self._process.start()
        theirs.close()  # so that its end is noticed here

    def ask(self, method: str, *arguments: object) -> Any:
        """What a method of it gives; the others are idle meanwhile.

        Raises:
            EOFError: it has failed, and has said on stderr why.
        """
        self._connection.send((method, arguments))
        return self._connection.recv()

    def close(self) -> None:
        """End the process, and give its memory back."""
        self._connection.send(None)
        self._process.join()


def _serve(connection: Connection, make: Callable[..., Any], arguments: tuple[object, ...]) -> None:
    with redirect_stdout(StringIO()):  # the packages print lines of their own
        contestant = make(*arguments)
        while (task := connection.recv()) is not None:
            method, values = task
            connection.send(getattr(contestant, method)(*values))
        if hasattr(contestant, "close"):
            contestant.close()
