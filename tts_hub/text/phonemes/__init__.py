"""Phonemes with the words of their text, inline phonemes, and the times of words from their phonemes."""
