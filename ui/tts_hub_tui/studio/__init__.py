"""What a studio is without a screen: recordings, playback, jobs, history."""
