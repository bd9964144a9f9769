"""A home's evaluations over http on the loopback address, beside the UI: a browser opens no `file://` link from a page of http.

`swaptalk dev` starts it as a process of its own, which ends with the one that it was started for.
"""

from __future__ import annotations

import argparse
import os
import socket
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from swaptalk_models.evaluation.files import RELEASES_PAGE

ADDRESS = "127.0.0.1"


class _Reports(SimpleHTTPRequestHandler):
    """Reads files below one folder; lists the reports, newest first, where a folder is asked for."""

    def list_directory(self, path):  # type: ignore[no-untyped-def]  # as the library has it
        self.send_response(404)
        self.end_headers()

    def do_GET(self) -> None:
        if self.path in ("", "/"):
            self._list()
        else:
            super().do_GET()

    def _list(self) -> None:
        root = Path(self.directory)
        found = sorted(root.glob("*/report_*.html"), key=lambda path: path.stat().st_mtime, reverse=True)
        rows = "".join(
            f'<li><a href="/{path.relative_to(root)}">{path.stem}</a> '
            f"{time.strftime('%Y-%m-%d %H:%M', time.localtime(path.stat().st_mtime))}</li>"
            for path in found
        )
        releases = f'<p><a href="/{RELEASES_PAGE}">All releases</a></p>' if (root / RELEASES_PAGE).is_file() else ""
        page = (
            "<!doctype html><title>Evaluation reports</title><h1>Evaluation reports</h1>"
            f"{releases}<ul>{rows or 'none yet'}</ul>"
        )
        body = page.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """The terminal is the UI's."""


def port_is_free(port: int) -> bool:
    """Whether something could listen there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((ADDRESS, port))
        except OSError:
            return False
    return True


def serve(folder: Path, port: int, parent: int | None = None) -> None:
    """Serve until the process ``parent`` ends; without one, for ever."""
    folder.mkdir(parents=True, exist_ok=True)
    server = ThreadingHTTPServer((ADDRESS, port), partial(_Reports, directory=str(folder)))
    if parent is not None:
        threading.Thread(target=_end_with, args=(server, parent), daemon=True).start()
    with server:
        server.serve_forever()


def _end_with(server: ThreadingHTTPServer, parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    server.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--parent", type=int)
    asked = parser.parse_args()
    serve(asked.folder, asked.port, asked.parent)
