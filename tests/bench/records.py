"""Records of the benchmark with given figures."""

from __future__ import annotations

from collections.abc import Sequence

from tts_hub.bench.result import Cell, Result, Sample, this_machine


def cell_of(times: Sequence[float], *, per_turn: int = 1, busy: float = 0.01, streams: int = 1) -> Cell:
    """A cell whose times are all the same in each sample; `busy`: the yardstick."""
    samples = [
        Sample(
            first_byte=t,
            first_audio=t,
            first_audible=t,
            total=t,
            audio_seconds=1.0,
            real_time_factor=t,
            longest_gap=t,
            underruns=0,
            underrun_seconds=0.0,
            encoded_bytes=10,
            turn=number // per_turn,
        )
        for number, t in enumerate(times)
    ]
    return Cell(
        configuration="A",
        target="library",
        model="m",
        response_format="wav",
        text="word",
        streams=streams,
        rate=None,
        samples=samples,
        failures=[],
        wall_seconds=1.0,
        cpu_seconds=None,
        peak_memory_mb=None,
        client_cpu_seconds=None,
        yardsticks=[busy],
    )


def result_of(*cells: Cell) -> Result:
    """A result that was measured on this machine."""
    return Result(command="x", seed=1, began="now", machine=this_machine(), cells=list(cells))
