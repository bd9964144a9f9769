"""Judging: an independent judge of lip-sync, test videos of held-out people, their metrics, the report."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.support.facts import asset_facts
from assets.support.memoised import new_points, recorded
from assets.support.metadata import markdown_picture, run_name
from assets.support.model_asset import GPU_POOL, model_asset
from assets.support.report_address import report_url
from assets.support.resources import SwapTalk
from swaptalk_models.data.store.fingerprint import hash_file, hash_values
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.modules.model_folder import ModelFolder, current, judge_name
from swaptalk_models.settings.compute import RAY
from swaptalk_models.settings.methods import CROSS, GROUND_TRUTH, OURS, SELF
from swaptalk_models.settings.preset import Preset

if TYPE_CHECKING:
    from swaptalk_models.data.engine.executor import Executor
    from swaptalk_models.data.engine.items import Work
    from swaptalk_models.evaluation.measure.scene_videos import SceneVideo
    from swaptalk_models.metrics.table import Metric


def listen(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dict[str, float]:
    """Measure by how many frames each clip is out of step, where no judge as good has yet."""
    from swaptalk_models.evaluation.measure.sound_offsets import GOOD_JUDGE, measure_offsets

    home, preset = swaptalk.home_folder(), swaptalk.load()
    folder = current(home.root, "sync_judge")
    result = folder.result()
    accuracy = result["metrics"].get("accuracy", 0.0)
    if accuracy <= max(GOOD_JUDGE, result.get("baselines", {}).get("accuracy", 0.0)):
        return {"offsets measured": 0.0}

    def make_judge():
        from swaptalk_models.modules.sync_judge import load_sync_judge

        return load_sync_judge(folder.path, preset.sync_judge.train.device)

    name = judge_name(folder.path)
    executor = _on_ray(swaptalk, preset, folder, name, accuracy) if preset.compute == RAY else None
    try:
        report = measure_offsets(
            home, name, accuracy, make_judge, preset.quality.max_spread, run_name(context), executor
        )
    except UserError as error:  # other data are on their way: the training is done all the same, the next run listens
        context.log.warning(f"offsets of lips and sound were not measured: {error}")
        return {"offsets measured": 0.0}
    return {"offsets measured": float(report.computed)}


def _on_ray(swaptalk: SwapTalk, preset: Preset, judge: ModelFolder, name: str, accuracy: float) -> "Executor":
    from swaptalk_models.data.engine.ray_tasks import OnDevice, RayTasks
    from swaptalk_models.data.quality.gates import SYNC_STAGE
    from swaptalk_models.evaluation.measure.sound_offsets import NEEDS, measuring
    from swaptalk_models.modules.sent_network import SentNetwork

    def work(device: str) -> "Work":
        return measuring(
            SentNetwork.of("swaptalk_models.modules.sync_judge:load_sync_judge", judge, device), name, accuracy
        )

    network = OnDevice(preset.sync_judge.train.device, work)
    return RayTasks(SYNC_STAGE, NEEDS, lambda home, clip: (), preset.ray, swaptalk.workers, network)


sync_judge = model_asset("sync_judge", afterwards=listen)


@dg.asset(
    **asset_facts("test_videos"),
    pool=GPU_POOL,
)
def test_videos(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult:
    """Self-driven and cross-driven videos of held-out people, by us and by what we are compared with."""
    from swaptalk_models.evaluation.measure.make_videos import make_test_videos

    home, preset = swaptalk.home_folder(), swaptalk.load()
    videos, status = recorded(context, swaptalk, lambda: make_test_videos(home, preset))
    pictures = {"self_driven": _sheet(videos, SELF), "cross_driven": _sheet(videos, CROSS)}
    plain = json.loads(json.dumps(videos).replace(str(home.root), "HOME"))
    metadata = {"status": status, "videos": float(len(videos)), "path": dg.MetadataValue.path(str(home.evaluation))}
    metadata |= {name: picture for name, picture in pictures.items() if picture is not None}
    return dg.MaterializeResult(
        data_version=dg.DataVersion(hash_values(plain)[:16]), metadata=new_points(status, metadata)
    )


def _sheet(videos: "list[SceneVideo]", setting: str) -> dg.MetadataValue | None:
    """Frames by every method of the setting's first scene."""
    from swaptalk_models.reporting.sheet import method_sheet

    if not any(video["setting"] == setting for video in videos):
        return None
    return markdown_picture(method_sheet(videos, setting), f"{setting}-driven")


