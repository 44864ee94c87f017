"""The config file and the environment: reading them, listing every setting, and edits that keep comments."""
