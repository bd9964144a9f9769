"""What this machine, its storage and the state of a home can do, and what is missing: one finding a line."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pipelines.doctor import complaints
from pipelines.run_settings import last_settings
from swaptalk_models.data.engine.ray_cluster import INSTALL
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.state_store import VARIABLE, postgres_address, schema_of
from swaptalk_models.data.store.storage_address import VARIABLE as STORAGE_VARIABLE
from swaptalk_models.data.store.storage_address import named_storage, storage_of
from swaptalk_models.errors import UserError
from swaptalk_models.settings.compute import LOCAL, RAY, RayConfig
from swaptalk_models.settings.preset import load_preset

OK, WARNING, MISSING = "ok", "!", "missing"
"""It is there; it is there but may not do; what is needed is not there."""

_PYTHON = (3, 11), (3, 14)
_GIB = 2**30
_ROOM_GIB, _FULL_GIB = 20.0, 2.0  # of disk: a corpus wants more, the demo takes as much
_MEMORY_GIB = 4.0  # the demo's
_WEIGHTS = ("shape_predictor_68_face_landmarks.dat", "dlib_face_recognition_resnet_model_v1.dat")
_DECODERS = ("h264", "hevc", "vp9", "av1", "mpeg4", "aac", "mp3", "opus")
_ENCODERS = ("libx264", "aac")
_POSTGRES_PACKAGES = ("psycopg2", "dagster-postgres")  # the extra `postgres`
_S3_PACKAGES = ("boto3", "pylance")  # the extra `s3`
_SLOW_MS = 20.0  # a run asks some ten times a group of clips


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    mark: str
    """OK, WARNING or MISSING."""
    said: str


def look(home: Path) -> list[Finding]:
    """Everything that can be told in seconds. What cannot be looked at for want of a wheel is left out: the wheel is among the findings."""
    found = [
        _python(),
        *_wheels(),
        _cores(),
        _memory(),
        _disk(home),
        _state(home),
        *state_findings(home),
        *storage_findings(home),
        *_ray(home),
    ]
    for check in (_weights, _decoders, _compiler, _devices):
        try:
            found += check()
        except ImportError:
            continue
    return found


def _python() -> Finding:
    version = sys.version_info
    fits = _PYTHON[0] <= version[:2] < _PYTHON[1]
    return Finding(
        "Python",
        OK if fits else MISSING,
        f"{version.major}.{version.minor}.{version.micro}" + ("" if fits else ": 3.11 to 3.13 fit"),
    )


def _wheels() -> list[Finding]:
    faults = complaints()
    return [Finding("wheels", MISSING, fault) for fault in faults] or [
        Finding("wheels", OK, "all of them load, with the system libraries they need")
    ]


def _cores() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Finding(
        "cores", OK if cores > 1 else WARNING, f"{cores}" + ("" if cores > 1 else ": preparing videos shares them out")
    )


def _memory() -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    enough = total >= _MEMORY_GIB
    return Finding(
        "memory",
        OK if enough else WARNING,
        f"{total:.1f} GiB" + ("" if enough else f": the demo takes {_MEMORY_GIB:g}"),
    )


def _disk(home: Path) -> Finding:
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(place).free / _GIB
    mark = OK if free >= _ROOM_GIB else WARNING if free >= _FULL_GIB else MISSING
    said = f"{free:.1f} GiB free at {place}"
    if not os.access(place, os.W_OK):
        return Finding("disk", MISSING, f"{said}, which cannot be written to")
    return Finding("disk", mark, said + ("" if mark == OK else ": a corpus wants more"))


def _state(home: Path) -> Finding:
    if not home.is_dir():
        return Finding("home", OK, f"{home} is not there yet: a run makes it")
    place = Home(home)
    try:
        preset = place.state().preset
    except UserError as error:
        return Finding("home", MISSING, str(error))
    models = sorted(folder.parent.name for folder in place.models.glob("*/current"))
    said = f"preset {preset}, trained: {', '.join(models) or 'nothing yet'}" if preset else "empty: nothing was run yet"
    return Finding("home", OK, said)


def _ray(home: Path) -> list[Finding]:
    """The package, and the cluster where one is named. Nothing of it is missing where the home's stages are not done there."""
    from swaptalk_models.data.engine.ray_look import cluster_facts, ray_version

    compute, config = _compute(home)
    absent = MISSING if compute == RAY else OK
    try:
        said = f"{ray_version()} on Python {sys.version.split()[0]}"
    except UserError as error:
        return [
            Finding("Ray", absent, str(error) if absent == MISSING else f"not installed; `compute` ray wants {INSTALL}")
        ]
    try:
        facts = cluster_facts(config)
    except UserError as error:
        return [Finding("Ray", MISSING if compute == RAY else WARNING, f"{said}; {error}")]
    if facts is None:
        return [
            Finding("Ray", OK, f"{said}; no cluster is named: a run with `compute` ray starts its own on this machine")
        ]
    has = f"{facts.hosts} hosts, {facts.cpus} CPUs, {facts.gpus} GPUs, {facts.memory_gib:.1f} GiB, object store {facts.object_store_gib:.1f} GiB"
    mark = OK if facts.cpus else WARNING
    found = [
        Finding(
            "Ray", mark, f"{said}; cluster at {facts.address}: {has}" + ("" if facts.cpus else ": no host that works")
        )
    ]
    return found + [Finding("Ray", MISSING, fault) for fault in facts.faults]


