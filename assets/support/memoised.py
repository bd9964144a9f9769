"""How memoised work that is no stage and no training is run and counted."""

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import dagster as dg

from assets.support.metadata import record_asset, unplotted
from assets.support.resources import SwapTalk
from swaptalk_models.data.store.memoised import Memoised

Value = TypeVar("Value")


def recorded(
    context: dg.AssetExecutionContext, swaptalk: SwapTalk, work: Callable[[], Memoised[Value]]
) -> tuple[Value, str]:
    """Do the asset's work with the home held, and count it. Gives its value, and "computed" or "cached", as the work says."""
    started = time.monotonic()
    home = swaptalk.home_folder()
    with home.writing(context.asset_key.to_user_string()):
        value, cached = work()
    record_asset(context, home, cached, time.monotonic() - started)
    return value, "cached" if cached else "computed"


def new_points(status: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of memoised work: where it was only found again, its numbers are no new points in Dagster's plots."""
    return dict(metadata) if status == "computed" else unplotted(metadata)
