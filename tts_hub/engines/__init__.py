"""Engines at work: found, loaded, shared out between requests, unloaded, and what their plugins hand over."""
