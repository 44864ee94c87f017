"""The rules of docs/architecture.md, read from the source: who may import whom."""

from __future__ import annotations

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "tts_hub"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

FLOORS = [
    {
        *("types", "errors", "progress", "report", "backend", "config", "threads", "containment"),
        *("audio", "captions", "clips", "cost", "download", "emotions", "onnx", "quality", "store", "system"),
        "text",
    },
    {"engines", "config_file"},
    {"request"},
    {"manager"},
    {"__main__", "bench", "cli", "server", "testing"},
]
"""From the ground up; a module imports only from its own floor and those below it."""
FOR_ENGINES = {
    "audio", "backend", "captions", "clips", "cost", "download", "emotions", "errors", "onnx", "progress",
    "store", "system", "text", "threads", "types",
}  # fmt: skip
ENGINES = {file.parent.name for file in (ROOT / "backends").glob("*/__init__.py")}
NEVER_IN_CORE = {"torch", "onnxruntime", "transformers", "kokoro_onnx", "espeakng_loader", "ptts", *ENGINES}
PACKAGES = [
    CORE,
    *(path for path in [*(ROOT / "backends").iterdir(), *(ROOT / "ui").iterdir()] if path.is_dir()),
]
CORE_FILES = sorted(path for path in CORE.rglob("*.py") if path != CORE / "__init__.py")
UI_FILES = sorted((ROOT / "ui").rglob("*.py"))


def imports(file: Path) -> set[str]:
    """Absolute names of all that a file imports, in functions and for type checkers too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def modules(package: Path) -> dict[str, Path]:
    """Dotted name -> file, of all modules of a package."""
    found = {}
    for file in package.rglob("*.py"):
        parts = file.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def part(module: str) -> str:
    """`tts_hub.audio.track` -> `audio`."""
    return module.split(".")[1] if "." in module else ""


def floor(name: str) -> int | None:
    """None for a name that `tts_hub` itself offers."""
    return next((number for number, names in enumerate(FLOORS) if name in names), None)


@pytest.mark.parametrize("file", CORE_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_imports_only_downwards_and_names_no_engine(file: Path) -> None:
    own = floor(file.relative_to(CORE).with_suffix("").parts[0])
    assert own is not None
    for module in imports(file):
        shared = module.split(".")[0] == "onnxruntime" and file.parent == CORE / "onnx"
        assert shared or module.split(".")[0] not in NEVER_IN_CORE
        if module.startswith("tts_hub.") and (other := floor(part(module))) is not None:
            assert other <= own, f"{file.name} reaches up to {module}"


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_engines_import_only_what_is_meant_for_them(name: str) -> None:
    for file in (ROOT / "backends" / name).rglob("*.py"):
        for module in imports(file):
            assert not module.startswith("tts_hub.") or part(module) in FOR_ENGINES, f"{file.name}: {module}"
            assert module.split(".")[0] not in ENGINES - {name}


@pytest.mark.parametrize("file", UI_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_user_interfaces_name_no_engine_and_no_other_face(file: Path) -> None:
    for module in imports(file):
        assert module.split(".")[0] not in NEVER_IN_CORE
        assert not module.startswith(("tts_hub.cli", "tts_hub.server"))


@pytest.mark.parametrize("file", CORE_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_its_command_knows_of_a_user_interface(file: Path) -> None:
    known = {name.split(".")[0] for name in imports(file)}
    assert "tts_hub_tui" not in known or file == CORE / "cli" / "tui.py"
    assert "tts_hub_web" not in known or file == CORE / "server" / "page.py"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_no_module_imports_itself_through_others(package: Path) -> None:
    known = modules(package)
    graph: dict[str, set[str]] = {}
    for name, file in known.items():
        wanted = imports(file) & known.keys() - {name}
        inner = {module for module in wanted if any(other.startswith(f"{module}.") for other in wanted)}
        graph[name] = (
            wanted - inner - {package.name}
        )  # `from a.b import c` is about a.b.c where that is a module
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as exc:
        pytest.fail(" -> ".join(reversed(exc.args[1])))


def test_the_page_lists_every_room_and_nothing_else() -> None:
    tree = PAGE.split("```")[1]
    listed = set(re.findall(r"^  ([a-z0-9_]+)/", tree, re.MULTILINE))
    rooms = {file.parent.name for package in PACKAGES for file in package.glob("*/__init__.py")}
    assert listed == rooms


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_the_page_lists_what_lies_at_the_top_of_the_core(package: Path) -> None:
    assert f"\n{package.name}/" in PAGE
    if package == CORE:
        top = {path.stem for path in CORE.glob("*.py")} - {"__init__", "__main__"}
        line = next(line for line in PAGE.splitlines() if line.startswith("tts_hub/"))
        assert set(line.split()[1:]) == top


def test_the_page_lists_what_engines_may_import() -> None:
    rule = PAGE.split("An engine imports from the core only")[1].split(", and never")[0]
    assert set(re.findall(r"`(\w+)`", rule)) == FOR_ENGINES


def test_every_module_has_a_floor() -> None:
    listed = {name for names in FLOORS for name in names}
    present = {
        path.stem for path in CORE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert present - {"__init__"} <= listed


LINES = 400


def test_a_long_file_gives_its_reason_in_its_first_lines() -> None:
    for package in PACKAGES:
        for file in package.rglob("*.py"):
            lines = file.read_text(encoding="utf-8").splitlines()
            if len(lines) > LINES:
                assert "one file because" in " ".join(lines[:8]).lower(), f"{file} has {len(lines)} lines"
