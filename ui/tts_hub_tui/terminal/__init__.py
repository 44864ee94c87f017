"""The terminal itself: what is written to it, and what happens when it is closed."""
