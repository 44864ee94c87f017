"""The plans behind the loop: where chunks are cut, how long steps take, which segment comes next."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import cast

import pytest
from tts_hub_chatterbox.scheduler.chunk_plan import ChunkPlan
from tts_hub_chatterbox.scheduler.playback import Playback
from tts_hub_chatterbox.scheduler.schedule import Schedule
from tts_hub_chatterbox.scheduler.segment_state import SegmentState
from tts_hub_chatterbox.scheduler.step_times import StepTimes


def test_chunks_are_cut_by_tokens_alone_and_leave_no_crumb() -> None:
    for total in range(1, 300):
        cuts = []
        for delay in (1, 4, 50):
            chunks, cut, taken = ChunkPlan(first=10, size=20, growth=1.5, longest=80), [], 0
            for there in [*range(delay, total, delay), total]:
                decoded = there == total
                while taken < total and (size := chunks.next(there - taken, decoded=decoded)) is not None:
                    cut.append(size)
                    taken += size
                    chunks.grow()
            cuts.append(cut)
        assert cuts[0] == cuts[1] == cuts[2]
        assert sum(cuts[0]) == total
        assert all(last >= long // 4 for long, last in pairwise(cuts[0][1:]) if long >= 30)


def test_chunks_to_come_are_those_that_come() -> None:
    for first, total in [(10, 5), (10, 10), (10, 11), (20, 60), (50, 300)]:
        chunks = ChunkPlan(first=first, size=20, growth=1.5, longest=80)
        taken, drawn = 0, 0
        cuts: list[tuple[int, int]] = []
        foreseen = list(chunks.to_come(0, total))
        while taken < total:
            while (size := chunks.next(drawn - taken, decoded=drawn == total)) is None:
                drawn += 1
            cuts.append((drawn - sum(before for before, _ in cuts), size))
            taken += size
            chunks.grow()
        assert foreseen == cuts


def test_step_times_of_more_rows_are_estimated_until_they_are_measured() -> None:
    step_times = StepTimes()
    assert step_times.step(3) == step_times.prefill == 0
    step_times.add_step(1, 0.016)
    assert step_times.step(1) == pytest.approx(0.016)
    assert step_times.step(3) == pytest.approx(0.020)
    step_times.add_step(3, 0.030)
    assert step_times.step(3) == pytest.approx(0.030)
    assert step_times.step(1) == pytest.approx(0.016)


@pytest.mark.parametrize(
    ("sent", "slower", "expected"), [(0.8, 3.0, "decode"), (0.8, 1.1, "prefill"), (4.0, 3.0, "prefill")]
)
def test_a_later_segment_waits_while_a_slower_step_would_cause_an_underrun(
    sent: float, slower: float, expected: str
) -> None:
    """Two rows make a step so many times slower, where one alone is spoken twice as fast as it is heard."""
    step_times, now = StepTimes(), 100.0
    step_times.add_step(1, 0.02)
    step_times.add_step(2, 0.02 * slower)
    playback = Playback(began_at=now, seconds={0: 4.2})
    heard_now = SimpleNamespace(
        segment=SimpleNamespace(index=0),
        playback=playback,
        sent=sent,
        has_row=True,
        can_render=False,
        chunk_seconds=0.0,
        arrived_at=now,
        chunks_to_come=lambda: iter([(20, 0.8), (30, 1.2), (40, 1.6)]),
    )
    later = SimpleNamespace(
        segment=SimpleNamespace(index=1),
        playback=playback,
        sent=0.0,
        arrived_at=now,
        is_admitted=True,
        chunk_seconds=0.0,
    )
    schedule = Schedule(
        cast("list[SegmentState]", [later]),
        cast("list[SegmentState]", [heard_now]),
        step_times,
        now,
        holds_real_time=True,
    )
    assert schedule.choose(is_full=False, steps_since_prefill=99).work == expected
