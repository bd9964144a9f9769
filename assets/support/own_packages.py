"""Environment of the processes that we start: they import these very packages, and none of the same name from elsewhere.

`python -m` and Dagster put the working directory first on the path. There, a user's folder called `assets` would be
taken for ours.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds the packages: of a checkout, or site-packages."""


def own_environment() -> dict[str, str]:
    """This process's, with our packages first on the path of modules, and without the working directory."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
