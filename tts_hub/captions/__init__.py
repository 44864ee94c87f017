"""Captions from word timings, and the files they go to: SubRip, WebVTT and JSON."""

from tts_hub.captions.cues import Caption, captions
from tts_hub.captions.files import caption_writer, to_json, to_srt, to_vtt, write_captions

__all__ = ["Caption", "caption_writer", "captions", "to_json", "to_srt", "to_vtt", "write_captions"]
