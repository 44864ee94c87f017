"""Recordings of voices that people give: decoded in a process with limited rights, and judged."""
