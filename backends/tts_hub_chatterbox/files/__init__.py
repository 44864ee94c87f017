"""The published files of a model: which there are, how they are fetched, and how they fill the nets."""
