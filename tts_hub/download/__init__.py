"""Downloads of model files: resumed where they stopped, checked, and put in place whole."""
