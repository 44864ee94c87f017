"""What stays on disk: the history of requests, their recordings, and the text files of the user."""
