"""The parts of the screens, each in a file."""
