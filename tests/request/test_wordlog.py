"""The compact list of words behaves as the list it stands for."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from tts_hub.request.wordlog import WordLog
from tts_hub.types import WordTiming

WORDS = st.builds(
    WordTiming,
    st.text(max_size=60),
    st.floats(0, 1e6),
    st.floats(0, 1e6),
    st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)),
)


@given(st.lists(WORDS), st.slices(10))
def test_a_word_log_is_the_same_sequence_as_a_list(words: list[WordTiming], part: slice) -> None:
    log = WordLog()
    log.extend(words[:3])
    log.extend(words[3:])
    assert list(log) == words
    assert list(log[part]) == words[part]
    assert len(log) == len(words)
    if words:
        assert (log[-1], log[0]) == (words[-1], words[0])


def test_a_long_book_stays_small() -> None:
    tracemalloc.start()
    log = WordLog()
    log.extend(WordTiming(f"word{n % 1000}", n / 3, n / 3 + 0.3, (6 * n, 6 * n + 5)) for n in range(100_000))
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 7_000_000
