"""docs/guide/add_a_model.md: its blocks, put where it says, are a model. Three places: new files, settings/models.py, graph/models.py."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "guide" / "add_a_model.md"
BLOCK = re.compile(r"^`(swaptalk_models/[\w/]+\.py)`(?:, (.*?))?:\n\n```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FIELDS = re.compile(r"(class ModelSections:.*?\n)(\n\n|\Z)", re.DOTALL)
ROWS = re.compile(r"(^_ALL = \(\n.*?)(^\)\n)", re.MULTILINE | re.DOTALL)
SECTIONS, TABLE = "swaptalk_models/settings/models.py", "swaptalk_models/graph/models.py"

SHOW_GRAPH = """
import json
from pipelines.definitions import defs
from swaptalk_models.graph.code_versions import CODE_VERSIONS
from swaptalk_models.graph.lineage import LINEAGE
from swaptalk_models.settings.names import setting_names
from swaptalk_models.settings.preset import Preset

graph = defs.resolve_asset_graph()
node = graph.get(next(key for key in graph.get_all_asset_keys() if key.path == ["mouth_gauge"]))
print(json.dumps({
    "parents": sorted(key.to_user_string() for key in node.parent_keys),
    "checks": sorted(key.name for key in node.check_keys),
    "group": node.group_name,
    "description": node.description,
    "code_version": [node.code_version, CODE_VERSIONS["mouth_gauge"]],
    "lineage": LINEAGE["mouth_gauge"],
    "trained by": [name for name in ("swaptalk", "train") if node.key in defs.resolve_job_def(name).asset_layer.executable_asset_keys],
    "settings": [name for name in setting_names(Preset) if name.startswith("mouth_gauge.")][:2],
}))
"""
REHEARSE = """
import json
from swaptalk_models.rehearsal.dry_run import trained_names, training_cost
from swaptalk_models.rehearsal.paper import whole_promises
from swaptalk_models.rehearsal.size import full_size
from swaptalk_models.settings.preset import load_preset

preset = load_preset("tiny")
cost = training_cost("mouth_gauge", preset)
print(json.dumps({
    "trained": trained_names(preset),
    "parameters": cost.parameters,
    "step_tflop": cost.step_tflop,
    "passes": [promise.name for promise in whole_promises("mouth_gauge", preset, full_size("mouth_gauge", preset))],
}))
"""
TRAIN = """
import json, sys
from pathlib import Path
from swaptalk_models.errors import UserError
from swaptalk_models.modules.weights import load_model
from swaptalk_models.settings.preset import load_preset
from swaptalk_models.training.run import train
from swaptalk_models.training.spec import plan

home, manifest = map(Path, sys.argv[1:])
budget = {"steps": 3, "batch": 8, "eval_every": 1, "device": "cpu", "dtype": "float32"}
overrides = {f"mouth_gauge.train.{name}": value for name, value in budget.items()}
preset = load_preset("tiny", overrides | {"face_crops.size": 32, "mouth_gauge.channels": "[4, 8]"})
folder = train(plan("mouth_gauge", home, preset, manifest, "snap"), lambda line: None)
try:
    load_preset("tiny", {"mouth_gauge.channels": "[4]"})
except UserError as error:
    refused = str(error)
print(json.dumps({
    "path": str(folder.path),
    "files": sorted(path.name for path in folder.path.iterdir()),
    "result": folder.result(),
    "channels": load_model("mouth_gauge", folder.path).config.channels,
    "refused": refused,
}))
"""


def put(tree: Path, file: str, place: str, code: str) -> None:
    """A block of the page, where the page says."""
    path = tree / file
    if not place:
        assert not path.exists(), f"{file} is no new file"
        path.write_text(code)
        return
    text = path.read_text()
    if (file, place) == (SECTIONS, "above `class ModelSections`"):
        before = "@dataclass(frozen=True, kw_only=True)\nclass ModelSections:"
        changed = text.replace(before, f"{code}\n\n{before}")
    elif (file, place) == (SECTIONS, "the last field of `class ModelSections`"):
        changed = FIELDS.sub(lambda found: found[1] + code + found[2], text)
    else:
        assert (file, place) == (TABLE, "the last row of `_ALL`"), f"nobody knows where {place!r} of {file} is"
        changed = ROWS.sub(lambda found: f"{found[1]}{code.rstrip()},\n{found[2]}", text)
    assert changed.count(code.rstrip()) == 1
    path.write_text(changed)


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A copy of the source tree with the page's model."""
    tree = tmp_path_factory.mktemp("source")
    for package in ("swaptalk_models", "assets", "pipelines"):
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file, place, code in BLOCK.findall(PAGE.read_text()):
        put(tree, file, place, code)
    return tree


def shown(tree: Path, *arguments: str) -> dict:
    """What a new interpreter prints that imports from the copy, as JSON."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *arguments],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_takes_three_places(tree):
    """New files, and edits of two files."""
    files = {file for file, _, _ in BLOCK.findall(PAGE.read_text())}
    changed = {file for file in files if (ROOT / file).exists()}
    assert changed == {SECTIONS, TABLE} and len(files - changed) == 3
    assert PAGE.read_text().count("```python") == len(BLOCK.findall(PAGE.read_text())), "no block is left out"


def test_its_asset_stands_in_the_graph(tree):
    assert shown(tree, "-c", SHOW_GRAPH) == {
        "parents": ["training_snapshot"],
        "checks": ["mouth_gauge_files", "mouth_gauge_quality"],
        "group": "training",
        "description": "Reads from a face crop how far the mouth is open.",
        "code_version": ["1", "1"],
        "lineage": ["training", ["training_snapshot"]],
        "trained by": ["swaptalk", "train"],
        "settings": ["mouth_gauge.channels", "mouth_gauge.train.steps"],
    }


def test_the_dry_run_has_it(tree):
    """What it says of this model: the others have tests of their own."""
    found = shown(tree, "-c", REHEARSE)
    assert found["trained"][-1] == "mouth_gauge" and found["passes"] == ["validation", "finish"]
    assert found["parameters"] == 23_649 and found["step_tflop"] > 0


def test_it_trains_to_a_whole_folder(tree, own):
    found = shown(tree, "-c", TRAIN, str(own.home.root), str(own.manifest))
    result = found["result"]
    assert Path(found["path"]).parent == own.home.models / "mouth_gauge"
    assert {"config.json", "curves.png", "history.parquet", "result.json", "weights.safetensors"} <= set(found["files"])
    assert (result["name"], result["step"], result["snapshot"], found["channels"]) == ("mouth_gauge", 3, "snap", [4, 8])
    assert result["metrics"].keys() == {"error", "correlation"} and result["baselines"].keys() == {"error"}
    assert 0 < result["metrics"]["error"] < 1
    assert found["refused"].startswith("mouth_gauge.channels must have at least two entries")