@dg.asset(
    **asset_facts("metrics"),
    pool=GPU_POOL,
)
def metrics(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult:
    """Every metric of every test video, each with the judge it used and a ground-truth row; and against the released models."""
    from swaptalk_models.evaluation.compare.release import compare_with_release
    from swaptalk_models.evaluation.measure.scene_metrics import measure_test_videos

    home, preset = swaptalk.home_folder(), swaptalk.load()
    path, status = recorded(context, swaptalk, lambda: measure_test_videos(home, preset))
    metadata = {"status": status, "path": dg.MetadataValue.path(str(path))} | _summary(path)
    metadata |= comparison_metadata(compare_with_release(home, preset), preset.model_release.fewest_videos)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(hash_file(path)[:16]), metadata=new_points(status, metadata)
    )


@dg.asset(
    **asset_facts("evaluation_report"),
)
def evaluation_report(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult:
    """One self-contained HTML page with videos, curves and tables."""
    from swaptalk_models.reporting.report import write_evaluation_report

    home, preset = swaptalk.home_folder(), swaptalk.load()
    path, status = recorded(context, swaptalk, lambda: write_evaluation_report(home, preset))
    home.update_state(report=str(path))
    metadata = {"page (while swaptalk dev runs)": dg.MetadataValue.url(report_url(home, path)), "status": status}
    metadata |= {"figures": main_table(home, preset)} | _claims(path) | key_pictures(home, preset)
    metadata |= {"megabytes": path.stat().st_size / 1e6, "path": dg.MetadataValue.path(str(path))}
    return dg.MaterializeResult(
        data_version=dg.DataVersion(hash_file(path)[:16]), metadata=new_points(status, metadata)
    )


@dg.asset_check(asset=metrics, description="No figure is worse than the released models', beyond its interval.")
def metrics_against_release(swaptalk: SwapTalk) -> dg.AssetCheckResult:
    from swaptalk_models.evaluation.compare.release import compare_with_release, in_sight, losses

    preset = swaptalk.load()
    comparison = compare_with_release(swaptalk.home_folder(), preset)
    fewest = preset.model_release.fewest_videos
    worse = losses(comparison)
    return dg.AssetCheckResult(
        passed=not worse,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(worse)
        or (comparison or {}).get("why")
        or (in_sight(comparison, fewest) if comparison else "nothing was released yet"),
        metadata=comparison_metadata(comparison, fewest),
    )


def main_table(home: Home, preset: Preset) -> dg.MetadataValue:
    """A row a metric: of our videos in both settings, and of real ones, each mean with its interval."""
    from swaptalk_models.evaluation.files import SUMMARY_FILE
    from swaptalk_models.evaluation.measure.scene_metrics import metrics_folder
    from swaptalk_models.metrics.table import shown_columns
    from swaptalk_models.reporting.findings import trivial

    summary = json.loads((metrics_folder(home, preset) / SUMMARY_FILE).read_text())
    asked = [(OURS, SELF), (OURS, CROSS), (GROUND_TRUTH, SELF)]
    found = {(row["method"], row["setting"]): row["cells"] for row in summary}
    shown = {
        f"{method}, {setting}-driven": found[method, setting] for method, setting in asked if (method, setting) in found
    }
    real = found.get((GROUND_TRUTH, SELF))
    known = {name for cells in shown.values() for name in cells}
    records = [
        dg.TableRecord(
            {"metric": f"{metric.label} {metric.arrow}"}
            | {
                column: "-" if trivial(metric.key, cells is real) else _with_interval(metric, cells.get(metric.key))
                for column, cells in shown.items()
            }
        )
        for metric in shown_columns(known, None)
    ]
    schema = dg.TableSchema([dg.TableColumn(name, "string") for name in ("metric", *shown)])
    return dg.MetadataValue.table(records=records, schema=schema)


def _with_interval(metric: "Metric", cell: dict[str, Any] | None) -> str:
    if cell is None or cell["value"] is None:
        return "-"
    interval = f" [{metric.write(cell['low'])}, {metric.write(cell['high'])}]" if cell["low"] is not None else ""
    return f"{metric.write(cell['value'])}{interval}"


def _claims(report: Path) -> dict[str, Any]:
    """The paper's claims with our verdicts as a table, and how many have which as floats."""
    from swaptalk_models.evaluation.files import claims_file

    claims = json.loads(claims_file(report).read_text())
    verdicts = Counter(claim["verdict"] for claim in claims)
    columns = ("the paper's claim", "ours")
    records = [dg.TableRecord(dict(zip(columns, (claim["text"], claim["verdict"]), strict=True))) for claim in claims]
    schema = dg.TableSchema([dg.TableColumn(name, "string") for name in columns])
    return {"claims": dg.MetadataValue.table(records=records, schema=schema)} | {
        f"claims: {verdict}": float(count) for verdict, count in verdicts.items()
    }


@dg.asset_check(
    asset=evaluation_report, blocking=True, description="The page is whole and fetches nothing from elsewhere."
)
def evaluation_report_page(swaptalk: SwapTalk) -> dg.AssetCheckResult:
    path = swaptalk.home_folder().state().report
    if path is None:
        raise UserError("no report was written yet")
    text = Path(path).read_text()
    foreign = [start for start in ('src="http', 'href="http', "url(http") if start in text]
    whole = text.rstrip().endswith("</html>")
    return dg.AssetCheckResult(
        passed=whole and not foreign, metadata={"whole": whole, "fetches": ", ".join(foreign) or "nothing"}
    )


def comparison_metadata(comparison: dict[str, Any] | None, fewest: int) -> dict[str, Any]:
    """The new models beside the released ones, as a table, and each gain as a float that Dagster plots over time."""
    if not comparison or not comparison["cells"]:
        return {}
    columns = ("setting", "metric", "released", "new", "gain", "interval", "verdict")
    records, gains = [], {}
    for cell in comparison["cells"]:
        gain, name = cell["gain"], f"{cell['setting']} {cell['metric']}"
        interval = f"{gain['low']:.4g} to {gain['high']:.4g}" if gain["low"] is not None else "-"
        verdict = cell["verdict"] + (f" ({cell['why']})" if cell["why"] else "")
        row = (
            cell["setting"],
            cell["metric"],
            *(_figure(value) for value in (cell["released"], cell["new"], gain["value"])),
            interval,
            verdict,
        )
        records.append(dg.TableRecord(dict(zip(columns, row, strict=True))))
        gains |= {f"gain over release, {name}": gain["value"]} if gain["value"] is not None else {}
    from swaptalk_models.evaluation.compare.release import in_sight

    schema = dg.TableSchema([dg.TableColumn(name, "string") for name in columns])
    verdicts = [cell["verdict"] for cell in comparison["cells"]]
    return {
        "compared with release": comparison["released"],
        "what the comparison can see": in_sight(comparison, fewest) or "-",
        "against the release": dg.MetadataValue.table(records=records, schema=schema),
        "better than release": float(verdicts.count("better")),
        "worse than release": float(verdicts.count("worse")),
    } | gains


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def key_pictures(home: Home, preset: Preset) -> dict[str, dg.MetadataValue]:
    """Our best and our worst video by identity, as a strip of source, target and result."""
    from swaptalk_models.reporting.strips import best_and_worst

    return {name: markdown_picture(image, name) for name, image in best_and_worst(home, preset).items()}


def _summary(path: Path) -> dict[str, Any]:
    """Rows, and the mean of each metric by method, as floats that Dagster plots over time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    found: dict[str, Any] = {"dagster/row_count": table.num_rows}
    numbers = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    by = [name for name in ("method", "setting") if name in table.column_names]
    if by and numbers:
        for row in table.group_by(by).aggregate([(name, "mean") for name in numbers]).to_pylist():
            means = {f"{' '.join(row[key] for key in by)} {name}": row[f"{name}_mean"] for name in numbers}
            found |= {name: mean for name, mean in means.items() if mean is not None}
    return found
