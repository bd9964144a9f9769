"""A child process that does one thing within limits, and says in JSON what came out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import Any

from assets.support.own_packages import own_environment
from pipelines.studio.limits import Limits
from pipelines.studio.refusal import Refusal

_SAID = 2000  # letters of what a child said that are kept where it ended badly
_THREADS = {
    name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
}  # each reserves memory
CHILD = "pipelines.studio.look_child"


class ChildFailed(Exception):
    """It ended as no file's fault explains; ``str(error)`` is what it said last."""


def child_environment() -> dict[str, str]:
    """Of processes that decode: our packages, and no secret of the server's."""
    kept = {name: value for name, value in own_environment().items() if not name.startswith("SWAPTALK_STUDIO")}
    return kept | {"MALLOC_ARENA_MAX": "2"}


def in_a_child(what: str, asked: dict[str, Any], limits: Limits, about: str, module: str = CHILD) -> dict[str, Any]:
    """What a child makes of it.

    Args:
        what: name of one of the module's tasks. asked: what it is given, as JSON.
        about: name of the file in question, for what is said of it.

    Raises:
        Refusal: the child refused, or the file needs more time or memory than there is for it.
        ChildFailed: a fault of the program.
    """
    words = [sys.executable, "-m", module, what, json.dumps(asked), json.dumps(limits.to_json())]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=child_environment() | _THREADS,
            start_new_session=True,
        )
        try:
            child.wait(limits.seconds)
        except subprocess.TimeoutExpired:
            raise Refusal(
                422, f"{about}: to look at it took more than {limits.seconds:.0f} s: make it shorter"
            ) from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # and whatever it has started
            child.wait()
        out.seek(0)
        err.seek(0)
        said, complaint = out.read(), err.read()[-_SAID:].decode(errors="replace")
    if child.returncode == -signal.SIGXCPU:
        raise Refusal(422, f"{about}: to look at it took more than {limits.seconds:.0f} s: make it shorter")
    if child.returncode in (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGKILL, -signal.SIGBUS, -signal.SIGXFSZ):
        raise Refusal(422, f"{about}: no program here can read it, it may be damaged: save it anew as mp4, png or wav")
    try:
        answer = json.loads(said.splitlines()[-1])
    except (IndexError, ValueError):
        raise ChildFailed(complaint or f"it said nothing and ended with {child.returncode}") from None
    if "refused" in answer:
        raise Refusal(422, answer["refused"])
    return answer
