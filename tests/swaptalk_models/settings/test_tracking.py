"""settings/tracking.py"""

import pytest

from swaptalk_models.settings.preset import load_preset
from swaptalk_models.settings.tracking import Tracker

HERE, THERE = "http://here:5000", "http://there:5000"


@pytest.mark.parametrize(
    ("settings", "environment", "found"),
    [
        ({}, {}, None),
        ({}, {"MLFLOW_TRACKING_URI": ""}, None),
        ({}, {"MLFLOW_TRACKING_URI": THERE}, Tracker(THERE, "swaptalk")),
        ({}, {"MLFLOW_TRACKING_URI": THERE, "MLFLOW_EXPERIMENT_NAME": "faces"}, Tracker(THERE, "faces")),
        ({"tracking.mlflow": HERE + "/"}, {"MLFLOW_TRACKING_URI": THERE}, Tracker(HERE, "swaptalk")),
        (
            {"tracking.mlflow": HERE, "tracking.experiment": "lips"},
            {"MLFLOW_EXPERIMENT_NAME": "faces"},
            Tracker(HERE, "lips"),
        ),
        ({"tracking.mlflow": "none"}, {"MLFLOW_TRACKING_URI": THERE}, None),
        ({"tracking.mlflow": "sqlite:///runs.db"}, {}, Tracker("sqlite:///runs.db", "swaptalk")),
    ],
)
def test_the_setting_goes_before_mlflows_own_variables(settings, environment, found):
    assert load_preset("tiny", settings).tracking.tracker(environment) == found


def test_what_is_said_of_a_server_has_no_password():
    from swaptalk_models.training.mlflow_run import without_password

    assert without_password("http://me:secret@here:5000/a@b") == "http://here:5000/a@b"
    assert without_password("sqlite:///runs.db") == "sqlite:///runs.db"
