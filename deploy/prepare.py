"""Makes the home and its Dagster instance before web, daemon and code server start over them: `python deploy/prepare.py`, again as often as one likes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pipelines.instance import instance_folder, open_instance, prepare
from pipelines.recovery import free_dead
from swaptalk_models.data.store.storage_home import open_home
from swaptalk_models.errors import UserError


def main() -> None:
    home = Path(os.environ["SWAPTALK_HOME"])
    open_home(home, begin=True).create()  # on the storage, where one is named
    os.environ.pop("DAGSTER_HOME", None)  # the home's own instance, with our settings and its storage in Postgres
    prepare(home)
    with open_instance(home) as instance:
        free_dead(instance)
    print(f"home: {home}   Dagster instance: {instance_folder(home)}")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
