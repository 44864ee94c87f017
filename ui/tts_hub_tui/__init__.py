"""The terminal studio: a Textual app that plays speech while it is generated."""
