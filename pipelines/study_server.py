"""A study over http on the loopback address: gives its page, and takes its votes, a file a rater.

For one machine, or for who puts a proxy with TLS and a password in front of it: nothing here knows who asks.
"""

from __future__ import annotations

import json
import threading
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.study.record import KEY_FILE, PAGE_FILE, VIDEOS_FOLDER, VOTES_FOLDER, Study, read_key
from swaptalk_models.evaluation.study.votes import vote_of

ADDRESS = "127.0.0.1"
_LONGEST = 2000  # bytes of a vote
_FIELDS = ("study", "rater", "item", "left", "right", "choice")
_MOST = 10_000  # bytes of votes on one pair, of one rater: who changes his mind more often is no person
_writing = threading.Lock()


class _StudyHandler(SimpleHTTPRequestHandler):
    """The page and its videos, never the key; POST votes."""

    def __init__(self, *args: object, study: Study, **kwargs: object) -> None:
        self.study = study
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # as the library has it

    def do_GET(self) -> None:
        self._give(super().do_GET)

    def do_HEAD(self) -> None:
        self._give(super().do_HEAD)

    def _give(self, give) -> None:  # type: ignore[no-untyped-def]
        path = urlsplit(self.path).path
        self.path = f"/{PAGE_FILE}" if path in ("", "/") else path
        folder, _, name = path.lstrip("/").rpartition("/")
        videos = [f"{side}.mp4" for item in self.study.items for side in (item.left, item.right)]
        if self.path == f"/{PAGE_FILE}" or (folder == VIDEOS_FOLDER and name in videos):
            give()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        if urlsplit(self.path).path != "/votes":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        origin, host = self.headers.get("Origin"), self.headers.get("Host", "")
        if origin and urlsplit(origin).netloc != host:  # another site's page in the same browser
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            length = -1
        if not 0 <= length <= _LONGEST:
            self.close_connection = True
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE if length > _LONGEST else HTTPStatus.LENGTH_REQUIRED)
            return
        try:
            self._keep(self.rfile.read(length))
        except (UserError, ValueError) as error:
            self._answer(HTTPStatus.BAD_REQUEST, str(error))
        else:
            self._answer(HTTPStatus.OK, "kept")

    def _keep(self, body: bytes) -> None:
        """Append a vote of this study to its rater's file.

        Raises:
            UserError, ValueError: it is none.
        """
        said = json.loads(body)
        if not isinstance(said, dict) or any(not isinstance(said.get(name), str) for name in _FIELDS):
            raise ValueError("not a vote")
        vote = vote_of(said, self.study, "this vote")
        kept = {
            name: said[name] for name in (*_FIELDS, "seconds", "at") if isinstance(said.get(name), str | int | float)
        }
        path = Path(self.directory) / VOTES_FOLDER / f"{vote.rater}.jsonl"
        with _writing:
            path.parent.mkdir(exist_ok=True)
            if path.is_file() and path.stat().st_size > _MOST * len(self.study.items):
                raise ValueError("more votes than a person gives")
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(kept) + "\n")

    def _answer(self, status: HTTPStatus, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


def study_server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of the study in ``folder``, ready to `serve_forever`; port 0: a free one.

    Raises:
        UserError: no study, or the port is taken.
    """
    study = read_key(folder / KEY_FILE)
    try:
        return ThreadingHTTPServer((ADDRESS, port), partial(_StudyHandler, study=study, directory=str(folder)))
    except OSError as error:
        raise UserError(f"--port {port}: cannot listen there: {error.strerror}; choose another") from None
