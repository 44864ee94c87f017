"""Texts in a queue: each is generated, played and, on request, written to files."""
