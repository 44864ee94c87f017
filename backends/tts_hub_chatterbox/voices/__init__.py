"""Voices: their clips, the conditionings that the nets compute from these, and the stores of both."""
