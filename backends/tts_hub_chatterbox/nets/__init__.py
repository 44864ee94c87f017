"""The nets of Chatterbox as torch modules, which know nothing of files, voices or requests."""
