"""What every asset tells of itself when it is defined, from the tables in swaptalk_models/graph: nothing of it is written twice."""

from __future__ import annotations

import os
import re
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg

import swaptalk_models
from swaptalk_models.graph.code_versions import CODE_VERSIONS
from swaptalk_models.graph.columns import COLUMNS
from swaptalk_models.graph.facts import facts
from swaptalk_models.graph.lineage import group, upstream
from swaptalk_models.metrics.table import FURTHER, METRICS

CODE_ADDRESS = "SWAPTALK_CODE_ADDRESS"
"""Environment variable: where the code can be read in a browser, https://HOST/OWNER/REPOSITORY/blob/BRANCH. Else links go to the files here."""
_PACKAGES = Path(swaptalk_models.__file__).parents[1]


def asset_facts(name: str) -> dict[str, Any]:
    """Arguments of ``dg.asset``: what it is made from, its group, kinds, owner, tags, versions, code and columns."""
    told = facts(name)
    metadata: dict[str, Any] = {"dagster/code_references": code_references(told.code)}
    if name in COLUMNS:
        metadata["dagster/column_schema"] = column_schema(name)
    return {
        "deps": list(upstream(name)),
        "group_name": group(name),
        "kinds": set(told.kinds),
        "owners": [told.owner],
        "tags": told.tags,
        "code_version": CODE_VERSIONS[name],
        "metadata": metadata,
    }


def column_schema(name: str) -> dg.TableSchema:
    """Columns of an asset's table with types and meanings."""
    from swaptalk_models.metrics.table import BY_KEY

    found = [(column.name, column.type, column.meaning) for column in COLUMNS[name]]
    if name == "metrics":
        found += [(key, "float64", f"{BY_KEY[key].label}: {BY_KEY[key].meaning}") for key in (*METRICS, *FURTHER)]
    return dg.TableSchema([dg.TableColumn(column, kind, meaning) for column, kind, meaning in found])


def code_references(named: tuple[str, ...]) -> dg.CodeReferencesMetadataValue:
    """Links to code, "package.module:name" each: to the file here, or to the address in $SWAPTALK_CODE_ADDRESS."""
    address = os.environ.get(CODE_ADDRESS, "").rstrip("/")
    with warnings.catch_warnings(action="ignore", category=dg.BetaWarning):  # code references are new
        links = [_link(reference, address) for reference in named]
        return dg.CodeReferencesMetadataValue(code_references=links)


def _link(reference: str, address: str) -> dg.LocalFileCodeReference | dg.UrlCodeReference:
    module, _, name = reference.partition(":")
    path, line = place(module, name)
    if address:
        url = f"{address}/{path.relative_to(_PACKAGES).as_posix()}#L{line}"
        return dg.UrlCodeReference(url=url, label=reference)
    return dg.LocalFileCodeReference(file_path=str(path), line_number=line, label=reference)


def place(module: str, name: str) -> tuple[Path, int]:
    """File of a module, and the line at which it defines a name ("Class.method": the class). Nothing is imported."""
    path = _PACKAGES / f"{module.replace('.', '/')}.py"
    first = name.partition(".")[0]
    for number, line in enumerate(_lines(path), start=1):
        if re.match(rf"(def|class) {first}\b|{first}\b.*=", line):
            return path, number
    raise AssertionError(f"{path} does not define {name}")


@cache
def _lines(path: Path) -> tuple[str, ...]:
    return tuple(path.read_text(encoding="utf-8").splitlines())
