"""One request, from what was asked for to the audio that its reader gets."""
