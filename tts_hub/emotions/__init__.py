"""Emotion profiles: how to speak, in words of no engine, and what each engine makes of them."""
