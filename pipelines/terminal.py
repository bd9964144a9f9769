"""What `swaptalk run` shows while Dagster works: one line a stage, and the progress that a training reports.

Dagster's own log lines go to the instance, where the UI shows them; here they would bury the progress.
"""

from __future__ import annotations

import logging
import re
import shutil
import sys
import time
from typing import TextIO

import dagster as dg

PROGRESS_SECONDS = 15.0
"""Without a terminal, at most one line of progress in this time."""
_COUNT = re.compile(r"(?:^|\s)(\d[\d,]*)/(\d[\d,]*)\b")
_SHARE = re.compile(r"\((\d+) % of the budget\)")
_SURE_SECONDS = 5.0  # a rate of less is chance


@dg.logger(
    config_schema=dg.Field(dg.Shape({}), is_required=False),
    description="One line a stage, for people at a terminal.",
)
def terminal_logger(init_context: dg.InitLoggerContext) -> logging.Logger:
    logger = logging.Logger("swaptalk.terminal", logging.DEBUG)  # noqa: LOG001 (a new one for each run)
    logger.addHandler(StageLines(sys.stderr))
    return logger


class StageLines(logging.Handler):
    """Writes a line when a stage ends, and the newest message of a running one in between."""

    def __init__(self, stream: TextIO):
        super().__init__()
        self.stream = stream
        self.live = stream.isatty()
        self.started: dict[str, float] = {}
        self.made: set[str] = set()
        self.progress_at = 0.0
        self.open_line = False
        self.counted: dict[tuple[str, int], tuple[float, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        meta = getattr(record, "dagster_meta", {})
        event, step = meta.get("dagster_event"), meta.get("step_key") or ""
        if event is not None:
            self._event(event)
            return
        message = meta.get("orig_message") or record.getMessage()
        if message.endswith("Not executing."):  # steps after a failed one; the failure itself is said once, at the end
            return
        if record.levelno >= logging.WARNING:
            self._line(f"  {step}: {message}")
        elif record.levelno == logging.INFO:
            self._progress(f"  {step}: {self._with_rest(step, message)}")

    def _event(self, event: dg.DagsterEvent) -> None:
        if event.event_type == dg.DagsterEventType.STEP_START:
            self.started[event.step_key] = time.monotonic()
            self._progress(f"  {event.step_key} ...")
        elif event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION:
            self.made.add(event.step_key)
        elif event.event_type == dg.DagsterEventType.STEP_SUCCESS and event.step_key in self.made:  # else it is a check
            self._line(f"  {event.step_key:<20} {self._seconds(event.step_key):>8.1f} s")
        elif event.event_type == dg.DagsterEventType.STEP_FAILURE:
            self._line(f"  {event.step_key:<20} {self._seconds(event.step_key):>8.1f} s  failed")
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            outcome = event.asset_check_evaluation_data
            if not outcome.passed:
                said = outcome.description or outcome.check_name
                self._line(f"  {outcome.asset_key.to_user_string()}: {outcome.severity.value.lower()}: {said}")

    def _seconds(self, step: str) -> float:
        return time.monotonic() - self.started.get(step, time.monotonic())

    def _line(self, text: str) -> None:
        self._write(text, end="\n")

    def _progress(self, text: str) -> None:
        now = time.monotonic()
        if self.live:
            self._write(text[: shutil.get_terminal_size().columns - 1], end="")  # a wrapped line cannot be erased
        elif now - self.progress_at >= PROGRESS_SECONDS:
            self.progress_at = now
            self._write(text, end="\n")

    def _with_rest(self, step: str, message: str) -> str:
        """Behind a count, as in `step 101/450`, how long the rest will take at the pace so far."""
        count = _COUNT.search(message) or _SHARE.search(message)
        if count is None:
            return message
        done, of = (int(number.replace(",", "")) for number in (*count.groups(), "100")[:2])
        now = time.monotonic()
        since, first = self.counted.setdefault((step, of), (now, done))
        if done <= first or now - since < _SURE_SECONDS:
            return message
        rest = (of - done) * (now - since) / (done - first)
        return f"{message[: count.end()]}, {duration(rest)} left{message[count.end() :]}"

    def _write(self, text: str, end: str) -> None:
        erase = "\r\x1b[2K" if self.live and self.open_line else ""
        self.stream.write(erase + text + end)
        self.stream.flush()
        self.open_line = not end


def duration(seconds: float) -> str:
    """As people say it: 40 s, 12 min, 3 h 20 min, 2 d 4 h."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"
