"""Sections of settings: dataclasses built from plain values, with errors that name the setting which the user can type."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from swaptalk_models.errors import UserError

Section = TypeVar("Section")


def require(condition: bool, message: str) -> None:
    """For a section's ``__post_init__``; ``message`` begins with the name of the field, without its section: ``build_section`` knows where it is.

    Raises:
        ValueError: the condition does not hold.
    """
    if not condition:
        raise ValueError(message)


def build_section(kind: type[Section], values: Mapping[str, Any], where: str = "") -> Section:
    """Dataclass ``kind`` from plain YAML values.

    Args:
        where: dotted path of the section with a dot at its end; nothing for the whole.

    Raises:
        UserError: an unknown setting, or a value that does not fit; the message names the setting as the user can type it.
    """
    hints = typing.get_type_hints(kind)
    unknown = sorted(str(key) for key in set(values) - set(hints))
    if unknown:
        raise UserError(unknown_setting(where + unknown[0], kind, where))
    try:
        return kind(**{key: _convert(hints[key], value, f"{where}{key}") for key, value in values.items()})
    except ValueError as error:
        raise UserError(f"{where}{error}") from None


def unknown_setting(name: str, kind: type, where: str = "") -> str:
    """What to say of a setting that section ``kind`` at ``where`` does not have: the likeliest ones that are meant, and what there is."""
    names = setting_names(kind, where)
    last = name.rpartition(".")[2]
    alike = [known for known in names if known.rpartition(".")[2] == last]
    alike += difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    meant = f"did you mean {' or '.join(list(dict.fromkeys(alike))[:3])}? " if alike else ""
    return f"unknown setting {name!r}: {meant}there are {', '.join(typing.get_type_hints(kind))}"


def setting_names(kind: type, where: str = "") -> list[str]:
    """Dotted names of all settings of a section and of those in it."""
    found: list[str] = []
    for name, hint in typing.get_type_hints(kind).items():
        inner = next((part for part in (hint, *typing.get_args(hint)) if dataclasses.is_dataclass(part)), None)
        found += setting_names(typing.cast(type, inner), f"{where}{name}.") if inner else [f"{where}{name}"]
    return found


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
