#!/usr/bin/env bash
# openai 3.57.0: the plain audio.speech.create() repeats the request when the BODY of a 200 breaks off.
#
# Its documentation names connection errors, 408, 409, 429 and 5xx. A 200 whose body ends early counts as a
# connection error, because create() reads the whole body inside the call; `x-should-retry: false` on that 200 is not
# obeyed, since the header is only looked at for error statuses. So the work (and its bill) happens three times,
# and the caller is told "Connection error." With with_streaming_response it happens once.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet openai==3.57.0 2>/dev/null
cat > show.py <<'PY'
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai

seen = []


class Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        seen.append(self.headers["x-stainless-retry-count"])
        self.send_response(200)
        self.send_header("content-type", "audio/mpeg")
        self.send_header("transfer-encoding", "chunked")
        self.send_header("x-should-retry", "false")
        self.end_headers()
        self.wfile.write(b"5\r\nabcde\r\n")  # and no last chunk
        self.close_connection = True

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = openai.OpenAI(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="none")
try:
    client.audio.speech.create(model="tts-1", voice="alloy", input="Hello.")
except openai.APIConnectionError as exc:
    print(f"create(): {len(seen)} requests, retry counts {seen}, then {type(exc).__name__}: {exc}")
assert seen == ["0", "1", "2"], seen
PY
venv/bin/python show.py
