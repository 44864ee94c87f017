"""Careful use of the operating system: temporary files and signals."""
