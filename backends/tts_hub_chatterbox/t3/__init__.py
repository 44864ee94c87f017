"""From text to speech tokens: the tokenizer, T3's batch that several segments share, and the sampler."""
