"""The measures, one per file. Those of sound alone need nothing but numpy; the others name their packages."""
