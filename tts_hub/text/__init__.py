"""Written text, cut into segments that an engine can speak. Pure functions, no I/O."""
