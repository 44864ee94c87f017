"""The published package, importable beside a torch without CUDA, and quiet about its own dependencies."""

from __future__ import annotations

import warnings
from pathlib import Path
from unittest.mock import patch

import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    # Its wheel is linked against CUDA. Without its library, which `glob` would find, it works as pure Python.
    with patch.object(Path, "glob", return_value=[]):
        import torchaudio  # noqa: F401
    import chatterbox.tts_turbo  # noqa: F401

torch.set_num_threads(2)
