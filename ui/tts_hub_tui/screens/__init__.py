"""The screens of the studio, each in a file."""
