"""A Postgres server of the tests' own: in a temporary folder, on a free port (of the loopback unless another address is named), with a password that must never be seen."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "not-to-be-shown"


def programs() -> Path | None:
    """The folder of `initdb` and `pg_ctl`; None: they are not installed, or root has no user to run them as."""
    if os.geteuid() == 0 and not any(user.pw_name == "postgres" for user in pwd.getpwall()):
        return None
    found = [folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if (folder / "initdb").is_file()]
    if found:
        return max(found, key=lambda folder: int(folder.parent.name))
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def restart(bin_folder: Path, data: str) -> None:
    """Start a server anew that was not asked to stop. ``data``: as it says itself, `SHOW data_directory`."""
    user = {"user": "postgres"} if os.geteuid() == 0 else {}
    command = [bin_folder / "pg_ctl", "restart", "--wait", "--mode=immediate", "--pgdata", data]
    subprocess.run(command, check=True, cwd=data, stdout=subprocess.DEVNULL, **user)


@contextmanager
def postgres_server(bin_folder: Path, host: str = "127.0.0.1", clients: str = "") -> Iterator[str]:
    """Gives the address of an empty database; the server ends with the block. ``clients``: the network that it lets in besides."""
    user = {"user": "postgres"} if os.geteuid() == 0 else {}  # it refuses to be root's
    folder = Path(tempfile.mkdtemp(prefix="swaptalk-postgres-"))
    with socket.socket() as free:
        free.bind((host, 0))
        port = free.getsockname()[1]
    (folder / "password").write_text(PASSWORD)
    if user:
        shutil.chown(folder, "postgres")
        shutil.chown(folder / "password", "postgres")

    def call(program: str, *arguments: str) -> None:
        command = [bin_folder / program, "--pgdata", folder / "data", *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **user)

    options = f"-c listen_addresses={host} -c port={port} -c unix_socket_directories={folder} -c fsync=off"
    try:
        call("initdb", "--auth=scram-sha-256", "--username=swaptalk", f"--pwfile={folder / 'password'}", "--encoding=UTF8",
             "--no-sync")  # fmt: skip
        if clients:
            with (folder / "data" / "pg_hba.conf").open("a") as rules:
                rules.write(f"host all all {clients} scram-sha-256\n")
        call("pg_ctl", "start", "--wait", f"--log={folder / 'log'}", f"--options={options}")
        try:
            yield f"postgresql://swaptalk:{PASSWORD}@{host}:{port}/postgres"
        finally:
            call("pg_ctl", "stop", "--mode=immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
