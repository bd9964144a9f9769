"""What assets tell the UI: counts, schema, lineage of columns, pictures, and what is in quarantine or marked and why."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from assets.support.resources import SwapTalk
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Entry, Ledger, StageReport

RUN_TAG = "swaptalk/run"
"""Runs with the same value of this tag count as one in `swaptalk status`."""
_ROWS_SHOWN = 50


def run_name(context: dg.AssetExecutionContext) -> str:
    """The run to which counts are added."""
    return context.run.tags.get(RUN_TAG, context.run.run_id)


def counts(report: StageReport) -> dict[str, float]:
    """Floats: Dagster plots them over time."""
    return {
        "computed": float(report.computed),
        "cached": float(report.cached),
        "quarantined": float(report.quarantined),
        "seconds": round(report.seconds, 3),
    }


def reasons_table(entries: Sequence[Entry]) -> dg.MetadataValue:
    """Clips, and why they are in quarantine or marked."""
    records = [dg.TableRecord({"clip": entry.clip, "reason": entry.reason}) for entry in entries[:_ROWS_SHOWN]]
    schema = dg.TableSchema([dg.TableColumn("clip", "string"), dg.TableColumn("reason", "string")])
    return dg.MetadataValue.table(records=records, schema=schema)


def table_metadata(swaptalk: SwapTalk, name: str) -> dict[str, Any]:
    """Rows, schema and place of a Lance table; empty as long as there is none."""
    from swaptalk_models.data.store import tables

    home = swaptalk.home_folder()
    if not tables.has_table(home, name):
        return {}
    table = tables.open_table(home, name)
    return {
        "dagster/row_count": table.count_rows(),
        "dagster/column_schema": arrow_schema(table.schema),
        "dagster/uri": str(home.table(name)),
        "lance_version": float(table.version),
    }


def arrow_schema(schema: Any) -> dg.TableSchema:
    """Column names and types of an Arrow schema."""
    return dg.TableSchema([dg.TableColumn(field.name, str(field.type)) for field in schema])


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
    import base64

    import cv2

    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 72])
    assert done
    picture = f"![{alt}](data:image/jpeg;base64,{base64.b64encode(data).decode()})"
    return dg.MetadataValue.md(f"{picture}\n\n{alt}" if caption else picture)


def record_asset(context: dg.AssetExecutionContext, home: Home, cached: bool, seconds: float) -> None:
    """Count an asset without clips of its own in the last run's stages."""
    name = context.asset_key.to_user_string()
    with Ledger(home.ledger) as ledger:
        ledger.record(
            StageReport(name, computed=int(not cached), cached=int(cached), seconds=seconds), run_name(context)
        )
