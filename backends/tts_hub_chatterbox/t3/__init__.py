"""Text to speech tokens: the tokenizer, the batch of T3 that several segments share, and the sampler."""
