"""The one table of names: where the official files have what our nets call otherwise."""

from __future__ import annotations

from tts_hub_chatterbox.weights import Layout

# --- t3_turbo_v1.safetensors, t3_nano_v1.safetensors ---
T3 = Layout()

# --- ve.safetensors ---
VOICE_ENCODER = Layout()

# --- s3gen_meanflow.safetensors ---
S3_TOKENIZER = Layout(prefix="tokenizer.")

SPEAKER_ENCODER = Layout(prefix="speaker_encoder.")

FLOW = Layout(prefix="flow.")

VOCODER = Layout(prefix="mel2wav.")
