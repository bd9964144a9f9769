"""Judging: an independent judge of lip-sync, test videos of held-out people, their metrics, the report."""

import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg

from assets.metadata import arrow_schema, markdown_picture
from assets.resources import SwapTalk
from assets.training import GPU_POOL, model, record_asset, train_model
from swaptalk_models.data.fingerprint import hash_file, hash_values
from swaptalk_models.versions import CODE_VERSIONS


@dg.asset(deps=["training_snapshot"], code_version=CODE_VERSIONS["sync_judge"], **model("evaluation"))
def sync_judge(
    context: dg.AssetExecutionContext, swaptalk: SwapTalk, pipes: dg.PipesSubprocessClient
) -> dg.MaterializeResult:
    """A pixel-space SyncNet that no generator was trained against."""
    return train_model(context, swaptalk, pipes)


@dg.asset(
    deps=["training_snapshot", "vqgan", "face_swapper", "lip_sync", "wav2lip"],
    group_name="evaluation",
    kinds={"python", "video"},
    pool=GPU_POOL,
    code_version=CODE_VERSIONS["test_videos"],
)
def test_videos(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult:
    """Self-driven and cross-driven videos of held-out people, by us and by what we are compared with."""
    from swaptalk_models.evaluation.test_videos import make_test_videos

    home, preset = swaptalk.home_folder(), swaptalk.load()
    records, status = make(context, swaptalk, home.evaluation, lambda: make_test_videos(home.root, preset))
    pictures = {"self_driven": _sheet(records, "self"), "cross_driven": _sheet(records, "cross")}
    plain = json.loads(json.dumps(records, default=str).replace(str(home.root), "HOME"))
    metadata = {"status": status, "videos": float(len(records)), "path": dg.MetadataValue.path(str(home.evaluation))}
    metadata |= {name: picture for name, picture in pictures.items() if picture is not None}
    return dg.MaterializeResult(data_version=dg.DataVersion(hash_values(plain)[:16]), metadata=metadata)


def _sheet(records: list[dict[str, Any]], setting: str) -> dg.MetadataValue | None:
    """Frames by every method of the setting's first scene."""
    from swaptalk_models.evaluation.sheet import method_sheet

    if not any(record["setting"] == setting for record in records):
        return None
    return markdown_picture(method_sheet(records, setting), f"{setting}-driven")


@dg.asset(
    deps=["test_videos", "sync_judge"],
    group_name="evaluation",
    kinds={"python", "parquet"},
    pool=GPU_POOL,
    code_version=CODE_VERSIONS["metrics"],
)
def metrics(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult:
    """Every metric of every test video, each with the judge it used and a ground-truth row."""
    from swaptalk_models.evaluation.measure import measure_test_videos

    home, preset = swaptalk.home_folder(), swaptalk.load()
    path, status = make(context, swaptalk, home.evaluation, lambda: measure_test_videos(home.root, preset))
    metadata = {"status": status, "path": dg.MetadataValue.path(str(path))} | _summary(path)
    return dg.MaterializeResult(data_version=dg.DataVersion(hash_file(path)[:16]), metadata=metadata)


@dg.asset(
    deps=["metrics", "test_videos"],
    group_name="evaluation",
    kinds={"python", "html"},
    code_version=CODE_VERSIONS["evaluation_report"],
)
def evaluation_report(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult:
    """One self-contained HTML page with videos, curves and tables."""
    from swaptalk_models.evaluation.report import write_evaluation_report

    home, preset = swaptalk.home_folder(), swaptalk.load()
    path, status = make(context, swaptalk, home.evaluation, lambda: write_evaluation_report(home.root, preset))
    home.update_state(report=str(path))
    metadata = {
        "status": status,
        "path": dg.MetadataValue.path(str(path)),
        "page": dg.MetadataValue.url(path.absolute().as_uri()),
        "megabytes": path.stat().st_size / 1e6,
    } | _claims(path)
    return dg.MaterializeResult(data_version=dg.DataVersion(hash_file(path)[:16]), metadata=metadata)


def _claims(report: Path) -> dict[str, Any]:
    """The paper's claims with our verdicts as a table, and how many have which as floats."""
    from swaptalk_models.evaluation.report import claims_file

    claims = json.loads(claims_file(report).read_text())
    verdicts = Counter(claim["verdict"] for claim in claims)
    table = "\n".join(["| the paper's claim | ours |", "|---|---|", *(f"| {claim['text']} | {claim['verdict']} |" for claim in claims)])
    return {"claims": dg.MetadataValue.md(table)} | {f"claims: {verdict}": float(count) for verdict, count in verdicts.items()}


@dg.asset_check(
    asset=evaluation_report, blocking=True, description="The page is whole and fetches nothing from elsewhere."
)
def evaluation_report_page(swaptalk: SwapTalk) -> dg.AssetCheckResult:
    text = Path(swaptalk.home_folder().state()["report"]).read_text()
    foreign = [start for start in ('src="http', 'href="http', "url(http") if start in text]
    whole = text.rstrip().endswith("</html>")
    return dg.AssetCheckResult(
        passed=whole and not foreign, metadata={"whole": whole, "fetches": ", ".join(foreign) or "nothing"}
    )


def make(
    context: dg.AssetExecutionContext, swaptalk: SwapTalk, folder: Path, work: Callable[[], Any]
) -> tuple[Any, str]:
    """Do memoised work that writes into ``folder`` and count it. Returns (its result, "computed" or "cached": nothing
    was written).
    """
    started = time.monotonic()
    home, name = swaptalk.home_folder(), context.asset_key.to_user_string()
    with home.writing(name):
        before = _files(folder)
        result = work()
        cached = _files(folder) == before
    record_asset(context, home, cached, time.monotonic() - started)
    return result, "cached" if cached else "computed"


def _files(folder: Path) -> set[tuple[str, int, int]]:
    """What lies in a folder; pointers to the newest version do not count."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "current"]
    return {(str(path), stat.st_size, stat.st_mtime_ns) for path in files if (stat := path.stat())}


def _summary(path: Path) -> dict[str, Any]:
    """Schema of the metrics, and the mean of each by method, as floats that Dagster plots over time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    found: dict[str, Any] = {"dagster/row_count": table.num_rows, "dagster/column_schema": arrow_schema(table.schema)}
    numbers = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    by = [name for name in ("method", "setting") if name in table.column_names]
    if by and numbers:
        for row in table.group_by(by).aggregate([(name, "mean") for name in numbers]).to_pylist():
            means = {f"{' '.join(row[key] for key in by)} {name}": row[f"{name}_mean"] for name in numbers}
            found |= {name: mean for name, mean in means.items() if mean is not None}
    return found
