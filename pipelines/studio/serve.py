"""Serving the studio: for `swaptalk studio`, and beside the Dagster UI as a process that ends with it.

python -m pipelines.studio.serve HOME PORT [--parent PID] [--dagster ADDRESS]
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import socket
import threading
import time
from pathlib import Path
from types import FrameType

import uvicorn

from pipelines.studio.app import make_app
from pipelines.studio.studio import Studio, StudioSettings
from swaptalk_models.errors import UserError

ADDRESS, PORT = "127.0.0.1", 3002
_ENDS_S = 2
"""How long windows that listen are waited for."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0: a free one.

    Raises:
        UserError: the port is taken, or this machine has no such address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host.strip("[]"), port))
    except OSError as error:
        listening.close()
        raise UserError(f"{host}, port {port}: cannot listen there: {error.strerror}; choose another --port") from None
    listening.listen(128)
    listening.set_inheritable(False)
    return listening


def serve(settings: StudioSettings, listening: socket.socket, parent: int | None = None) -> None:
    """Serve until Ctrl-C, or until the process ``parent`` ends. UserError: the home cannot hold a studio."""
    studio = Studio(settings)
    config = uvicorn.Config(
        make_app(studio),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_ENDS_S,
        ws="none",
    )
    logging.getLogger("uvicorn.error").addFilter(_worth_saying)
    server = _Server(config, studio)
    if parent is not None:
        threading.Thread(target=_end_with, args=(server, parent), daemon=True).start()
    server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """Sends those who listen to events home before it waits for the others."""

    def __init__(self, config: uvicorn.Config, studio: Studio) -> None:
        super().__init__(config)
        self.studio = studio

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.studio.closing = True
        super().handle_exit(sig, frame)


def _worth_saying(record: logging.LogRecord) -> bool:
    """Not that what was going on at Ctrl-C has ended."""
    fault = record.exc_info[0] if record.exc_info else None
    ended = fault is not None and issubclass(fault, asyncio.CancelledError)
    return not ended and "graceful shutdown" not in record.getMessage()


def _end_with(server: _Server, parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    server.studio.closing = server.should_exit = True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--parent", type=int)
    parser.add_argument("--dagster")
    given = parser.parse_args()
    serve(StudioSettings(given.home, dagster=given.dagster), listen(ADDRESS, given.port), given.parent)
