"""The thread in which a model speaks: which segment is worked on next, and what has left of each."""
