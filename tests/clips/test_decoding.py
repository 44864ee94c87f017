"""Clips are decoded by a process that can do nothing else, and whose end is no end of ours."""

from __future__ import annotations

import io
import resource
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.speechlike import speechlike_wav
from tts_hub.clips import decoding, decoding_process
from tts_hub.clips.decoding import decode_clip
from tts_hub.errors import AudioError, InvalidRequestError

CLIP = speechlike_wav(5.5, 24_000)
SECRET = "secret.wav"
HLS_ADDRESS = "http://127.0.0.1:9/x.ts"
PLAYLISTS = {
    "ffconcat": f"ffconcat version 1.0\nfile {SECRET}\n",
    "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{HLS_ADDRESS}\n#EXT-X-ENDLIST\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "text": "Hello, I am a text file.",
    "ffconcat behind an ID3 tag": f"ID3\x04\0\0\0\0\0\0ffconcat version 1.0\nfile {SECRET}\n" * 20,
}

SUBTITLE_STYLE = (
    b"[Script Info]\r\nScriptType: v4.00+\r\n[V4+ Styles]\r\nFormat: Name, Fontname, Fontsize\r\n"
    b"Style: Default,Arial,16\r\n\r\n[Events]\r\nFormat: Layer, Start, End, Text\r\n"
)


def programmed(code: str, monkeypatch: pytest.MonkeyPatch, *, ready: bool = True) -> None:
    """Run other code in the place of the decoder, by default after its first word."""
    first = "import sys; sys.stdout.buffer.write(b'+'); sys.stdout.flush()\n" if ready else ""
    monkeypatch.setattr(decoding, "_command", lambda _: [sys.executable, "-c", first + code])


def restricted(code: str) -> subprocess.CompletedProcess[str]:
    """Run code under the limits of the decoder."""
    head = "from tts_hub.clips import decoding_process as d; d.MAX_CPU_SECONDS = 1; d.restrict()\n"
    return subprocess.run([sys.executable, "-c", head + code], capture_output=True, text=True, check=False)


# --- what points elsewhere ---


@pytest.mark.parametrize("content", PLAYLISTS.values(), ids=PLAYLISTS)
def test_what_points_elsewhere_is_refused_at_once(content: str) -> None:
    """A plain `av.open` decodes the secret, and waits 20 s on the sockets of the SDP."""
    Path(SECRET).write_bytes(CLIP)  # the working folder is the test's own
    with pytest.raises(InvalidRequestError):
        decode_clip(content.encode())


@pytest.mark.parametrize("container", decoding_process.DECODERS)
def test_the_container_is_forced_even_where_the_first_bytes_fit(container: str) -> None:
    """The second defence, in this process: were the first bytes not looked at, FFmpeg itself refuses."""
    Path(SECRET).write_bytes(CLIP)
    for content in PLAYLISTS.values():
        with pytest.raises(decoding_process.RefusedError):
            decoding_process.decode(content.encode(), container)


def test_a_playlist_reaches_no_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x.ts"
        for content in (
            f"ffconcat version 1.0\nfile {address}\n",
            PLAYLISTS["hls"].replace(HLS_ADDRESS, address),
        ):
            with pytest.raises(decoding_process.RefusedError):
                decoding_process.decode(content.encode(), "mp3")
        with pytest.raises(BlockingIOError):
            server.accept()


# --- the limits of the process ---


@pytest.mark.parametrize("code", [f"open({__file__!r})", "import socket; socket.socket()"])
def test_the_process_opens_neither_files_nor_sockets(code: str) -> None:
    assert "Too many open files" in restricted("import _socket\n" + code).stderr


def test_the_process_gets_so_much_memory_and_no_more() -> None:
    ended = restricted("bytearray(1_000_000_000)")
    assert ended.stderr.strip().endswith("MemoryError")


def test_the_process_gets_so_much_time_and_no_more() -> None:
    ended = restricted("while True: pass")
    assert decoding._why(ended.returncode) == "takes more than 10 s to decode; save it as WAV"


def test_the_limits_cannot_be_raised_again() -> None:
    raised = restricted(
        "import resource as r\n"
        "for which in (r.RLIMIT_CPU, r.RLIMIT_AS, r.RLIMIT_NOFILE, r.RLIMIT_CORE):\n"
        "    soft, hard = r.getrlimit(which)\n"
        "    print(soft, hard)\n"
    )
    assert raised.stdout.split("\n")[:-1] == ["1 2", "1000000000 1000000000", "3 3", "0 0"]
    assert resource.getrlimit(resource.RLIMIT_NOFILE) != (3, 3)


