"""Names of code that is loaded only when it is used: "package.module:attribute"."""

from __future__ import annotations

from functools import reduce
from importlib import import_module
from typing import Any


def resolve(reference: str) -> Any:
    """The object that ``"package.module:name"`` or ``"package.module:Class.method"`` names; imports its module."""
    module, _, path = reference.partition(":")
    return reduce(getattr, path.split("."), import_module(module))
