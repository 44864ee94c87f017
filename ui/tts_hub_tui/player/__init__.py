"""Playing a recording on the loudspeaker while it still grows."""
