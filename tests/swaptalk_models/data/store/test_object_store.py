"""What a store must be able to do, and what is said of one that cannot."""

import io
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from swaptalk_models.data.store.object_store import ObjectStore
from swaptalk_models.data.store.storage_address import Storage
from swaptalk_models.errors import UserError


class Forgetful(BaseHTTPRequestHandler):
    """Objects in a dictionary; whatever a PUT asks for, it writes."""

    objects: dict[str, bytes]
    refuses: str

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.refuses:
            self.answer(403, f"<Error><Code>{self.refuses}</Code><Message>no</Message></Error>".encode())
            return
        if "aws-chunked" in self.headers.get("Content-Encoding", ""):
            length, _, rest = content.partition(b"\r\n")
            content = rest[: int(length.split(b";")[0], 16)]
        self.objects[self.path] = content
        self.answer(200, b"")

    def do_GET(self) -> None:
        self.answer(200, self.objects[self.path.partition("?")[0]])

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, b"<DeleteResult/>")

    def answer(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@contextmanager
def forgetful_server(refuses: str = "") -> Iterator[str]:
    handler = type("Handler", (Forgetful,), {"objects": {}, "refuses": refuses})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_objects_come_and_go(s3):
    store = ObjectStore(Storage(s3))
    store.check()
    assert list(store.listed()) == [], "the probe is gone"
    assert store.read("a/b") is None and store.pieces("a/b") is None and not store.has("a/b")
    assert store.write("a/b", b"one", only_new=True)
    assert not store.write("a/b", b"two", only_new=True) and store.read("a/b") == b"one"
    store.upload("a/large", io.BytesIO(bytes(3 << 20)))
    assert sum(map(len, store.pieces("a/large"))) == 3 << 20
    assert [(one.key, one.size) for one in store.listed("a/")] == [("a/b", 3), ("a/large", 3 << 20)]
    assert store.folders("") == ["a"]
    store.delete(["a/b", "a/large", "never there"])
    assert list(store.listed()) == []


def test_a_store_that_ignores_conditional_writes_is_refused(s3, monkeypatch):
    with forgetful_server() as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        with pytest.raises(
            UserError, match=re.escape(f"{s3}: this store writes over an object although If-None-Match forbids it")
        ):
            ObjectStore(Storage(s3)).check()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("InvalidAccessKeyId", "see AWS_ACCESS_KEY_ID"),
        ("SignatureDoesNotMatch", "see AWS_SECRET_ACCESS_KEY"),
        ("AccessDenied", "this key may not"),
    ],
)
def test_a_wrong_key_is_one_line(s3, monkeypatch, code, said):
    with forgetful_server(code) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        with pytest.raises(UserError, match=said) as raised:
            ObjectStore(Storage(s3)).check()
    assert "\n" not in str(raised.value) and "not-to-be-shown" not in str(raised.value)


def test_no_bucket_no_server_and_no_key(s3, monkeypatch):
    with pytest.raises(UserError, match="s3://there-is-none/x: there is no such bucket: make it"):
        ObjectStore(Storage("s3://there-is-none/x")).check()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="cannot be reached at http://127.0.0.1:9"):
        ObjectStore(Storage(s3)).check()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:10")
    with pytest.raises(UserError, match="no keys for it: set AWS_ACCESS_KEY_ID"):
        ObjectStore(Storage(s3)).check()
