"""Imports go one way; the tables of models and assets hold; definitions load light."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from swaptalk_models.graph.code_versions import CODE_VERSIONS
from swaptalk_models.graph.columns import COLUMNS
from swaptalk_models.graph.lineage import LINEAGE
from swaptalk_models.graph.models import MODELS
from swaptalk_models.graph.reference import resolve

ROOT = Path(__file__).parents[1]
ROOMS = ("swaptalk_models", "assets", "pipelines")
"""Bottom to top: who imports what stands above climbs."""
LADDER = (
    "errors",
    "settings",
    "graph",
    "data",
    "metrics",
    "modules",
    "classical",
    "inference",
    "provenance",
    "talks",
    "training",
    "evaluation",
    "rehearsal",
    "reporting",
)
"""The same inside of swaptalk_models."""
NEVER = (
    ("swaptalk_models", "dagster"),  # runs in Dagster, and without it
    ("swaptalk_models.evaluation.held_out", "swaptalk_models.evaluation.compare"),
    ("swaptalk_models.evaluation.measure", "swaptalk_models.evaluation.compare"),
)
"""(who, what): further ways that are closed."""
HEAVY = {
    "torch",
    "cv2",
    "decord",
    "librosa",
    "dlib",
    "av",
    "lance",
    "mlflow",
    "skimage",
    "matplotlib",
    "pyarrow",
    "scipy",
    "face_alignment",
    "c2pa",
    "cryptography",
    "psycopg2",
    "dagster_postgres",
    "boto3",
}
NAMED_CODE = {
    "network": "swaptalk_models.modules",
    "objective": "swaptalk_models.training",
    "make": "swaptalk_models.training",
    "external": "swaptalk_models.training",
    "held_out": "swaptalk_models.evaluation.held_out",
}
"""Fields of a ModelSpec that name code, and where it lies."""
CONTRACT = {
    "catalog": {"hdtf_catalog"},
    "clips": {"raw_videos", "clips"},
    "faces": {"face_tracks", "face_crops"},
    "audio": {"mels"},
    "snapshot": {"sync_judge", "training_snapshot"},
    "latents": {"identity_encoder", "vqgan", "vq_latents"},
    "training": {
        "lip_expert",
        "swap_teacher",
        "face_swapper",
        "lip_sync",
        "wav2lip",
        "wav_sync_swap",
        "restorer",
    },
    "evaluation": {"test_videos", "metrics", "evaluation_report"},
    "release": {"model_release"},
}
PARTITIONED = {"raw_videos", "clips", "face_tracks", "face_crops", "mels", "vq_latents"}

Imports = dict[str, set[str]]
"""{module: full names of all that it imports}"""


def imported(path: Path) -> set[str]:
    """Full names of what a file imports anywhere: in functions and under TYPE_CHECKING, too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level and node.module, f"{path}: a relative import hides where it goes"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def imports_under(root: Path) -> Imports:
    """Of every module under ``root``."""
    return {
        ".".join(path.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__"): imported(path)
        for path in sorted(root.rglob("*.py"))
    }


def climbing(imports: Imports, ladder: tuple[str, ...], prefix: str = "") -> list[str]:
    """One line for each import of something that stands above."""
    places = {prefix + step: place for place, step in enumerate(ladder)}

    def place(name: str) -> int | None:
        return next((places[step] for step in places if f"{name}.".startswith(f"{step}.")), None)

    found = []
    for module, names in imports.items():
        own = place(module)
        above = {name for name in names if own is not None and (there := place(name)) is not None and there > own}
        found += [f"{module} imports {name}" for name in sorted(above)]
    return found


@pytest.fixture(scope="module")
def imports() -> Imports:
    found = {module: names for room in ROOMS for module, names in imports_under(ROOT / room).items()}
    assert {"swaptalk_models.errors", "assets", "pipelines.definitions"} <= found.keys()
    return found


def test_nothing_climbs(imports):
    assert climbing(imports, ROOMS) == []


def test_nothing_climbs_the_ladder_inside(imports):
    assert climbing(imports, LADDER, "swaptalk_models.") == []


def test_every_package_stands_on_the_ladder():
    inside = {path.stem for path in (ROOT / "swaptalk_models").iterdir() if path.name[0] not in "._"} - {
        "py",
        "shipped",
    }  # no code
    assert inside - {"__pycache__"} == set(LADDER)


def test_ways_that_are_closed_are_not_taken(imports):
    taken = [
        f"{module} imports {name}"
        for module, names in imports.items()
        for who, what in NEVER
        for name in sorted(names)
        if f"{module}.".startswith(f"{who}.") and f"{name}.".startswith(f"{what}.")
    ]
    assert taken == []


def test_nothing_imports_itself_in_a_circle(imports):
    """Imports in functions included: whoever walks through the code does not come back to where he was."""
    graph = {module: (names & imports.keys()) - {module} for module, names in imports.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def test_a_climb_is_seen_wherever_it_hides(tmp_path):
    package = tmp_path / "p"
    package.mkdir()
    (package / "low.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from p.high import a\n"
        "def f():\n    import p.high.deep\n    from p import high, lower\n"
    )
    (package / "high.py").write_text("import p.low\n")
    found = climbing(imports_under(package), ("lower", "low", "high"), "p.")
    assert found == [f"p.low imports p.high{name}" for name in ("", ".a", ".deep")]


def fresh_modules(code: str) -> set[str]:
    """Top-level packages that a new interpreter has loaded after ``code``."""
    shown = "import sys; print(' '.join({name.partition('.')[0] for name in sys.modules}))"
    command = [sys.executable, "-W", "ignore", "-c", f"{code}\n{shown}"]
    return set(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split())


def test_definitions_load_light():
    assert fresh_modules("import pipelines.definitions") & HEAVY == set()


def test_settings_and_graph_need_nothing_but_yaml(imports):
    low = [name for name in imports if name.split(".")[1:2] in (["settings"], ["graph"])]
    installed = {name.partition(".")[0] for module in low for name in imports[module]} - sys.stdlib_module_names
    assert installed == {"yaml", "swaptalk_models"}
    assert fresh_modules(f"import {', '.join(low)}") & (HEAVY | {"numpy", "dagster", "pydantic"}) == set()


def named_code() -> Iterator[tuple[str, str, str]]:
    """(model, field of its specification, code that it names)"""
    for name, spec in MODELS.items():
        yield from ((name, field, getattr(spec, field)) for field in NAMED_CODE if getattr(spec, field))


@pytest.mark.parametrize(("model", "field", "reference"), list(named_code()))
def test_a_model_names_code_that_there_is_and_in_its_place(model, field, reference):
    assert callable(resolve(reference))
    assert reference.startswith(NAMED_CODE[field] + ".")


def test_every_field_that_names_code_is_looked_at():
    texts = {field for spec in MODELS.values() for field, value in vars(spec).items() if ":" in str(value)}
    assert texts - {"description", "figures"} == set(NAMED_CODE)


def test_a_model_is_either_learned_or_made():
    for spec in MODELS.values():
        assert bool(spec.network) == bool(spec.objective) != bool(spec.make), spec.name


@pytest.fixture(scope="module")
def graph():
    from pipelines.definitions import defs

    return defs.resolve_asset_graph()


def test_contract_assets_in_their_groups(graph):
    groups: dict[str, set[str]] = {}
    for key in graph.get_all_asset_keys():
        groups.setdefault(graph.get(key).group_name, set()).add(key.to_user_string())
    assert groups == CONTRACT


def test_assets_come_from_what_the_lineage_says(graph):
    found = {
        key.to_user_string(): (
            graph.get(key).group_name,
            {parent.to_user_string() for parent in graph.get(key).parent_keys},
        )
        for key in graph.get_all_asset_keys()
    }
    assert found == {name: (group, set(upstream)) for name, (group, upstream) in LINEAGE.items()}
    assert all(len(key.path) == 1 for key in graph.get_all_asset_keys())


def test_exactly_the_contracts_assets_are_partitioned(graph):
    assert {key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).partitions_def} == PARTITIONED


def test_groups_that_are_collapsed_in_the_ui_form_no_circle():
    groups = {group for group, _ in LINEAGE.values()}
    made_from = {
        group: {LINEAGE[parent][0] for of, upstream in LINEAGE.values() if of == group for parent in upstream} - {group}
        for group in groups
    }
    order = list(TopologicalSorter(made_from).static_order())  # CycleError: there is one
    assert order[0] == "catalog" and order[-1] == "release"


def test_every_asset_has_all_that_the_ui_tells_of_it(graph):
    """Owner, tags, kinds, code version, description, links to code that is there, and the meaning of each column."""
    for key in graph.get_all_asset_keys():
        node, name = graph.get(key), key.to_user_string()
        assert node.code_version == CODE_VERSIONS[name]
        assert node.kinds and node.description and node.owners and "swaptalk/runs-on" in node.tags, name
        links = node.metadata["dagster/code_references"].code_references
        assert links, name
        for link in links:
            line = Path(link.file_path).read_text().splitlines()[link.line_number - 1]
            assert link.label.partition(":")[2].partition(".")[0] in line, link
        assert ("dagster/column_schema" in node.metadata) == (name in COLUMNS), name
        if name in COLUMNS:
            assert all(column.description for column in node.metadata["dagster/column_schema"].columns), name
    assert {"hdtf_catalog", "face_tracks", "face_crops", "mels", "vq_latents", "training_snapshot", "metrics"} == set(
        COLUMNS
    )


def test_columns_of_the_metrics_table_are_told_too(graph):
    from swaptalk_models.metrics.table import BY_KEY

    (node,) = [graph.get(key) for key in graph.get_all_asset_keys() if key.to_user_string() == "metrics"]
    told = [column.name for column in node.metadata["dagster/column_schema"].columns]
    assert told == [column.name for column in COLUMNS["metrics"]] + sorted(
        BY_KEY, key=lambda key: not BY_KEY[key].contract
    )


def test_code_can_be_linked_where_it_is_published(monkeypatch):
    from assets.support.facts import CODE_ADDRESS, code_references

    monkeypatch.setenv(CODE_ADDRESS, "https://example.org/lab/swaptalk/blob/main/")
    (link,) = code_references(("swaptalk_models.data.stages.mels:mel",)).code_references
    assert link.url.startswith("https://example.org/lab/swaptalk/blob/main/swaptalk_models/data/stages/mels.py#L")


def test_models_depend_on_the_snapshot_and_their_inputs(graph):
    parents = {
        key.to_user_string(): {parent.to_user_string() for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
    }
    for name, spec in MODELS.items():
        assert {*spec.reads, *spec.inputs} == parents[name]
        assert ("training_snapshot" in parents[name]) == (name != "sync_judge")  # the snapshot goes by what it hears
        assert ("vq_latents" in parents[name]) == (
            name in ("lip_expert", "lip_sync", "face_swapper", "wav2lip", "restorer")
        )


def test_job_train_asks_for_no_partition():
    from pipelines.definitions import defs

    job = defs.resolve_job_def("train")
    assert job.partitions_def is None and "vq_latents" not in job.asset_layer.selected_asset_keys
    assert {key.to_user_string() for key in job.asset_layer.selected_asset_keys} >= MODELS.keys()


def test_jobs_resolve():
    from pipelines.definitions import defs
    from pipelines.jobs import jobs

    assert {defs.resolve_job_def(job.name).name for job in jobs} == {"swaptalk", "prepare_data", "train", "evaluate"}
