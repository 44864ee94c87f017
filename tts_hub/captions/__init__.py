"""Captions from word timings, caption files (SubRip, WebVTT, JSON), and captioned speech on the wire."""

from tts_hub.captions.cues import Caption, captions
from tts_hub.captions.files import caption_writer, to_json, to_srt, to_vtt, write_captions

__all__ = ["Caption", "caption_writer", "captions", "to_json", "to_srt", "to_vtt", "write_captions"]
