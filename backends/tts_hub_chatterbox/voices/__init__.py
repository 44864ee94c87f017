"""From a clip to the conditioning of a voice, and where both are kept."""
