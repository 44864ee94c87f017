"""The thread in which a model speaks: the choice of the next piece of work, and the state of each segment."""
