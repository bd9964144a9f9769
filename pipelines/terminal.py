"""What `swaptalk run` shows while Dagster works: one line a stage, and the progress that a training reports.

Dagster's own log lines go to the instance, where the UI shows them; here they would bury the progress.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import TextIO

import dagster as dg

PROGRESS_SECONDS = 15.0
"""Without a terminal, at most one line of progress in this time."""


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
            self._progress(f"  {step}: {message}")

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
            self._write(text[:110], end="")
        elif now - self.progress_at >= PROGRESS_SECONDS:
            self.progress_at = now
            self._write(text, end="\n")

    def _write(self, text: str, end: str) -> None:
        erase = "\r\x1b[2K" if self.live and self.open_line else ""
        self.stream.write(erase + text + end)
        self.stream.flush()
        self.open_line = not end
