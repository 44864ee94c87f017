"""The measured loudness of each voice and variant, with which all of them are made equally loud.

Gains are the mean of English, German, French and Spanish, two passages each, with pyloudnorm. One passage
of one language may be 1.5 LU off. `tests/backends/test_espeak_loudness.py` measures again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LOUDNESS_LUFS = -34.0
"""Loudness of every voice. It leaves room for `x-loud` in SSML, which in most variants peaks 31 dB higher."""
VOLUME = 25
"""The library's volume, of at most 200; without SSML no voice comes near full scale inside the library."""
LOUD_VOLUME = 12
"""The library's volume for the variants in `LOUD`."""
LOUD_VOLUME_DB = 7.1
"""Decibels by which `LOUD_VOLUME` is softer than `VOLUME`."""
LOUD = frozenset(
    [
        "andrea",
        "antonio",
        "demonic",
        "ed",
        "iven",
        "iven2",
        "jacky",
        "klatt4",
        "klatt5",
        "marco",
        "mr serious",
        "paul",
        "steph3",
        "storm",
        "tweaky",
        "unirobot",
        "whisperf",
        "zac",
    ]
)
"""Variants that reach full scale inside the library at `VOLUME` with `x-loud` in SSML."""

VOICE_DB: Mapping[str, float] = {
    "fr-be": 1.3,
    "fr-ch": 1.3,
    "fr-fr": 1.3,
    "haw": -6.4,
    "mi": -3.5,
    "tn": -2.6,
}
"""Voice -> gain in dB, for voices that are not within 2 LU of the others."""
BUILT_IN_VARIANT: Mapping[str, str] = {"mi": "jacky"}
"""Voice -> the variant that its file contains, which another variant would replace."""
VARIANT_DB: Mapping[str, float] = {
    "adam": 0.4,
    "alex": 1.4,
    "alicia": -1.2,
    "andrea": -5.2,
    "andy": -3.5,
    "anika": -2.9,
    "anikarobot": -1.2,
    "annie": -1.0,
    "announcer": 1.5,
    "antonio": -10.5,
    "anxiousandy": -5.0,
    "aunty": -1.6,
    "belinda": -2.8,
    "benjamin": 0.7,
    "boris": 1.6,
    "caleb": 7.1,
    "croak": 0.5,
    "david": 2.0,
    "demonic": -1.4,
    "denis": 4.7,
    "diogo": 4.4,
    "ed": -7.9,
    "edward": -1.2,
    "edward2": 1.2,
    "f1": -1.6,
    "f2": -1.4,
    "f3": -0.6,
    "f4": -1.5,
    "f5": 0.1,
    "fast": 0.0,
    "gene": -3.6,
    "gene2": -4.4,
    "grandma": -0.7,
    "grandpa": -0.3,
    "gustave": -4.5,
    "henrique": 4.7,
    "hugo": 8.2,
    "ian": 6.8,
    "iven": -12.9,
    "iven2": -5.2,
    "iven3": -3.0,
    "iven4": 0.8,
    "jacky": -9.6,
    "john": -5.2,
    "kaukovalta": 0.8,
    "klatt": 7.6,
    "klatt2": 6.7,
    "klatt3": 0.9,
    "klatt4": -1.6,
    "klatt5": -2.2,
    "klatt6": -0.2,
    "lee": -0.1,
    "linda": -2.8,
    "m1": 1.2,
    "m2": 1.7,
    "m3": -0.2,
    "m4": 0.0,
    "m5": 0.7,
    "m6": 0.2,
    "m7": -1.1,
    "m8": 4.5,
    "marcelo": -1.4,
    "marco": -7.1,
    "mario": -0.6,
    "max": 1.4,
    "michael": -1.8,
    "michel": -0.6,
    "miguel": -2.3,
    "mike": 3.2,
    "mike2": -3.7,
    "mr serious": -5.8,
    "nguyen": 1.0,
    "norbert": -3.0,
    "pablo": -3.2,
    "paul": -6.8,
    "pedro": -4.8,
    "quincy": 2.6,
    "reed": -2.3,
    "ricishaymax": 3.1,
    "ricishaymax2": 3.5,
    "ricishaymax3": 3.5,
    "rob": 1.9,
    "robert": 1.4,
    "robosoft": 1.2,
    "robosoft2": 1.3,
    "robosoft3": 0.3,
    "robosoft4": 2.4,
    "robosoft5": 1.5,
    "robosoft6": 4.5,
    "robosoft7": 1.4,
    "robosoft8": 1.7,
    "sandro": -3.0,
    "shelby": -1.6,
    "steph": -0.3,
    "steph2": -4.6,
    "steph3": -6.4,
    "storm": -4.9,
    "travis": -1.9,
    "tweaky": -4.4,
    "unirobot": 3.9,
    "victor": 5.4,
    "whisper": 1.8,
    "whisperf": -3.4,
    "zac": -5.8,
}
"""Variant in lower case -> gain in dB at `VOLUME`."""


@dataclass(frozen=True, slots=True)
class Level:
    """Volume and gain that make a voice as loud as all others."""

    volume: int
    """Volume for the library."""
    gain: float
    """Amplitude factor for the library's samples."""


def level_of(voice_id: str) -> Level:
    """The level of a voice such as `de` or `de+f3`; names that are in no table need no gain."""
    base, _, variant = voice_id.casefold().partition("+")
    variant = variant or BUILT_IN_VARIANT.get(base, "")
    decibels = VOICE_DB.get(base, 0.0) + VARIANT_DB.get(variant, 0.0)
    if variant in LOUD:
        return Level(LOUD_VOLUME, 10 ** ((decibels + LOUD_VOLUME_DB) / 20))
    return Level(VOLUME, 10 ** (decibels / 20))
