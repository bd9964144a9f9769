"""Shared fixtures, and which tests stay together when several processes share them."""

import os
import secrets
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from swaptalk_models.data.store.state_store import VARIABLE as STATE
from swaptalk_models.data.store.storage_address import VARIABLE as STORAGE

if "PYTEST_XDIST_WORKER" in os.environ:
    # Processes whose threads wait for each other's cores take several times as long. Before anything imports torch.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

TOGETHER = {
    "tests/assets/": "assets",
    "tests/corpus/": "corpus",
    "tests/browser/test_walk.py": "toy home",
    "tests/test_end_to_end.py": "toy home",
}
"""{beginning of a test's name: what it shares with others that takes long to make}."""

MINUTES = (
    "toy home",
    "tests/hosts/test_three_hosts.py",
    "tests/pipelines/test_months.py",
    "tests/test_real_clips.py",
    "tests/test_docs.py",
)
"""Groups that take longer than all others, the longest first."""


def _group(nodeid: str) -> str:
    """What runs in one process: the tests of one file, or of all that share such a thing."""
    file = nodeid.split("::")[0]
    return next((name for start, name in TOGETHER.items() if file.startswith(start)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class InGroups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    return InGroups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where several processes share them, the groups that take long come first."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        slow = Counter(_group(item.nodeid) for item in items if item.get_closest_marker("slow"))
        first = {group: place for place, group in enumerate(MINUTES)}
        items.sort(key=lambda item: (first.get(_group(item.nodeid), len(first)), -slow[_group(item.nodeid)]))


@pytest.fixture(autouse=True, scope="session")
def state_in_the_home() -> None:
    """Whatever the one who calls the tests has set."""
    os.environ.pop(STATE, None)
    os.environ.pop(STORAGE, None)


@pytest.fixture(scope="session")
def postgres_address() -> Iterator[str]:
    """A database of the tests' own, for whoever is to use it."""
    pytest.importorskip("psycopg2", reason="no psycopg2: pip install 'swaptalk[postgres]'")
    from .postgres_server import postgres_server, programs

    folder = programs()
    if folder is None:
        pytest.skip("no Postgres server to be started: apt-get install postgresql")
    with postgres_server(folder) as address:
        yield address


@pytest.fixture
def postgres(postgres_address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Homes of this test keep their state in Postgres."""
    monkeypatch.setenv(STATE, postgres_address)
    return postgres_address


@pytest.fixture(params=["sqlite", "postgres"])
def state(request: pytest.FixtureRequest) -> str:
    """Where homes of this test keep their state: the test runs once with each."""
    if request.param == "postgres":
        request.getfixturevalue("postgres")
    return request.param


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    """An S3 server of the tests' own, for whoever is to use it."""
    pytest.importorskip("boto3", reason="no boto3: pip install 'swaptalk[s3]'")
    pytest.importorskip("moto", reason="no S3 server to be started: pip install 'moto[server]'")
    from .s3_server import s3_server

    with s3_server() as address:
        yield address


@pytest.fixture
def s3(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A server for this test, whose keys the environment has. Gives the address of an empty storage."""
    from .s3_server import BUCKET, KEYS

    for name, value in (KEYS | {"AWS_ENDPOINT_URL": s3_address}).items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{secrets.token_hex(4)}"


@pytest.fixture(scope="session")
def real_clips() -> Path:
    """Folder of real HDTF clips (annotations/, clips/, swapped/, compared/); tests that use it are marked `real`."""
    folder = Path(os.environ.get("SWAPTALK_REAL_CLIPS", Path(__file__).parents[2] / "shared" / "hdtf"))
    if not (folder / "clips").is_dir():
        pytest.skip(f"no real clips at {folder} (set SWAPTALK_REAL_CLIPS)")
    return folder


@pytest.fixture(scope="session")
def toy_videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five good phantoms, and one of each kind of trouble. To be read only."""
    from .toy_home import write_videos

    return write_videos(tmp_path_factory.mktemp("videos"))


@pytest.fixture(scope="session")
def toy_home(toy_videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the whole graph has run over them, a minute or two. Whoever changes it takes a copy."""
    from .toy_home import make_home

    return make_home(tmp_path_factory.mktemp("home"), toy_videos)
