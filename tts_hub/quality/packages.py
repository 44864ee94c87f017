"""The packages that some measures need, and the command that installs each."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from tts_hub.errors import BackendUnavailableError, install_command


@dataclass(frozen=True, slots=True)
class Tool:
    """A measure that needs packages of its own."""

    name: str
    """The measure, for people."""
    modules: tuple[str, ...]
    """The modules that it imports."""
    command: str
    """The command that installs them."""

    @property
    def missing(self) -> str:
        """The first module that is not installed; empty if all are."""
        return next((module for module in self.modules if find_spec(module) is None), "")

    @property
    def reason(self) -> str:
        """The sentence that says why the measure is left out; empty if nothing is missing."""
        missing = self.missing
        return missing and f"{self.name} left out: {missing} is not installed (to fix: {self.command})"

    def require(self) -> None:
        """Check that all modules are installed.

        Raises:
            BackendUnavailableError: one is missing; the remedy is the command.
        """
        if missing := self.missing:
            raise BackendUnavailableError(
                f"{self.name} needs a package that is not installed: {missing}",
                backend="quality",
                remedy=self.command,
            )


WORD_ERRORS = Tool("word errors", ("faster_whisper",), install_command("quality"))
DNSMOS = Tool("DNSMOS", ("speechmos", "librosa", "onnxruntime", "requests"), install_command("quality"))
DISTILLMOS = Tool(
    "DistillMOS", ("distillmos", "torchaudio", "torch"), "pip install distillmos==0.9.1 torch torchaudio"
)
SIMILARITY = Tool(
    "speaker similarity",
    ("resemblyzer", "webrtcvad", "librosa", "torch"),
    # Resemblyzer asks for `typing`, which on PyPI is an old copy of the standard module.
    "pip install --no-deps Resemblyzer==0.1.4 && pip install webrtcvad-wheels librosa 'setuptools<81' torch",
)
TOOLS = (WORD_ERRORS, DNSMOS, DISTILLMOS, SIMILARITY)
