"""A tiny home, made once by the real graph: drawn people of a second, through Dagster, as `swaptalk run` does it."""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import cv2
import dagster as dg
import numpy as np
import pytest

import swaptalk_models
from assets.support.partitions import all_partitions, sync_partitions
from assets.support.resources import SwapTalk
from pipelines.definitions import defs
from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.data.phantom.corpus import write_corpus
from swaptalk_models.data.store.home import Home

PEOPLE, SECONDS = 6, 1.2
OVERRIDES = {
    "identity_encoder.channels": [8, 8],
    "identity_encoder.dim": 8,
    "identity_encoder.train.steps": 4,
    "identity_encoder.train.batch": 8,
    "identity_encoder.train.accumulate": 2,
    "identity_encoder.train.device": "cpu",
    "identity_encoder.train.dtype": "float32",
    "vqgan.train.device": "cpu",
}
# Assets import what they need when they run. Imported here, so that no module is first imported while a test has replaced a
# function that it takes by name: it would keep the replacement for every test after.
for found in pkgutil.walk_packages(swaptalk_models.__path__, "swaptalk_models."):
    importlib.import_module(found.name)

Events = dict[str, dict[str, dg.AssetMaterialization]]
"""{asset: {partition: its last event}}; the partition of an asset without is ""."""


@dataclass
class Graph:
    """A home, an instance, and the real graph over both."""

    home: Home
    videos: Path
    instance: dg.DagsterInstance
    result: dg.ExecuteInProcessResult | None = None
    whole: dict[str, dg.AssetMaterialization] = field(default_factory=dict)
    """{partitioned asset: the event of all its videos together} of the last run of each."""

    def run(self, *assets: str, overrides: dict[str, Any] | None = None, must: bool = True, **where: Any) -> Events:
        """Materialise these assets and run their checks; ``where``: partition_key or tags, by default all videos."""
        values = {"home": str(self.home.root), "videos": str(self.videos), "processes": 1}
        values |= {"overrides": OVERRIDES | (overrides or {}), "change": True}  # tests move the folder of videos
        self.result = defs.resolve_job_def("swaptalk").execute_in_process(
            run_config={"resources": {"swaptalk": {"config": values}}},
            instance=self.instance,
            asset_selection=[dg.AssetKey(name) for name in assets],
            raise_on_error=False,
            **(where or {"tags": all_partitions(self.instance)}),
        )
        assert self.result.success or not must, self.faults()
        found: Events = {}
        for event in self.result.get_asset_materialization_events():
            name = event.asset_key.to_user_string()
            if event.partition is None and name in PARTITIONED:
                self.whole[name] = event.materialization
            else:
                found.setdefault(name, {})[event.partition or ""] = event.materialization
        return found

    def swaptalk(self, **overrides: Any) -> SwapTalk:
        """The resource of such a run."""
        return SwapTalk(home=str(self.home.root), videos=str(self.videos), processes=1, overrides=OVERRIDES | overrides)

    def counts(self, name: str) -> list[int]:
        """Computed, cached and quarantined of a data stage, in its last run."""
        return counted(self.whole[name])

    def faults(self) -> list[str]:
        """What the failed steps of the last run said, with their causes."""
        assert self.result is not None
        return [
            event.step_failure_data.error.to_string()
            for event in self.result.all_events
            if event.is_step_failure and event.step_failure_data.error
        ]

    def checks(self) -> list[dg.AssetCheckEvaluation]:
        """The evaluations of the last run."""
        assert self.result is not None
        return list(self.result.get_asset_check_evaluations())


DATA = ("raw_videos", "clips", "face_tracks", "face_crops", "mels", "training_snapshot")


PARTITIONED = ("raw_videos", "clips", "face_tracks", "face_crops", "mels", "vq_latents")


