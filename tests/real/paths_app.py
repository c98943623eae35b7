"""An app that says what it was told, is slow, and tells of events one by one."""

import http.server
import json
import os
import threading
import time

# Each event is told when somebody has asked for it.
EVENTS = threading.Semaphore(0)
# What waits goes on when somebody says so.
WAIT = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def chunk(self, text):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text.encode()))
        self.wfile.flush()

    def events(self, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(3):
            self.chunk(f"data: {number}\n\n")
            EVENTS.acquire(timeout=10)
        self.chunk("")

    def do_GET(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.split("?")[0]
        if path.endswith("/events"):
            return self.events("text/event-stream")
        if path.startswith("/export/"):
            return self.events("application/x-ndjson")
        if path == "/next":
            EVENTS.release()
        if path.endswith("/wait"):
            WAIT.wait(20)
        if path == "/go":
            WAIT.set()
        if path == "/stop":
            WAIT.clear()
        if path.startswith("/slow/"):
            time.sleep(3)
        if path == "/long":
            return self.answer(["text"] * 1000)
        self.answer({"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}})

    do_POST = do_GET

    def answer(self, what):
        body = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "private")
        self.send_header("Expires", "0")
        self.send_header("X-Frame-Options", "ALLOWALL")
        if "upgrade" in self.headers:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
