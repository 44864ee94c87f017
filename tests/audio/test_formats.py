from __future__ import annotations

from typing import get_args

import pytest

from tests.audio.naming import by_name
from tts_hub.audio.formats import FORMATS, AudioFormat, check_sample_rate, find_format, format_of_file
from tts_hub.errors import UnsupportedFormatError, UnsupportedOptionError
from tts_hub.types import FormatName


@pytest.mark.parametrize("audio_format", FORMATS, ids=by_name)
def test_a_format_is_found_by_its_name_and_its_suffixes(audio_format: AudioFormat) -> None:
    assert find_format(audio_format.name.upper()) == audio_format
    for suffix in audio_format.suffixes:
        assert format_of_file(f"some/file{suffix.upper()}") == audio_format


def test_ogg_means_opus() -> None:
    assert find_format("ogg").name == "opus"
    assert find_format("oga").name == "opus"


def test_media_types_are_those_of_openai() -> None:
    assert [each.media_type for each in FORMATS] == [
        "audio/mpeg",
        "audio/opus",
        "audio/aac",
        "audio/flac",
        "audio/wav",
        "audio/pcm",
    ]


def test_an_unknown_format_names_the_nearest_and_all() -> None:
    with pytest.raises(UnsupportedFormatError, match=r"'mp4'.*did you mean 'mp3'.*opus, aac") as caught:
        find_format("mp4")
    assert caught.value.param == "response_format"


@pytest.mark.parametrize("name", ["speech", "speech.txt", ".wav"])
def test_a_file_without_a_known_suffix_is_refused(name: str) -> None:
    with pytest.raises(UnsupportedFormatError, match="suffix"):
        format_of_file(name)


def test_a_rate_that_the_format_cannot_hold_lists_the_possible_ones() -> None:
    with pytest.raises(UnsupportedOptionError, match=r"22050 Hz; possible: 8000, 12000, 16000") as caught:
        check_sample_rate(find_format("opus"), 22_050)
    assert caught.value.param == "sample_rate"
    with pytest.raises(UnsupportedOptionError, match=r"possible: 8000 to 192000"):
        check_sample_rate(find_format("wav"), 192_001)


def test_a_possible_rate_passes() -> None:
    for audio_format in FORMATS:
        check_sample_rate(audio_format, 24_000)


def test_requests_may_name_exactly_the_formats_that_there_are() -> None:
    assert get_args(FormatName) == tuple(each.name for each in FORMATS)
