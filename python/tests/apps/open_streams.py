"""Streams that stay open behind their first events, as HTTP/1.1 chunks and as a body that ends with its connection."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# An event that is split in the middle of a character.
PIECES = ["\N{BOM}id: 7\nevent: tick\ndata: ".encode() + b"\xc3", b"\xa9\r\n\r\ndata: two\n\n"]


class Streams(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        chunked = self.path == "/chunked"
        self.protocol_version = "HTTP/1.1" if chunked else "HTTP/1.0"
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in PIECES:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        # The client leaves.
        self.rfile.read(1)
        self.close_connection = True


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Streams).serve_forever()
