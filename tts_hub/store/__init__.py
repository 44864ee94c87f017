"""What users keep: voices with their samples, and emotion profiles. Records in SQLite, sound in files."""
