"""Data stages of one run that overlap: videos that one stage is done with go on to the next while it is at work on others.

For a cluster, where stages need different things: files are fetched while others are cut, and clips that are tracked on a GPU are cropped on CPUs.
On one machine each of them keeps every core busy by itself.

A thread a stage, and the videos in portions. What is done ahead is no more than that: when its portions are through, each stage is brought up to
date for all videos at once, as it would be without others beside it, and only this says how it went.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace

from swaptalk_models.data.engine.ray_cluster import connected
from swaptalk_models.data.engine.ray_tasks import RayTasks
from swaptalk_models.data.stages.registry import DATA_STAGES
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger, StageReport
from swaptalk_models.settings.preset import Preset

PORTIONS = 50
"""Of a run, at the most: enough for stages to overlap nearly all the time. Each takes some of the ledger's time, and none has fewer videos than
the cluster has CPUs, for a stage waits for the last item of one before it begins the next."""


class _Stopped(Exception):
    """The flow was closed, or a stage that this one reads has failed."""


class Flow:
    """Brings data stages up to date beside one another, on one Ray cluster. It holds the home for all of them until all have ended."""

    def __init__(
        self, names: Sequence[str], home: Home, preset: Preset, videos: Sequence[str], workers: int = 1, run: str = ""
    ):
        """Begins at once.

        Args:
            names: of DATA_STAGES, in any order.
            workers: CPUs of a Ray that has to be started.
            run: the run to which the counts are added.
        """
        self.names = tuple(name for name in DATA_STAGES if name in names)
        self._home, self._preset, self._workers, self._run = home, preset, workers, run
        self._since = time.time()
        self._videos = list(dict.fromkeys(videos))
        self._portions: list[list[str]] = []
        self._left = set(self.names)
        self._moved = threading.Condition()
        self._passed: dict[str, list[bool]] = {name: [] for name in self.names}
        """Of each portion that a stage is done with: whether anything was new."""
        self._reports: dict[str, Future[StageReport]] = {}
        self._closed = False
        self._threads = ThreadPoolExecutor(len(self.names) + 1, "flow")
        self._held = self._threads.submit(self._hold)
        self._held.add_done_callback(self._move)

    def is_left(self, name: str) -> bool:
        """Whether nobody has asked for the stage's report yet."""
        return name in self._left

    def report(self, name: str) -> StageReport:
        """How it went, when it has gone; with the last of its stages the home is free again.

        Raises:
            UserError: as ``run_data_stage``; whatever else stopped the stage. Those that do not read it go on.
        """
        self._left.discard(name)
        try:
            with self._moved:
                self._moved.wait_for(lambda: len(self._reports) == len(self.names) or self._held.done())
            if not self._reports:
                self._held.result()
            wait([self._reports[name]])
        except BaseException:  # Ctrl-C, or nothing could begin
            self.close()
            raise
        if all(report.done() for report in self._reports.values()):
            self.close()
        return self._reports[name].result()

    def close(self) -> None:
        """Stop what is still at work, and wait for it; what is done is kept."""
        with self._moved:
            self._closed = True
            self._moved.notify_all()
        self._threads.shutdown()

    def _hold(self) -> None:
        """Hold the home, and have the stages brought up to date."""
        with contextlib.ExitStack() as held, connected(self._preset.ray, self._workers) as ray:
            size = max(int(ray.cluster_resources().get("CPU", 1)), -(-len(self._videos) // PORTIONS))
            self._portions = [self._videos[start : start + size] for start in range(0, len(self._videos), size)]
            unclean = {}
            for name in self.names:
                reads = tuple(read for read in DATA_STAGES[name].reads if read not in self.names)
                unclean[name] = held.enter_context(self._home.writing(name, reads))
            asleep = self._asleep()
            with self._moved:  # a stage that waits for another finds it
                for name in self.names:
                    self._reports[name] = self._threads.submit(self._bring, name, unclean[name], name in asleep)
                    self._reports[name].add_done_callback(self._move)
                self._moved.notify_all()
            wait(self._reports.values())
            for report in self._reports.values():
                report.result()  # an error tells whoever writes next to look closely

    def _move(self, _: object) -> None:
        with self._moved:
            self._moved.notify_all()

    def _asleep(self) -> set[str]:
        """Stages that have nothing to do unless those before them make something."""
        with Ledger(self._home.ledger) as ledger:
            limit = self._preset.limits.item_seconds
            stages = (DATA_STAGES[name] for name in self.names)
            return {
                stage.name
                for stage in stages
                if stage.standing(self._home, ledger, self._preset, self._videos, limit).still()
            }

    def _bring(self, name: str, unclean: bool, asleep: bool) -> StageReport:
        started, ahead = time.monotonic(), 0
        before = [read for read in DATA_STAGES[name].reads if read in self.names]
        for index, portion in enumerate(self._portions):
            self._wait_for(before, index)
            new = not asleep or any(self._passed[read][index] for read in before)
            if new:
                done = self._stage(name, portion, unclean, whole=False)
                ahead, unclean, new = ahead + done.computed, False, done.computed > 0
            with self._moved:
                self._passed[name].append(new)
                self._moved.notify_all()
        self._wait_for(before)
        whole = self._stage(name, self._videos, unclean)
        seconds = time.monotonic() - started
        report = replace(whole, computed=whole.computed + ahead, cached=whole.cached - ahead, seconds=seconds)
        with Ledger(self._home.ledger) as ledger:
            ledger.record(report, self._run)
        return report

    def _stage(self, name: str, videos: Sequence[str], unclean: bool, whole: bool = True) -> StageReport:
        stage = DATA_STAGES[name]
        config = self._preset.ray
        tasks = RayTasks(name, stage.needs, stage.files, config, self._workers, check=self._check)
        return stage.run(
            self._home,
            self._preset,
            videos,
            executor=tasks,
            run=None,
            time_limit=self._preset.limits.item_seconds,
            held=contextlib.nullcontext(unclean),
            whole=whole,
            since=self._since,
        )

    def _wait_for(self, before: Sequence[str], index: int | None = None) -> None:
        """Until these stages are done with a portion, or with all."""

        def through(name: str) -> bool:
            return (index is not None and len(self._passed[name]) > index) or self._reports[name].done()

        with self._moved:
            self._moved.wait_for(lambda: self._closed or all(map(through, before)))
        self._check()
        if failed := [name for name in before if self._reports[name].done() and self._reports[name].exception()]:
            raise _Stopped(f"{', '.join(failed)}: failed")

    def _check(self) -> None:
        if self._closed:
            raise _Stopped("the data stages were stopped")
