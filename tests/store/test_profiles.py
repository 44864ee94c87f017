"""Emotion profiles belong to one voice, or suit any."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.clips import clip
from tts_hub.config import StoreConfig
from tts_hub.emotions.profile import EmotionSettings
from tts_hub.errors import InvalidRequestError, NameTakenError, UnknownEmotionError
from tts_hub.store.store import Store

pytestmark = pytest.mark.anyio


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(StoreConfig(folder=str(tmp_path)))


SETTINGS = EmotionSettings(
    style="excited", exaggeration=0.8, speed=1.1, pause=0.2, seed=7, options={"espeak": {"pitch": 70}}
)


async def test_a_profile_is_kept_with_its_settings(store: Store, tmp_path: Path) -> None:
    made = await store.add_profile(
        name="Excited", character="Sarah", description="for good news", settings=SETTINGS
    )
    assert await Store(StoreConfig(folder=str(tmp_path))).profiles() == [made]
    assert made.settings == SETTINGS
    for name in (made.id, "Sarah:Excited", "sarah:excited"):
        assert await store.profile(name) == made


async def test_the_voices_own_profile_comes_before_the_one_for_any(store: Store) -> None:
    general = await store.add_profile(name="calm")
    own = await store.add_profile(name="calm", character="sarah")
    assert await store.profile("calm") == general
    assert await store.profile("calm", "sarah") == own
    assert await store.profile("calm", "tom") == general
    assert await store.profile("tom:calm") == general
    names = await store.names()
    assert names.profile("CALM", "Sarah") == own
    assert names.profile("calm", "tom") == general
    assert names.profile("calm", "") == general
    assert names.profile("loud", "tom") is None


async def test_a_profile_of_another_voice_is_not_found_by_its_bare_name(store: Store) -> None:
    await store.add_profile(name="calm", character="sarah")
    with pytest.raises(UnknownEmotionError, match=r"did you mean 'sarah:calm'|possible: sarah:calm"):
        await store.profile("calm")


async def test_two_profiles_of_a_voice_cannot_have_one_name(store: Store) -> None:
    await store.add_profile(name="calm", character="Sarah")
    await store.add_profile(name="calm", character="Tom")
    with pytest.raises(NameTakenError, match="sarah:CALM"):
        await store.add_profile(name="CALM", character="sarah")
    with pytest.raises(NameTakenError):
        await store.change_profile("Tom:calm", character="Sarah")


async def test_a_profile_is_changed_removed_and_restored(store: Store) -> None:
    made = await store.add_profile(name="calm", settings=SETTINGS)
    changed = await store.change_profile("calm", settings=EmotionSettings(speed=0.9), name="slow")
    assert (changed.id, changed.name, changed.settings) == (made.id, "slow", EmotionSettings(speed=0.9))
    await store.remove_profile("slow")
    assert await store.profiles() == []
    assert await store.restore_profile(made.id) == changed
    with pytest.raises(UnknownEmotionError):
        await store.remove_profile("calm")


async def test_a_profile_has_samples_of_its_own(store: Store) -> None:
    await store.add_profile(name="sad")
    with_sample = await store.add_profile_sample("sad", clip(), origin="sad.wav")
    assert [sample.origin for sample in with_sample.samples] == ["sad.wav"]
    await store.remove_profile_sample("sad", with_sample.samples[0].id)
    assert (await store.profile("sad")).samples == ()


@pytest.mark.parametrize(("name", "character"), [("a:b", ""), ("a", "../x"), ("", "")])
async def test_wrong_names_are_refused(store: Store, name: str, character: str) -> None:
    with pytest.raises(InvalidRequestError):
        await store.add_profile(name=name, character=character)