def _compute(home: Path) -> tuple[str, RayConfig]:
    """As the home's last run was asked; what is wrong with that is another line's to say."""
    try:
        asked = last_settings(Home(home))
        preset = load_preset(asked.preset, asked.overrides)
    except UserError:
        return LOCAL, RayConfig()
    return preset.compute, preset.ray


def state_findings(home: Path) -> list[Finding]:
    """Where the home's state lies, with versions, and what is missing; nothing is made."""
    if not os.environ.get(VARIABLE):
        try:
            schema_of(home)
        except UserError as error:
            return [Finding("state", MISSING, str(error))]
        said = f"in the home: SQLite {sqlite3.sqlite_version}; {VARIABLE} would name a Postgres database"
        return [Finding("state", OK, said)]
    missing = [name for name in _POSTGRES_PACKAGES if importlib.util.find_spec(name.replace("-", "_")) is None]
    if missing:
        return [Finding("state", MISSING, f"{', '.join(missing)}: pip install 'swaptalk[postgres]'")]
    versions = ", ".join(f"{name} {_version(name)}" for name in (*_POSTGRES_PACKAGES, "SQLAlchemy"))
    try:
        return [_database(home), Finding("state", OK, versions)]
    except UserError as error:
        return [Finding("state", MISSING, str(error)), Finding("state", OK, versions)]


def storage_findings(home: Path) -> list[Finding]:
    """Where the home's tables and files lie, and whether the storage can be used. Of it nothing changes: what is written to try is
    removed."""
    from swaptalk_models.data.store.object_store import ObjectStore, endpoint
    from swaptalk_models.data.store.storage_home import lies_in_folder, read_record

    try:
        own, named = storage_of(home), named_storage()
        storage = own or named
        if storage is None:
            return [Finding("storage", OK, f"in the home's folder; {STORAGE_VARIABLE} would name a prefix on S3")]
        if lies_in_folder(home):
            said = f"in the home's folder, but {STORAGE_VARIABLE} names {storage.address}: `swaptalk storage --move-to s3`, or unset it"
            return [Finding("storage", MISSING, said)]
        if own and named and own != named:
            return [
                Finding("storage", MISSING, f"the home lies on {own.address}, {STORAGE_VARIABLE} names {named.address}")
            ]
        if importlib.util.find_spec("boto3") is None:
            return [Finding("storage", MISSING, "boto3: pip install 'swaptalk[s3]'")]
        versions = Finding("storage", OK, ", ".join(f"{name} {_version(name)}" for name in _S3_PACKAGES))
        started = time.perf_counter()
        ObjectStore(storage).check()
        record, took = read_record(storage), time.perf_counter() - started
    except UserError as error:
        return [Finding("storage", MISSING, str(error))]
    there = "a run begins the home there" if record is None else f"the home is there, its ledger {record.where}"
    lost = own is not None and record is None
    said = f"{storage.address} at {endpoint() or 'AWS'}: conditional writes, five requests in {1000 * took:.0f} ms; "
    return [Finding("storage", MISSING if lost else OK, said + ("its home has gone" if lost else there)), versions]


