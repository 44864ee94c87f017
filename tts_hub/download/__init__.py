"""Model files from elsewhere: gone on with where they stopped, checked, and put in place whole."""
