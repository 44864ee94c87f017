"""Plugins: found through entry points, imported only when used, and unable to hurt each other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.speaking import hub
from tts_hub import TTSBackendManager
from tts_hub.engines.registry import Registry
from tts_hub.errors import BackendUnavailableError, UnknownModelError, UsageError
from tts_hub.testing import FakeBackend

GOOD = """
from tts_hub.testing import FakeBackend
class Good(FakeBackend):
    name = "good"
    models = ("good-large", "good-small")
    patterns = ("good_*",)
"""


def install(folder: Path, name: str, code: str, *entry_points: str) -> None:
    """A distribution as pip would leave it: a module and its metadata."""
    (folder / f"{name}.py").write_text(code)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tts_hub.backends]\n" + "\n".join(entry_points) + "\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_an_installed_plugin_is_found_by_its_models_and_patterns(site: Path) -> None:
    install(site, "goodtts_a", GOOD, "good = goodtts_a:Good")
    registry = Registry()
    assert {registry.find(m).name for m in ("good", "good-large", "good_anything")} == {"good"}
    assert registry.find("espeak").name == "espeak"


@pytest.mark.anyio
async def test_a_plugin_that_raises_on_import_is_listed_and_leaves_the_others_usable(site: Path) -> None:
    install(site, "badtts", "raise RuntimeError('no GPU here')", "bad = badtts:Bad")
    install(site, "exittts", "import sys; sys.exit(3)", "exits = exittts:Bad")
    install(site, "missingtts", "import not_installed_at_all", "missing = missingtts:Bad")
    install(site, "wrongtts", "Bad = 7", "wrong = wrongtts:Bad")
    async with TTSBackendManager() as manager:
        states = {s.name: s.availability for s in manager.status()}
        assert "no GPU here" in states["bad"].reason
        assert states["bad"].remedy == "pip install --upgrade badtts"
        assert "SystemExit" in states["exits"].reason
        assert "not_installed_at_all" in states["missing"].reason
        assert "not a TTSBackend" in states["wrong"].reason
        assert states["espeak"].ready
        with pytest.raises(BackendUnavailableError, match="no GPU here"):
            await manager.stream("Hello.", model="bad")
        async with await manager.generate("Hello.", model="bad", fallback=["espeak"]) as audio:
            assert sum([chunk.seconds async for chunk in audio]) > 0.2
        assert audio.report.backend == "espeak"


def test_a_name_that_two_packages_offer_is_not_ready_and_names_both(site: Path) -> None:
    install(site, "goodtts_b", GOOD, "good = goodtts_b:Good")
    install(site, "goodtts_c", GOOD, "good = goodtts_c:Good")
    entry = Registry().find("good")
    assert not entry.availability().ready
    assert "goodtts_b:Good and goodtts_c:Good" in entry.availability().reason


def test_an_exact_name_imports_only_its_own_plugin(site: Path) -> None:
    install(site, "goodtts_d", GOOD, "good = goodtts_d:Good")
    install(site, "othertts", GOOD, "other = othertts:Good")
    assert Registry().find("good").backend_class().__name__ == "Good"
    assert "goodtts_d" in sys.modules
    assert "othertts" not in sys.modules


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("good", "good"),
        ("GOOD", "good"),
        ("Good-Large", "good-large"),
        ("good_Anything", "good_Anything"),
        ("eSpeak", "espeak"),
        ("Nobody", "Nobody"),
    ],
)
def test_a_model_is_spelled_as_its_engine_writes_it(site: Path, written: str, name: str) -> None:
    install(site, "goodtts_e", GOOD, "good = goodtts_e:Good")
    assert Registry().spelled(written) == name


def test_an_exact_name_is_spelled_without_an_import(site: Path) -> None:
    install(site, "anothertts", GOOD, "another = anothertts:Good")
    assert Registry().spelled("espeak") == "espeak"
    assert "anothertts" not in sys.modules


def test_an_engine_that_is_switched_off_says_so() -> None:
    availability = Registry({"espeak": {"enabled": False}}).find("espeak").availability()
    assert (availability.ready, availability.reason) == (False, "switched off in the configuration")


def test_unknown_models_name_what_exists() -> None:
    with pytest.raises(UnknownModelError, match="'espaek'; did you mean 'espeak'"):
        Registry().find("espaek")


def test_listing_the_engines_imports_nothing_heavy() -> None:
    code = (
        "import sys, asyncio\n"
        "from tts_hub import TTSBackendManager\n"
        "async def main():\n"
        "    async with TTSBackendManager() as manager: manager.status()\n"
        "asyncio.run(main())\n"
        "heavy = {'torch', 'onnxruntime', 'transformers', 'scipy', 'av', 'rich', 'httpx'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], env=dict(os.environ), capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


@pytest.mark.anyio
async def test_two_engines_of_one_name_are_refused() -> None:
    async with hub(FakeBackend()) as manager:
        with pytest.raises(UsageError, match="registered already"):
            manager.register(FakeBackend())
