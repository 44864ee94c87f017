"""The terminal studio: a Textual app that plays while it speaks."""
