"""From written text to segments that an engine can speak. Pure functions, no I/O."""
