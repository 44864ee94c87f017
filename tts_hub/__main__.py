"""`python -m tts_hub`: the command line."""

from tts_hub.cli import main

main()