def counted(event: dg.AssetMaterialization) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", event.metadata["this run"].value)]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six drawn people; one of them twice more, blurred and without a sound, and only without a sound; and no video."""
    folder = tmp_path_factory.mktemp("corpus")
    first = write_corpus(folder, people=PEOPLE, seconds=SECONDS)[0]
    with av.open(str(first)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    blurred = [cv2.GaussianBlur(frame, (0, 0), 5) for frame in frames]
    silence = np.zeros(round(16000 * SECONDS), np.float32)
    for name, pictures in (("spoilt", blurred), ("silent", frames)):
        with VideoWriter(folder / f"{name}.mp4", 256, 256, 25, audio=silence, rate=16000) as writer:
            for picture in pictures:
                writer.write(picture)
    (folder / "notes, about.mp4").write_text("this is no video")
    return folder


@pytest.fixture(scope="session")
def made(
    corpus: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Graph, Events, dict[str, dg.AssetMaterialization]]]:
    with dg.DagsterInstance.ephemeral() as instance:
        graph = Graph(Home(tmp_path_factory.mktemp("graph") / "home").create(), corpus, instance)
        catalog = graph.run("hdtf_catalog", tags={})
        yield graph, catalog | graph.run(*DATA), dict(graph.whole)


@pytest.fixture(scope="session")
def graph(made: tuple[Graph, Events, dict[str, dg.AssetMaterialization]]) -> Graph:
    """The data half, done. Runs add events to it; nothing else may be changed in it."""
    return made[0]


@pytest.fixture(scope="session")
def first(made: tuple[Graph, Events, dict[str, dg.AssetMaterialization]]) -> Events:
    """The events of the run that has made it."""
    return made[1]


@pytest.fixture(scope="session")
def whole(made: tuple[Graph, Events, dict[str, dg.AssetMaterialization]]) -> dict[str, dg.AssetMaterialization]:
    """Those of that run that tell of all videos together."""
    return made[2]


@pytest.fixture
def own(graph: Graph, tmp_path: Path) -> Iterator[Graph]:
    """A copy of the data half to be damaged, in an instance of its own that knows its videos and none of its events."""
    shutil.copytree(graph.home.root, tmp_path / "home", ignore=shutil.ignore_patterns("models"))
    with dg.DagsterInstance.ephemeral() as instance:
        sync_partitions(instance, graph.instance.get_dynamic_partitions("videos"))
        yield Graph(Home(tmp_path / "home"), graph.videos, instance)


@pytest.fixture(scope="session")
def shadows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which somebody keeps an `assets` and a `swaptalk_models` of his own: importing one leaves a mark."""
    folder = tmp_path_factory.mktemp("shadows")
    for name in ("assets", "swaptalk_models", "pipelines"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("open(__file__ + '.taken', 'w'); raise SystemExit('not these')")
    return folder


@contextlib.contextmanager
def standing_in(folder: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@pytest.fixture(scope="session")
def trained(graph: Graph, shadows: Path) -> dg.AssetMaterialization:
    """The identity encoder, by a real training of four steps, started from a folder that shadows our packages."""
    with standing_in(shadows):
        return graph.run("identity_encoder")["identity_encoder"][""]


MLFLOW_SERVER = Path(os.environ.get("SWAPTALK_MLFLOW") or Path(__file__).parents[2] / ".venv-mlflow" / "bin" / "mlflow")
"""MLflow's server, which has an environment of its own: it wants other versions of our packages."""


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real MLflow server."""
    pytest.importorskip("mlflow", reason="the client is not installed: pip install 'swaptalk[mlflow]'")
    if not MLFLOW_SERVER.is_file():
        pytest.skip(f"no MLflow server at {MLFLOW_SERVER}: .ci/mlflow makes one")
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = [
        "--backend-store-uri",
        f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination",
        str(folder / "artifacts"),
    ]
    words = [str(MLFLOW_SERVER), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", *store]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            words, stdout=log, stderr=log, env=os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"}, start_new_session=True
        )
    address, end = f"http://127.0.0.1:{port}", time.monotonic() + 300
    try:
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/health", timeout=30)
                break
            assert server.poll() is None and time.monotonic() < end, (folder / "log").read_text()[-2000:]
            time.sleep(0.2)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # with its workers; nothing of it is kept
        server.wait(60)