def _version(package: str) -> str:
    for name in (package, f"{package}-binary"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "of no known version"


def _database(home: Path) -> Finding:
    from swaptalk_models.data.store.postgres import connect, server_version, shown
    from swaptalk_models.data.store.postgres_home import PostgresHome

    address = postgres_address()
    assert address is not None
    schema = schema_of(home)
    place = PostgresHome(home, schema, address) if schema else None
    with closing(place.connect() if place else connect(address)) as connection, connection.cursor() as cursor:
        answers = []
        for _ in range(5):
            started = time.perf_counter()
            cursor.execute("SELECT has_database_privilege(current_database(), 'CREATE')")
            may_create = cursor.fetchone()[0]
            answers.append(1000 * (time.perf_counter() - started))
        answer_ms = min(answers)  # what the way takes, not what else the machines are at
        said = f"{shown(address)}: Postgres {server_version(connection)}, answers in {answer_ms:.1f} ms"
        if place is None and not may_create:
            return Finding("state", MISSING, f"{said}, and lets this user make no schema: GRANT CREATE ON DATABASE")
        where = f"schema {schema}" if place else "a run makes this home's schema"
        slow = answer_ms > _SLOW_MS
        return Finding("state", WARNING if slow else OK, f"{said}; {where}" + ("; too far away" if slow else ""))


def _weights() -> Iterator[Finding]:
    from swaptalk_models.data.faces.detection import dlib_weights

    for name in _WEIGHTS:
        try:
            yield Finding("weights", OK, Path(dlib_weights(name)).name)
        except UserError as error:
            yield Finding("weights", MISSING, str(error))


def _decoders() -> Iterator[Finding]:
    import av
    from av.codec import Codec

    for what, names, mode in (("decoders", _DECODERS, "r"), ("encoders", _ENCODERS, "w")):
        missing = [name for name in names if not _has(Codec, name, mode)]
        mark = OK if not missing else MISSING if what == "encoders" or "h264" in missing else WARNING
        said = ", ".join(name for name in names if name not in missing)
        yield Finding(
            what, mark, f"{said} (PyAV {av.__version__})" + (f"; without {', '.join(missing)}" if missing else "")
        )


def _has(codec: type, name: str, mode: str) -> bool:
    try:
        codec(name, mode)
    except ValueError:
        return False
    return True


def _compiler() -> Iterator[Finding]:
    import torch

    from swaptalk_models.modules.device import compiler_fault

    fault = compiler_fault(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    yield Finding(
        "compiler", WARNING if fault else OK, f"train.compile is left out: {fault}" if fault else "train.compile works"
    )


def _devices() -> Iterator[Finding]:
    import torch

    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        facts = torch.cuda.get_device_properties(number)
        precision = "bfloat16" if torch.cuda.is_bf16_supported() else "float32 only"
        yield Finding("CUDA", OK, f"cuda:{number}: {facts.name}, {facts.total_memory / _GIB:.0f} GiB, {precision}")
    if not torch.cuda.is_available():
        built = "" if torch.version.cuda else "; this torch is built without CUDA"
        yield Finding(
            "CUDA", WARNING, f"no device: trainings run on the CPU, which presets tiny and nano are made for{built}"
        )
