"""Careful use of the operating system: files, folders, memory and signals."""
