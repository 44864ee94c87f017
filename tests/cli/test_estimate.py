"""`tts-hub speak --estimate`: the cost is printed, and nothing is spoken."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.running import invoke

TEXT = "Hello there, how are you?"


def config(extra: str = "") -> None:
    Path("config.toml").write_text(
        '[remote.box]\nkind = "openai"\nurl = "http://127.0.0.1:9"\n'
        '[remote.box.prices."*"]\nper_million_characters = 1000\nsource = "our bill"\nchecked = 2026-11-27\n'
        + extra,
        encoding="utf-8",
    )


def test_the_cost_of_a_text_is_printed_without_speaking_or_asking() -> None:
    config()
    said = invoke("speak", TEXT, "-m", "box", "--estimate")
    assert said.exit_code == 0, said.output
    assert said.output.startswith("about $0.0250 by box (box): 25 characters in 1 segment")
    assert "2026-11-27 from our bill" in said.output
    assert not list(Path().glob("*.mp3"))


def test_an_estimate_as_json_and_of_a_file() -> None:
    config()
    Path("text.txt").write_text(TEXT, encoding="utf-8")
    said = invoke("speak", "-f", "text.txt", "-m", "box", "--fallback", "espeak", "--estimate", "--json")
    found = json.loads(said.output)
    assert found["cost"] == 0.025
    assert [other["backend"] for other in found["fallbacks"]] == ["espeak"]


def test_the_built_in_engine_is_free() -> None:
    assert invoke("speak", TEXT, "--estimate").output.startswith("free by espeak")


def test_a_budget_refuses_in_one_line() -> None:
    config("[budget]\nper_request = 0.01\n")
    refused = invoke("speak", TEXT, "-m", "box", "-o", "no.mp3")
    assert refused.exit_code == 1
    assert "budget.per_request" in refused.output
    assert len(refused.output.strip().splitlines()) == 1
