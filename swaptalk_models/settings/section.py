"""Sections of settings: dataclasses built from plain values, with errors that name the setting which the user can type."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any

from swaptalk_models.errors import UserError


def build_section(kind: type, values: Mapping[str, Any], where: str = ""):
    """Dataclass ``kind`` from plain YAML values, with errors that name the field and what would fit."""
    hints = typing.get_type_hints(kind)
    unknown = sorted(str(key) for key in set(values) - set(hints))
    if unknown:
        raise UserError(f"unknown setting {(where + unknown[0])!r}: there are {', '.join(hints)}")
    try:
        return kind(**{key: _convert(hints[key], value, f"{where}{key}") for key, value in values.items()})
    except ValueError as error:
        raise UserError(str(error)) from None


def _convert(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise UserError(f"setting {where!r} is a section of settings, not {value!r}")
        return build_section(hint, value, where + ".")
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return _convert(next(a for a in typing.get_args(hint) if a is not type(None)), value, where)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise UserError(f"setting {where!r} must be a list, not {value!r}")
        return tuple(_convert(typing.get_args(hint)[0], item, where) for item in value)
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if hint is float and isinstance(value, str):  # YAML reads 1e-3 (no dot) as text
        try:
            return float(value)
        except ValueError:
            pass
    if type(value) is hint:
        return value
    raise UserError(f"setting {where!r} must be {hint.__name__}, not {value!r}")
