"""A tts-hub server, reached over HTTP."""
