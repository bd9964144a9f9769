"""No module imports, however far around, one that imports it: imports inside functions count like those at the top."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("swaptalk_models", "assets", "pipelines")
# Named by a string and imported when used, on purpose: graph/reference.py, the commands of pipelines/cli/main.py, and
# the benches of pipelines/bench/__init__.py. Each names what stands above it, and nothing there imports it for this.


def modules() -> dict[str, Path]:
    """{dotted name: file} of the three packages; a package's name is that of its __init__.py."""
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in files}


def imports(path: Path, known: dict[str, Path]) -> set[str]:
    """Modules of ours that a file imports anywhere at run time; those for type checkers alone do not count."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for other in node.orelse:
                visit(other)
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level and node.module, f"{path}: a relative import"
            named = {f"{node.module}.{alias.name}" for alias in node.names}
            found.update(named & known.keys())
            if named - known.keys():
                found.add(node.module)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    return found & known.keys()


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules of one circle, each imported by the one before it; empty where there is none."""
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def test_no_module_imports_itself_around_a_corner():
    known = modules()
    assert len(known) > 100
    graph = {name: imports(path, known) for name, path in known.items()}
    assert circle(graph) == []


def test_circles_of_all_kinds_are_found(tmp_path):
    files = {
        "assets.one": "def f():\n    from assets import two\n",
        "assets.two": "import assets.three as three\n",
        "assets.three": "from assets.one import f\n",
        "assets.typed": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from assets.one import f\n",
        "assets": "",
    }
    known = {}
    for name, text in files.items():
        known[name] = tmp_path / name
        known[name].write_text(text)
    graph = {name: imports(path, known) for name, path in known.items()}
    assert graph["assets.typed"] == set()
    assert set(circle(graph)) == {"assets.one", "assets.two", "assets.three"}
    assert circle({name: found for name, found in graph.items() if name != "assets.three"}) == []
