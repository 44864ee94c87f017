"""The published files of a model: what they are, how they are fetched, and how they fill the nets."""
