"""An S3 server of the tests' own (moto), in a process on a free port, of the loopback unless another address is named."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

BUCKET = "swaptalk-tests"
KEYS = {
    "AWS_ACCESS_KEY_ID": "tests-key",
    "AWS_SECRET_ACCESS_KEY": "not-to-be-shown",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_STARTS_S = 60.0


@contextmanager
def s3_server(host: str = "127.0.0.1") -> Iterator[str]:
    """Gives the server's address; it has the bucket ``BUCKET``, and ends with the block."""
    import boto3

    port = free_port(host)
    address = f"http://{host}:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", host, "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for((host, port), server)
        client = boto3.client(
            "s3",
            endpoint_url=address,
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            region_name=KEYS["AWS_REGION"],
        )
        client.create_bucket(Bucket=BUCKET)
        yield address
    finally:
        server.kill()
        server.wait()


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as free:
        free.bind((host, 0))
        return free.getsockname()[1]


def _wait_for(address: tuple[str, int], server: subprocess.Popen) -> None:
    until = time.monotonic() + _STARTS_S
    while time.monotonic() < until and server.poll() is None:
        try:
            socket.create_connection(address, 1.0).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("moto's server does not start")