def test_the_process_knows_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    programmed("import os; sys.stdout.write('R' + ','.join(sorted(os.environ)))", monkeypatch)
    with pytest.raises(InvalidRequestError) as caught:
        decode_clip(CLIP)
    known = set(str(caught.value).rpartition(" ")[2].split(","))
    # The last is of Python's own making.
    assert known <= {"OPENBLAS_NUM_THREADS", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LC_CTYPE"}


def test_the_process_imports_av_and_numpy_and_nothing_of_ours() -> None:
    command = decoding._command("wav")
    code = (
        "import runpy, sys\n"
        f"sys.argv = {command[3:]!r}\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "print({name.partition('.')[0] for name in sys.modules} & {'torch', 'tts_hub', 'tts_hub_chatterbox'},"
        " file=sys.stderr)\n"
    )
    ended = subprocess.run([*command[:3], "-c", code], input=CLIP, capture_output=True, check=False)
    assert ended.stdout.startswith(b"+S")
    assert ended.stderr.strip() == b"set()"


# --- its end ---


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "cannot be decoded: .* signal 11"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "cannot be decoded: .* signal 9"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", "takes more than 10 s to decode"),
        ("raise IndexError", "cannot be decoded: .* status 1"),
        ("sys.exit()", "broke off"),
        ("sys.stdout.write('Sabc')", "broke off"),
        ("sys.stdout.write('Sabcdefg')", "broke off"),
        ("sys.stdout.write('Rsounds odd')", "the reference clip sounds odd"),
    ],
)
def test_how_the_process_ends_is_reported_of_the_clip(
    code: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    programmed(code, monkeypatch)
    with pytest.raises(InvalidRequestError, match=reason) as caught:
        decode_clip(CLIP)
    assert caught.value.param == "voice"


def test_a_process_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_WAIT", 0.3)
    programmed("import time; time.sleep(600)", monkeypatch)
    with pytest.raises(InvalidRequestError, match=r"takes more than 0\.3 s to decode"):
        decode_clip(CLIP)


def test_a_process_that_comes_not_as_far_as_the_clip_says_nothing_about_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    programmed("import av_is_missing", monkeypatch, ready=False)
    with pytest.raises(AudioError, match="No module named 'av_is_missing'"):
        decode_clip(CLIP)
    monkeypatch.setattr(decoding, "_command", lambda _: ["/nowhere/python"])
    with pytest.raises(AudioError, match="cannot start /nowhere/python"):
        decode_clip(CLIP)


def test_a_long_clip_is_given_up_while_it_is_decoded() -> None:
    """A megabyte that would be 2 h of sound, 691 MB as floats at 24 kHz."""
    file = io.BytesIO()
    with av.open(file, "w", format="flac") as opened:
        stream = opened.add_stream("flac", rate=24_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 24_000 * 60), np.int16), layout="mono")
        frame.sample_rate = 24_000
        for _ in range(120):
            frame.pts = None
            opened.mux(stream.encode(frame))
        opened.mux(stream.encode(None))
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    with pytest.raises(InvalidRequestError, match="longer than 120 s"):
        decode_clip(file.getvalue())
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 2


def test_the_longest_clip_of_the_highest_rate_is_within_the_limits() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="flac") as opened:
        stream = opened.add_stream("flac", rate=192_000, layout="mono")
        for _ in range(119):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 192_000), np.int16), layout="mono")
            frame.sample_rate = 192_000
            opened.mux(stream.encode(frame))
        opened.mux(stream.encode(None))
    assert decode_clip(file.getvalue()).seconds == pytest.approx(119)


def test_an_m4a_with_a_picture_and_subtitles_is_read() -> None:
    """They come as streams of their own, for which av imports more of itself."""
    file = io.BytesIO()
    with av.open(file, "w", format="mov") as opened:
        sound = opened.add_stream("aac", rate=24_000, layout="mono")
        picture = opened.add_stream("mjpeg", rate=1, width=16, height=16, pix_fmt="yuvj420p")
        text: Any = opened.add_stream("mov_text")
        text.codec_context.subtitle_header = SUBTITLE_STYLE
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 24_000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 24_000
        for packets in (sound.encode(frame), sound.encode(None)):
            opened.mux(packets)
        for packets in (picture.encode(av.VideoFrame(16, 16, "yuvj420p")), picture.encode(None)):
            opened.mux(packets)
    data = file.getvalue()
    with av.open(io.BytesIO(data)) as opened_again:
        assert [stream.type for stream in opened_again.streams] == ["audio", "video", "subtitle"]
    assert decode_clip(data).seconds == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [
        ("webm", "libopus", 48_000),
        ("mp4", "libopus", 48_000),
        ("mp4", "aac", 44_100),
    ],
)
def test_what_browsers_record_is_read(container: str, codec: str, rate: int) -> None:
    """A recorder of a browser writes to no seekable file, so the header knows no length."""
    file = io.BytesIO()
    options = {"movflags": "frag_keyframe+empty_moov"} if container == "mp4" else {"live": "1"}
    with av.open(file, "w", format=container, options=options) as opened:
        stream: Any = opened.add_stream(codec, rate=rate, layout="mono")
        sound = (0.5 * np.sin(2 * np.pi * 440 * np.arange(3 * rate) / rate)).astype(np.float32)
        sample_format = "flt" if codec == "libopus" else "fltp"
        frame = av.AudioFrame.from_ndarray(sound[None], format=sample_format, layout="mono")
        frame.sample_rate = rate
        opened.mux(stream.encode(frame))
        opened.mux(stream.encode(None))
    clip = decode_clip(file.getvalue())
    assert clip.sample_rate == rate
    assert clip.seconds == pytest.approx(3, abs=0.1)
    assert np.sqrt(np.mean(clip.samples[rate : 2 * rate] ** 2)) == pytest.approx(0.354, abs=0.02)


def test_clips_are_decoded_from_several_threads_at_once() -> None:
    lengths: list[int] = []

    def decode() -> None:
        lengths.append(len(decode_clip(CLIP).samples))

    threads = [threading.Thread(target=decode) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lengths == [132_000] * 4
