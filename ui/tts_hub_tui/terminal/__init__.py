"""The terminal itself: what may be written to it, and what happens when it goes away."""
