"""The nets of Chatterbox, one a file; each says its shapes and knows nothing of files, voices or requests."""
