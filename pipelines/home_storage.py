"""Dagster's runs, events and schedules of a home whose state lies in Postgres: beside its ledger, in a schema of their own.

dagster.yaml names the schema; the database, with its password, is named by the environment alone (`state_store.VARIABLE`), in whatever
process Dagster starts. Imported by Dagster, by its name in dagster.yaml; needs the extra `postgres`.
"""

from __future__ import annotations

from typing import Any, Self

import dagster as dg
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from sqlalchemy.engine import make_url

from swaptalk_models.data.store.postgres import connect
from swaptalk_models.data.store.state_store import VARIABLE, postgres_address
from swaptalk_models.errors import UserError


class HomeStorage(DagsterPostgresStorage):
    """dagster-postgres's storage, in the schema of a home."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {"schema": dg.Field(str, description="Of the home's Dagster instance")}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """
        Raises:
            UserError: the environment names no database, or it cannot be used.
        """
        address = postgres_address()
        if address is None:
            raise UserError(
                f"this home's Dagster instance lies in Postgres (schema {config_value['schema']}): "
                f"set {VARIABLE} to that database's address"
            )
        connect(address).close()  # one clear line, not five tries
        return cls(inst_data=inst_data, postgres_url=storage_address(address, config_value["schema"]))


def storage_address(address: str, schema: str) -> str:
    """What SQLAlchemy takes for the database with this schema's tables. It holds the password."""
    url = make_url(address.replace("postgres://", "postgresql://", 1)).set(drivername="postgresql+psycopg2")
    given = url.query.get("options", "")
    options = f"{given if isinstance(given, str) else ' '.join(given)} -c search_path={schema}".strip()
    return url.update_query_dict({"options": options}).render_as_string(hide_password=False)
