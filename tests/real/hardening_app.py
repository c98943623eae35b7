"""An app that says what it was told, and ends connections without a reply."""

import http.server
import json
import os

ASKED = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path == "/closes":
            ASKED[self.command] = ASKED.get(self.command, 0) + 1
            if ASKED[self.command] % 2:
                self.close_connection = True
                return
        body = json.dumps({"headers": self.headers.items()}).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if "upgrade" in self.headers:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer


http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
