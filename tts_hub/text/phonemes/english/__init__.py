"""English to misaki's phonemes, by the reader of the package hibari-tts, with the place of every word."""
