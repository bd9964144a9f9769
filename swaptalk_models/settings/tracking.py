"""Where trainings are told of beside the home. Light on purpose: read while Dagster's definitions load."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

NONE = "none"
FIRST_EXPERIMENT = "swaptalk"


@dataclass(frozen=True)
class Tracker:
    """An MLflow server, and the experiment in it."""

    uri: str
    experiment: str


@dataclass(frozen=True)
class TrackingConfig:
    """An experiment tracker, where people have one. It decides nothing that is made."""

    mlflow: str = ""
    """Address of an MLflow server, or what else MLflow takes as a tracking URI; empty: $MLFLOW_TRACKING_URI, and where that is empty, too,
    trainings are not tracked; `none`: they are not."""
    experiment: str = ""
    """MLflow's experiment; empty: $MLFLOW_EXPERIMENT_NAME, else `swaptalk`."""

    def tracker(self, environment: Mapping[str, str] = os.environ) -> Tracker | None:
        """Where trainings are tracked; None: nowhere."""
        uri = self.mlflow or environment.get("MLFLOW_TRACKING_URI", "")
        if not uri or uri == NONE:
            return None
        experiment = self.experiment or environment.get("MLFLOW_EXPERIMENT_NAME", "") or FIRST_EXPERIMENT
        return Tracker(uri.rstrip("/") if uri.startswith("http") else uri, experiment)
