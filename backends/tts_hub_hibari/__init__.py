"""hibari in onnxruntime: a natural English voice that comes with the package, over 50 times real time."""

from tts_hub_hibari.backend import HibariBackend
from tts_hub_hibari.settings import HibariSettings

__all__ = ["HibariBackend", "HibariSettings"]
