"""Speech tokens to marked samples, piece by piece: mel, vocoder and watermark of one segment."""
