"""Imports go one way; the contract's assets exist; definitions load light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {"swaptalk_models": {"dagster", "assets", "pipelines"}, "assets": {"pipelines"}}
HEAVY = {
    "torch",
    "cv2",
    "decord",
    "librosa",
    "dlib",
    "av",
    "lance",
    "skimage",
    "matplotlib",
    "pyarrow",
    "scipy",
    "face_alignment",
}
CONTRACT = {
    "catalog": {"hdtf_catalog"},
    "clips": {"raw_videos", "clips"},
    "faces": {"face_tracks", "face_crops"},
    "audio": {"mels"},
    "latents": {"vqgan", "vq_latents"},
    "training": {"training_snapshot", "identity_encoder", "lip_expert", "swap_teacher", "face_swapper", "lip_sync", "wav2lip"},
    "evaluation": {"sync_judge", "test_videos", "metrics", "evaluation_report"},
    "release": {"model_release"},
}
PARTITIONED = {"raw_videos", "clips", "face_tracks", "face_crops", "mels", "vq_latents"}


# What stands higher may import what stands lower, never the other way round.
LADDER = (
    "errors",
    "settings",
    "graph",
    "data",
    "metrics",
    "modules",
    "classical",
    "inference",
    "training",
    "evaluation",
    "rehearsal",
    "reporting",
)


def imported(path: Path) -> set[str]:
    """Top-level packages imported anywhere in a file, functions included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("room", FORBIDDEN)
def test_imports_go_one_way(room):
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    wrong = {str(path.relative_to(ROOT)): bad for path in files if (bad := imported(path) & FORBIDDEN[room])}
    assert not wrong


def packages_imported(path: Path) -> set[str]:
    """Packages of swaptalk_models that a file imports anywhere, functions and TYPE_CHECKING included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").partition(".")[0] == "swaptalk_models":
            rest = (node.module or "").split(".")[1:]
            found |= {rest[0]} if rest else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("swaptalk_models.")}
    return found


@pytest.mark.parametrize("package", LADDER)
def test_nothing_climbs_the_ladder(package):
    folder = ROOT / "swaptalk_models" / package
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    assert files
    below = set(LADDER[: LADDER.index(package) + 1])
    wrong = {str(path.relative_to(ROOT)): bad for path in files if (bad := packages_imported(path) - below)}
    assert not wrong


def test_every_package_stands_on_the_ladder():
    there = {path.stem for path in (ROOT / "swaptalk_models").iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert there - {"__init__"} == set(LADDER)


def test_measuring_does_not_compare():
    for package in ("held_out", "measure"):
        for path in (ROOT / "swaptalk_models" / "evaluation" / package).rglob("*.py"):
            assert "evaluation.compare" not in path.read_text(), path


def test_what_the_table_of_models_names_is_there():
    from swaptalk_models.graph.models import MODELS
    from swaptalk_models.graph.reference import resolve

    for model in MODELS.values():
        for name in (model.network, model.objective, model.held_out, model.make, model.external):
            assert not name or callable(resolve(name)), name


def test_definitions_load_light():
    code = f"import sys, pipelines.definitions; print(','.join(sorted({HEAVY!r} & set(sys.modules))))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


@pytest.fixture(scope="module")
def graph():
    from pipelines.definitions import defs

    return defs.resolve_asset_graph()


def test_contract_assets_in_their_groups(graph):
    groups: dict[str, set[str]] = {}
    for key in graph.get_all_asset_keys():
        groups.setdefault(graph.get(key).group_name, set()).add(key.to_user_string())
    assert groups == CONTRACT


def test_exactly_the_contracts_assets_are_partitioned(graph):
    assert {key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).partitions_def} == PARTITIONED


def test_every_asset_has_code_version_kinds_and_description(graph):
    from swaptalk_models.graph.code_versions import CODE_VERSIONS

    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.code_version == CODE_VERSIONS[key.to_user_string()]
        assert node.kinds, key
        assert node.description, key


def test_models_depend_on_the_snapshot_and_their_inputs(graph):
    from swaptalk_models.graph.models import MODELS

    for name, model in MODELS.items():
        parents = {
            key.to_user_string()
            for key in graph.get(next(k for k in graph.get_all_asset_keys() if k.path == [name])).parent_keys
        }
        assert {*model.reads, *model.inputs} == parents
        assert ("vq_latents" in parents) == (name in ("lip_expert", "lip_sync", "face_swapper", "wav2lip"))


def test_jobs_resolve():
    from pipelines.definitions import defs
    from pipelines.jobs import jobs

    assert {defs.resolve_job_def(job.name).name for job in jobs} == {"swaptalk", "prepare_data", "train", "evaluate"}
