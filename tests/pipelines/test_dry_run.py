"""pipelines/dry_run.py and pipelines/cli/run.py --dry-run, with what is slow left out"""

import dataclasses
import json

import pytest
from click.testing import CliRunner

from pipelines import dry_run as module
from pipelines.cli.main import swaptalk
from swaptalk_models.errors import UserError
from swaptalk_models.rehearsal import dry_run, measure
from swaptalk_models.rehearsal.dry_run import Cost, need_of
from swaptalk_models.rehearsal.measure import Measured
from swaptalk_models.rehearsal.paper import Promise
from swaptalk_models.settings.preset import load_preset

GIB = 2**30
STEP = Promise("identity_encoder", "step", GIB // 2, 2 * GIB, GIB, 3 * GIB, 10**12)
PASSES = [
    STEP,
    Promise("identity_encoder", "validation", GIB, GIB, GIB, 2 * GIB, 0),
    Promise("test_videos", "generation", GIB, GIB, GIB // 4, GIB, 0),
    Promise("metrics", "measuring", 0, 0, GIB // 4, GIB // 4, 0),
]


@pytest.fixture
def pretended(monkeypatch):
    """A dry run that has been done already, of one training."""

    def pretend(preset, report):
        cost = Cost({"image": (32, 3, 64, 64)}, 1_000_000, 100_000, 0, 16, 2.0, 200_000, 1, STEP)
        return {
            "preset": preset.name,
            "shapes": {"crop": (3, 64, 64), "latent": (32, 8, 8), "codes a frame": (2, 16, 4, 8)},
            "macs": {"vqgan decoder": 59_000_000},
            "trainings": {"identity_encoder": cost},
            "passes": PASSES,
            "needs": [need_of(promise, preset) for promise in PASSES],
            "total_eflop": cost.total_eflop,
            "gpu_hours": 5.6,
        }

    monkeypatch.setattr(dry_run, "dry_run", pretend)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("SWAPTALK_HOME", str(tmp_path / "home"))
    yield
    assert not (tmp_path / "home").exists(), "a dry run writes nothing"


def run(*options: str):
    return CliRunner().invoke(swaptalk, ["run", "--dry-run", "--set", "budget.host_gib=0", *options])


def test_the_tables_fit_a_terminal_and_hold_every_pass(pretended):
    done = run()
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert all(len(line.rstrip()) <= 80 for line in lines), max(lines, key=len)
    rows = {tuple(line.split()[:2]): line.split() for line in lines if line.strip()}
    assert rows["identity_encoder", "step"][2:] == ["0.50", "2.00", "1.00", "-", "4.9"], (
        "host: 1.2 x 3, half, the process, the phantom corpus"
    )
    assert rows["test_videos", "generation"][2:5] == ["1.00", "1.00", "0.25"] and "2 x 16" in done.stdout
    assert "0.4 EFLOP, 5.6 GPU-hours at 20 TFLOP/s" in done.stdout and "Budget: none." in done.stdout
    assert rows["people", "to"][-2:] == ["6", "enough"] and "5.6 h of a GPU" in done.stdout, (
        "and whether there is enough"
    )


def test_a_budget_that_is_exceeded_ends_with_one_line(pretended):
    done = run("--set", "budget.gpu_gib=3")
    assert isinstance(done.exception, UserError)
    assert str(done.exception).startswith(
        "preset tiny exceeds its budget: step of identity_encoder needs 3.5 GiB, budget.gpu_gib is 3:"
    )
    assert "Budget: 3 GiB of a GPU." in done.stdout, "after the tables"
    assert run("--set", "budget.gpu_gib=4").exit_code == 0


@pytest.mark.parametrize("measured, kept", [(100 << 20, True), (150 << 20, False)])
def test_promises_beside_what_was_measured(pretended, monkeypatch, measured, kept):
    rows = [Measured("identity_encoder", "validation", 8, 100 << 20, measured)]
    monkeypatch.setattr(measure, "measure", lambda name, preset: [dataclasses.replace(row, model=name) for row in rows])
    done = run("--measure")
    assert (done.exception is None) == kept
    assert "100.0" in done.stdout and (" !" in done.stdout) != kept
    if not kept:
        assert str(done.exception) == "validation of identity_encoder took 1.48 times the memory that was promised"
    found = json.loads(run("--measure", "--json").stdout)
    assert [row["model"] for row in found["measured"]] == ["identity_encoder", "test_videos", "metrics"]


def test_json_is_all_there_is_on_stdout(pretended):
    found = json.loads(run("--json").stdout)
    assert found["passes"][0]["host_need"] > 4 * GIB and found["trainings"]["identity_encoder"][
        "total_eflop"
    ] == pytest.approx(0.4)
    assert found["passes"][2]["name"] == "generation"


def test_measure_goes_with_a_dry_run():
    done = CliRunner().invoke(swaptalk, ["run", "--measure"])
    assert isinstance(done.exception, UserError) and "--measure goes with --dry-run" in str(done.exception)


def test_the_budget_of_every_preset_is_written_down():
    for name in ("tiny", "nano", "base", "paper"):
        budget = load_preset(name).budget
        assert budget.host_gib > 0 and (budget.gpu_gib > 0) == (name in ("base", "paper")), name
    assert module._budget(load_preset("base")).startswith("Budget: 16 GiB of a GPU and ")
