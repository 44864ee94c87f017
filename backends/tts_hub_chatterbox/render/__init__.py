"""From speech tokens to samples, piece by piece: mel, vocoder and watermark of one segment."""
