"""What README and docs name is there: links and their anchors, commands and options, settings, files, functions of the walks."""

import dataclasses
import importlib
import re
import shlex
import typing
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pipelines.cli.main import COMMANDS
from swaptalk_models.graph.lineage import LINEAGE
from swaptalk_models.settings.names import section_in
from swaptalk_models.settings.preset import PRESETS, Preset

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ids = [page.relative_to(ROOT).as_posix() for page in PAGES]
_FENCE = re.compile(r"^```.*?$(.*?)^```$", re.MULTILINE | re.DOTALL)
_END = re.compile(r"\s#|&&|;|\||\)")
"""Where a command in a line of shell ends."""
_NEW_MODELS = re.findall(r'ModelSpec\(\s*"(\w+)"', (ROOT / "docs/guide/add_a_model.md").read_text())
"""Which the reader of that page adds."""


def code_of(page: Path) -> Iterator[str]:
    """Lines of its code blocks, continued ones joined, and its inline code."""
    text = page.read_text()
    for block in _FENCE.findall(text):
        yield from block.replace("\\\n", " ").splitlines()
    yield from re.findall(r"`([^`]+)`", _FENCE.sub("", text).replace("\n", " "))


def commands_of(page: Path) -> Iterator[list[str]]:
    """Words behind `swaptalk` of every call that it shows."""
    for code in code_of(page):
        for call in re.findall(r"(?:^|[\s(])swaptalk (.+)", code):
            unquoted = _END.split(re.sub(r"'[^']*'", lambda quoted: quoted[0].replace(";", ","), call))[0]
            yield shlex.split(unquoted)


def anchors_of(page: Path) -> set[str]:
    """As GitHub makes them from headings."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def command_called(name: str) -> click.Command:
    return importlib.import_module(f"pipelines.cli.{name}").command


def wrong_words(words: list[str]) -> list[str]:
    """Of one call: command, options, and words of a choice that do not exist."""
    name, *rest = words
    if name.startswith("--"):
        return [] if name in ("--help", "--version") else [name]
    if name not in COMMANDS:
        return [name]
    command = command_called(name)
    options = {text: param for param in command.params for text in param.opts if isinstance(param, click.Option)}
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    wrong = []
    while rest:
        word, _, value = rest.pop(0).rstrip(",").partition("=")
        param: click.Parameter | None = options.get(word)
        if word.startswith("--"):
            if word != "--help" and param is None:
                wrong.append(word)
            if isinstance(param, click.Option) and not param.is_flag and rest and not rest[0].startswith("--"):
                value = rest.pop(0)
                wrong += [f"{word} {value}"] if wrong_value(word, value, param) else []
        elif arguments and re.fullmatch(r"[a-z][\w-]*", word) and wrong_value("", word, arguments[0]):
            wrong.append(word)
    return wrong


def wrong_value(option: str, value: str, param: click.Parameter) -> bool:
    """Words in capitals and variables stand for something else."""
    if not re.match(r"[a-z0-9']", value):
        return False
    if option == "--preset":
        return value not in PRESETS and not (ROOT / value).is_file()
    if option == "--until":
        return value not in (*LINEAGE, *_NEW_MODELS)
    if option == "--set":
        return not is_setting(value.partition("=")[0])
    return isinstance(param.type, click.Choice) and not set(value.split("|")) <= set(param.type.choices)


def is_setting(dotted: str) -> bool:
    kind: type | None = Preset
    for part in dotted.split("."):
        if kind is None or part not in {field.name for field in dataclasses.fields(kind)}:
            return False
        kind = section_in(typing.get_type_hints(kind)[part])
    return True


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_lead_somewhere(page):
    text = _FENCE.sub("", page.read_text())
    for link in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", text):
        link = "".join(link)
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists() and there.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors_of(there), link


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_commands_and_their_options_exist(page):
    wrong = {" ".join(words): found for words in commands_of(page) if (found := wrong_words(words))}
    assert not wrong


def test_options_named_alone_exist():
    known = {text for name in COMMANDS for param in command_called(name).params for text in param.opts} | {"--help"}
    named = {
        code.split()[0].partition("=")[0] for page in PAGES for code in code_of(page) if re.match(r"--[a-z]", code)
    }
    assert named and named <= known, named - known


def test_settings_named_exist():
    """`section.field` or `section.field=value`, where `section` is one of the preset's."""
    sections = {field.name for field in dataclasses.fields(Preset)}
    for page in PAGES:
        for code in code_of(page):
            for dotted in re.findall(r"(?<![\w./])([a-z_]+\.[a-z_.0-9]*[a-z0-9])(?==|$)", code):
                section, _, field = dotted.partition(".")
                if section in sections and field not in ("py", "md", "json", "parquet", "lance"):
                    assert is_setting(dotted), f"{page.name}: {dotted}"


def test_wrong_names_are_found():
    assert wrong_words(["rnu"]) == ["rnu"] and wrong_words(["run", "--vidoes", "X"]) == ["--vidoes"]
    assert wrong_words(["run", "--preset", "huge", "--until", "lips", "--set", "vqgan.codez=3"]) == [
        "--preset huge",
        "--until lips",
        "--set vqgan.codez=3",
    ]
    assert wrong_words(["bench", "prepares"]) == ["prepares"] and wrong_words(["generate", "--detail", "maybe"])
    assert not wrong_words(["run", "--preset", "nano", "--hdtf", "--set", "vqgan.train.steps=5", "--dry-run"])


def test_files_and_targets_named_exist():
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for code in code_of(page):
            for made in re.findall(r"(?:^|\s)make ([a-z]+)", code):
                assert made in targets, f"{page.name}: make {made}"
            for script in re.findall(r"(?:^|\s)(docs/scripts/\w+\.\w+)", code):
                assert (ROOT / script).is_file(), f"{page.name}: {script}"


def test_walks_name_what_is_there():
    """docs/architecture.md: each file, and of "`name` (`file`" and "`name` in `file`" the name in it."""
    text = re.sub(r"\s+", " ", (ROOT / "docs" / "architecture.md").read_text())
    files = [
        path for room in ("swaptalk_models", "assets", "pipelines", "tests") for path in (ROOT / room).rglob("*.py")
    ]

    def called(name: str) -> list[Path]:
        return [path for path in files if f"/{path.relative_to(ROOT).as_posix()}".endswith(f"/{name}")]

    missing = [name for name in re.findall(r"`([\w/]+\.py)`", text) if not called(name)]
    assert not missing
    pairs = re.findall(r"`([\w.]+)`(?: \(|, by `\w+` \(| in )`([\w/]+\.py)`", text)
    assert len(pairs) > 45
    for name, file in pairs:
        last = name.split(".")[-1]
        pattern = rf"^\s*(?:(?:async )?def|class) {last}\b|^{last}\b.*="
        assert any(re.search(pattern, path.read_text(), re.MULTILINE) for path in called(file)), f"{name} in {file}"
