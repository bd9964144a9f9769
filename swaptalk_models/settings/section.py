"""Sections of settings: dataclasses built from plain values, with errors that name the setting which the user can type.

A section's ``__post_init__`` checks its values with ``require``, in messages that begin with a field's own name; who
builds the section knows where it stands, and puts that before it: "lr must be positive" becomes "vqgan.train.lr must be
positive".
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from swaptalk_models.errors import UserError
from swaptalk_models.settings.names import not_none, section_in, suggestion

Section = TypeVar("Section")

_hints: Callable[[Any], dict[str, Any]] = functools.cache(typing.get_type_hints)
"""A preset has forty sections, and each asset reads it anew."""


def require(condition: bool, message: str) -> None:
    """ValueError with ``message``, which begins with the name of the section's field, where ``condition`` does not
    hold."""
    if not condition:
        raise ValueError(message)


def require_at_least(section: Any, least: float, *fields: str) -> None:
    """The same for numbers that have a smallest value. NaN is none."""
    for name in fields:
        require(getattr(section, name) >= least, f"{name} must be at least {least}")


def require_positive(section: Any, *fields: str) -> None:
    """The same for numbers that must be above 0. NaN is none."""
    for name in fields:
        require(getattr(section, name) > 0, f"{name} must be positive")


def require_one_of(section: Any, field: str, *words: str) -> None:
    """The same for a field that takes one of a few words."""
    value = getattr(section, field)
    require(value in words, f"{field} must be {', '.join(words[:-1])} or {words[-1]}, not {value!r}")


def build_section(kind: type[Section], values: Mapping[str, Any], where: str = "") -> Section:
    """Dataclass ``kind`` from plain YAML values.

    Args:
        kind: a frozen dataclass; its fields may be dataclasses, too.
        values: {"field": value}. What is not named keeps its default.
        where: what the user writes before the section's fields, such as "vqgan.train."; empty: nothing.

    Raises:
        UserError: an unknown setting, a value of another type, or one that the section refuses, by its full name.
    """
    for dotted in _unknown(kind, values):
        raise UserError(f"unknown setting {where + dotted!r}: {suggestion(kind, dotted, where)}")
    return _build(kind, values, where)


def _build(kind: type[Section], values: Mapping[str, Any], where: str) -> Section:
    hints = _hints(kind)
    converted = {key: _convert(hints[key], value, f"{where}{key}") for key, value in values.items()}
    try:
        return kind(**converted)
    except ValueError as error:
        raise UserError(f"{where}{error}") from None


def _convert(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise UserError(f"setting {where!r} is a section of settings, not {value!r}")
        return _build(typing.cast("type[Any]", hint), value, where + ".")
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return _convert(not_none(hint), value, where)
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


def _unknown(kind: type, values: Mapping[Any, Any], where: str = "") -> Iterator[str]:
    """Dotted names of settings that ``kind`` does not have."""
    hints = _hints(kind)
    for key, value in values.items():
        if key not in hints:
            yield where + ".".join([str(key), *_first_inside(value)])
        elif (inner := section_in(hints[key])) and isinstance(value, Mapping):
            yield from _unknown(inner, value, f"{where}{key}.")


def _first_inside(value: Any) -> list[str]:
    """The first name in a section of an unknown name, as the user has written it."""
    if not isinstance(value, Mapping) or not value:
        return []
    key = next(iter(value))
    return [str(key), *_first_inside(value[key])]
