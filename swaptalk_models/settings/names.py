"""Dotted names of settings ("vqgan.train.steps"): which there are, and which one an unknown name may stand for."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from typing import Any

_ALIKE = 0.6  # of two names, from which on one may be meant by the other


def setting_names(kind: type) -> list[str]:
    """Dotted names of all values that a section and the sections in it hold, in their order: ["size", "train.steps",
    ...]."""
    found = []
    for name, hint in typing.get_type_hints(kind).items():
        inner = section_in(hint)
        found += [f"{name}.{field}" for field in setting_names(inner)] if inner else [name]
    return found


def suggestion(kind: type, dotted: str, where: str) -> str:
    """What may be meant, and the fields of the section where that is, or else of the section that is known so far."""
    known = _known_section(kind, dotted)
    meant = _meant(kind, known, dotted)
    section = _known_section(kind, meant) if meant else known
    fields = ", ".join(typing.get_type_hints(_section_at(kind, section)))
    place = (where + section).rstrip(".")
    listed = f"{place} has {fields}" if place else f"there are {fields}"
    return f"did you mean {where}{meant}? {listed}" if meant else listed


def _meant(kind: type, known: str, dotted: str) -> str:
    """The name that an unknown one may stand for, or "": one alike in the section ``known``, which is right, or one
    that ends alike anywhere."""
    names = setting_names(kind)
    sections = filter(None, dict.fromkeys(name.rpartition(".")[0] for name in names))
    prefix = f"{known}." if known else ""
    inside = [name.removeprefix(prefix) for name in (*names, *sections) if name.startswith(prefix)]
    last = dotted.rpartition(".")[2]
    if found := _most_alike(dotted.removeprefix(prefix), inside):
        return prefix + found
    elsewhere = [name for name in names if name.rpartition(".")[2] == last]
    return elsewhere[0] if len(elsewhere) == 1 else ""


def _most_alike(name: str, names: list[str]) -> str:
    """Preferred is a name with the same last part: sections are what people mix up."""
    ends_alike = [other for other in names if other.rpartition(".")[2] == name.rpartition(".")[2]]
    close = difflib.get_close_matches(name, ends_alike, n=1, cutoff=_ALIKE) or difflib.get_close_matches(
        name, names, n=1, cutoff=_ALIKE
    )
    return close[0] if close else ""


def _known_section(kind: type, dotted: str) -> str:
    """The longest beginning of a dotted name that is a section; "" is ``kind`` itself."""
    parts = dotted.split(".")[:-1]
    while parts and _section_at(kind, ".".join(parts)) is None:
        parts.pop()
    return ".".join(parts)


def _section_at(kind: type, dotted: str) -> Any:
    """The section of that name within ``kind``, or None; "" is ``kind`` itself."""
    found: type | None = kind
    for name in dotted.split(".") if dotted else ():
        found = section_in(typing.get_type_hints(found).get(name)) if found else None
    return found


def not_none(hint: Any) -> Any:
    return next(argument for argument in typing.get_args(hint) if argument is not types.NoneType)


def section_in(hint: Any) -> type | None:
    """The section that a field holds, or None where it holds a value."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = not_none(hint)
    return hint if isinstance(hint, type) and dataclasses.is_dataclass(hint) else None
