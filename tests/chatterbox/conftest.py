"""The published package, importable beside a torch without CUDA, and quiet about its own dependencies."""

from __future__ import annotations

import warnings
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from tts_hub_chatterbox.files.variants import NANO, TURBO

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    # Its wheel is linked against CUDA. Without its library, which `glob` would find, it works as pure Python.
    with patch.object(Path, "glob", return_value=[]):
        import torchaudio  # noqa: F401
    import chatterbox.tts_turbo  # noqa: F401

torch.set_num_threads(2)


@pytest.fixture(scope="session")
def model_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Model -> folder with its official files, random weights of the published size in them."""

    from tests.chatterbox import official

    return official.write_models(tmp_path_factory.mktemp("models"), [TURBO, NANO])
