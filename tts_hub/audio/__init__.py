"""The audio service: joins, levels, stretches, resamples and encodes engine audio, chunk by chunk."""
