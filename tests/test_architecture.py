"""Who may import whom: the floors of the house, read from the source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "tts_hub"

FLOORS = [
    {"errors", "types", "progress", "temporary", "languages"},
    {"threads", "containment", "signals", "pricing", "backend", "config", "lifetime"},
    {"audio", "text", "captions", "download", "store"},
    {
        "registry",
        "config_file",
        "slots",
        "report",
        "wordlog",
        "inspection",
        "declaration",
        "validation",
        "ledger",
    },
    {"engine", "engines", "budget"},
    {"route"},
    {"takes", "costing", "choosing"},
    {"generation"},
    {"shaping"},
    {"stream"},
    {"manager"},
    {"testing", "cli", "server", "bench", "__main__"},
]
"""From the ground up; a module imports only from its own floor and those below it."""
FOR_ENGINES = {
    "audio", "backend", "download", "errors", "languages", "pricing", "progress", "temporary", "text",
    "threads", "types",
}  # fmt: skip
ENGINES = {path.name for path in (ROOT / "backends").iterdir() if path.is_dir()}
NEVER_IN_CORE = {"torch", "onnxruntime", "transformers", "kokoro_onnx", "espeakng_loader", *ENGINES}


def imports(file: Path) -> set[str]:
    """Absolute names of the modules that a file imports anywhere in it."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            names.add(node.module or "")
            if node.module == "tts_hub":
                names.update(f"tts_hub.{alias.name}" for alias in node.names)
    return names


def part(module: str) -> str:
    """`tts_hub.audio.track` -> `audio`."""
    return module.split(".")[1] if "." in module else ""


def floor(name: str) -> int:
    return next(number for number, names in enumerate(FLOORS) if name in names)


UI_FILES = sorted((ROOT / "ui").rglob("*.py"))
CORE_FILES = sorted(p for p in CORE.rglob("*.py") if p != CORE / "__init__.py")


@pytest.mark.parametrize("file", CORE_FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_core_imports_only_downwards_and_names_no_engine(file: Path) -> None:
    own = part(".".join(file.relative_to(ROOT).with_suffix("").parts))
    for module in imports(file):
        assert module.split(".")[0] not in NEVER_IN_CORE
        if module.startswith("tts_hub."):
            assert floor(part(module)) <= floor(own), f"{file.name} reaches up to {module}"


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_engines_import_only_what_is_meant_for_them(name: str) -> None:
    for file in (ROOT / "backends" / name).rglob("*.py"):
        for module in imports(file):
            assert not module.startswith("tts_hub.") or part(module) in FOR_ENGINES
            assert module.split(".")[0] not in ENGINES - {name}


@pytest.mark.parametrize("file", UI_FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_user_interfaces_name_no_engine(file: Path) -> None:
    for module in imports(file):
        assert module.split(".")[0] not in NEVER_IN_CORE
        assert not module.startswith(("tts_hub.cli", "tts_hub.server"))


@pytest.mark.parametrize("file", CORE_FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_its_command_knows_of_a_user_interface(file: Path) -> None:
    assert file == CORE / "cli" / "tui.py" or not any(
        name.startswith("tts_hub_tui") for name in imports(file)
    )


def test_only_the_edges_know_of_every_module() -> None:
    listed = {name for names in FLOORS for name in names}
    present = {p.stem if p.suffix else p.name for p in CORE.iterdir() if p.suffix == ".py" or p.is_dir()}
    assert present - {"__init__", "__pycache__"} <= listed
