"""One streaming interface in front of many text-to-speech engines."""
