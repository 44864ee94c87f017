from __future__ import annotations

import subprocess
import sys


def test_importing_the_audio_package_loads_neither_ffmpeg_nor_scipy() -> None:
    modules = "codec convert encode file filter formats frames level loudness pcm segment timeline track trim"
    program = (
        "import sys\n"
        + "".join(f"import tts_hub.audio.{name}\n" for name in modules.split())
        + "print(*(name for name in ('av', 'scipy', 'pyloudnorm') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
