#!/usr/bin/env python3
"""A cache on loopback whose answers take as long as those of one far away: slow_cache.py FOLDER MILLISECONDS. Prints its port."""
import http.server
import os
import sys
import time

folder, delay = sys.argv[1], float(sys.argv[2]) / 1000


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and content go out at once, not after the client's delayed acknowledgement.
    wbufsize = -1

    def do_GET(self):
        time.sleep(delay)
        try:
            with open(folder + os.path.normpath("/" + self.path), "rb") as file:
                status, content = 200, file.read()
        except OSError:
            status, content = 404, b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
