"""What assets tell the UI: counts, schema, lineage of columns, pictures, and what is in quarantine or marked and why."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from assets.support.resources import SwapTalk
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Entry, Ledger, StageReport
from swaptalk_models.rehearsal.precheck import Finding

RUN_TAG = "swaptalk/run"
"""Runs with the same value of this tag count as one in `swaptalk status`."""
_ROWS_SHOWN = 50


def run_name(context: dg.AssetExecutionContext) -> str:
    """The run to which counts are added."""
    return context.run.tags.get(RUN_TAG, context.run.run_id)


def counts(report: StageReport) -> dict[str, Any]:
    """A sentence, and floats: Dagster plots them over time."""
    return {
        "this run": f"{report.computed} computed, {report.cached} cached, {report.quarantined} in quarantine",
        "computed": float(report.computed),
        "cached": float(report.cached),
        "quarantined": float(report.quarantined),
        "seconds": round(report.seconds, 3),
    }


def unplotted(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The same with its numbers as text: Dagster's plots take ints and floats, and what was only found again is no new point in them.

    Its own counts of rows have to be numbers: they become "rows".
    """
    return {_plain_name(name): _as_text(value) for name, value in metadata.items()}


def _plain_name(name: str) -> str:
    return "rows" if name in ("dagster/row_count", "dagster/partition_row_count") else name


def _as_text(value: Any) -> Any:
    number = value.value if isinstance(value, (dg.FloatMetadataValue, dg.IntMetadataValue)) else value
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        return value
    return dg.MetadataValue.text(str(number) if isinstance(number, int) else f"{number:.4g}")


def reasons_table(entries: Sequence[Entry]) -> dg.MetadataValue:
    """Clips, and why they are in quarantine or marked."""
    records = [dg.TableRecord({"clip": entry.clip, "reason": entry.reason}) for entry in entries[:_ROWS_SHOWN]]
    schema = dg.TableSchema([dg.TableColumn("clip", "string"), dg.TableColumn("reason", "string")])
    return dg.MetadataValue.table(records=records, schema=schema)


def findings_table(findings: Sequence[Finding]) -> dg.MetadataValue:
    """What there is before a run, whether it is enough, and what follows."""
    columns = {"what": "what", "there": "there", "verdict": "enough?", "follows": "what follows"}
    rows = [{title: getattr(found, name) or "-" for name, title in columns.items()} for found in findings]
    schema = dg.TableSchema([dg.TableColumn(title, "string") for title in columns.values()])
    return dg.MetadataValue.table(records=[dg.TableRecord(row) for row in rows], schema=schema)


def table_metadata(swaptalk: SwapTalk, name: str) -> dict[str, Any]:
    """Rows, version and place of a Lance table; empty as long as there is none."""
    from swaptalk_models.data.store import tables
    from swaptalk_models.data.store.table_files import address

    home = swaptalk.home_folder()
    if not tables.has_table(home, name):
        return {}
    table = tables.open_table(home, name)
    return {
        "dagster/row_count": table.count_rows(),
        "dagster/uri": address(home, name),
        "lance_version": float(table.version),
    }


def lineage(columns: Mapping[str, Sequence[tuple[str, str]]]) -> dg.TableColumnLineage:
    """{column: [(asset, column), ...]}."""
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(asset_key=dg.AssetKey(asset), column_name=source) for asset, source in sources]
            for column, sources in columns.items()
        }
    )


def markdown_picture(image: Any, alt: str, caption: bool = False) -> dg.MetadataValue:
    """A uint8 RGB image (H, W, 3) as markdown with the JPEG inside; keep it small, it is stored with every event.

    With `caption`, `alt` stands under it as well.
    """
    return markdown_file(jpeg(image), alt, caption)


def jpeg(image: Any) -> bytes:
    """A uint8 RGB image (H, W, 3) as JPEG."""
    import cv2

    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 72])
    assert done
    return bytes(data)


def markdown_file(data: bytes, alt: str, caption: bool = False) -> dg.MetadataValue:
    """A JPEG or PNG file's content as markdown with the picture inside."""
    import base64

    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    picture = f"![{alt}](data:image/{kind};base64,{base64.b64encode(data).decode()})"
    return dg.MetadataValue.md(f"{picture}\n\n{alt}" if caption else picture)


def record_asset(context: dg.AssetExecutionContext, home: Home, cached: bool, seconds: float) -> None:
    """Count an asset without clips of its own in the last run's stages."""
    name = context.asset_key.to_user_string()
    with Ledger(home.ledger) as ledger:
        ledger.record(
            StageReport(name, computed=int(not cached), cached=int(cached), seconds=seconds), run_name(context)
        )
