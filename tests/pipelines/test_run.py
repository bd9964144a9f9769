"""`swaptalk run` through Dagster, on a graph that takes no time."""

import shlex
from types import SimpleNamespace

import dagster as dg
import pytest

import pipelines.definitions
from assets.support.metadata import run_name
from assets.support.partitions import sync_partitions, videos
from assets.support.resources import SwapTalk
from pipelines import run as run_module
from pipelines.cli.main import main
from pipelines.instance import open_instance
from pipelines.recovery import left_runs
from pipelines.run_settings import Settings
from pipelines.terminal import terminal_logger
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import Ledger, StageReport
from swaptalk_models.errors import BadClip, UserError


@pytest.fixture(autouse=True)
def no_dagster_home(monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


@pytest.fixture
def calls() -> dict:
    """{asset: partitions it was called with}; under "fault", what training_snapshot raises."""
    return {}


@pytest.fixture
def graph(calls, monkeypatch):
    """Three assets with names of ours in place of the real ones."""

    def count(context, swaptalk, **counts):
        with Ledger(swaptalk.home_folder().ledger) as ledger:
            ledger.record(StageReport(context.asset_key.to_user_string(), **counts), run_name(context))

    @dg.asset
    def hdtf_catalog(context: dg.AssetExecutionContext, swaptalk: SwapTalk):
        sync_partitions(context.instance, ["a", "b", "c"])
        calls["hdtf_catalog"] = (swaptalk.asked().videos, swaptalk.load().vqgan.train.steps)
        swaptalk.remember_asked()
        count(context, swaptalk, computed=3)

    @dg.asset(deps=[hdtf_catalog], partitions_def=videos, backfill_policy=dg.BackfillPolicy.single_run())
    def raw_videos(context: dg.AssetExecutionContext, swaptalk: SwapTalk) -> dg.MaterializeResult:
        calls["raw_videos"] = context.partition_keys
        count(context, swaptalk, computed=1, cached=1, quarantined=1, seconds=2.0)
        return dg.MaterializeResult()

    @dg.asset(deps=[raw_videos])
    def training_snapshot(context: dg.AssetExecutionContext, swaptalk: SwapTalk):
        calls["training_snapshot"] = True
        if "fault" in calls:
            raise calls["fault"]
        count(context, swaptalk, cached=1)

    defs = dg.Definitions(
        assets=[hdtf_catalog, raw_videos, training_snapshot],
        jobs=[dg.define_asset_job("swaptalk", executor_def=dg.in_process_executor)],
        resources={"swaptalk": SwapTalk()},
        loggers={"terminal": terminal_logger},
    )
    monkeypatch.setattr(pipelines.definitions, "defs", defs)


def swaptalk(*args) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(arg) for arg in args])
    return ended.value.code


def test_whole_graph_in_two_runs_over_all_videos(graph, calls, tmp_path, capsys):
    assert swaptalk("run", "--home", tmp_path, "--set", "vqgan.train.steps=11") == 0
    assert calls == {"hdtf_catalog": ("", 11), "raw_videos": ["a", "b", "c"], "training_snapshot": True}
    out = capsys.readouterr().out
    row = next(line.split() for line in out.splitlines() if line.startswith("raw_videos"))
    assert row == ["raw_videos", "1", "1", "1", "2.0"]
    with open_instance(tmp_path) as instance:
        runs = instance.get_runs()
        assert [run.status for run in runs] == [dg.DagsterRunStatus.SUCCESS] * 2
        assert len({run.tags["swaptalk/run"] for run in runs}) == 1
        assert runs[0].run_config["resources"]["swaptalk"]["config"]["home"] == str(tmp_path)
        assert left_runs(instance) == []


def test_until_stops_there(graph, calls, tmp_path):
    assert swaptalk("run", "--home", tmp_path, "--until", "raw_videos") == 0
    assert "training_snapshot" not in calls


def test_until_the_catalog(graph, calls, tmp_path):
    assert swaptalk("run", "--home", tmp_path, "--until", "hdtf_catalog") == 0
    assert set(calls) == {"hdtf_catalog"}


def test_until_something_unknown(graph, tmp_path, capsys):
    assert swaptalk("run", "--home", tmp_path, "--until", "snapshot") == 2
    assert (
        "no asset is called 'snapshot': there are hdtf_catalog, raw_videos, training_snapshot"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("kind", [UserError, BadClip])
def test_users_fault_in_a_stage_is_one_line_and_2(graph, calls, tmp_path, capsys, kind):
    calls["fault"] = kind("only 1 usable person (Anna): a training needs at least 4")
    assert swaptalk("run", "--home", tmp_path) == 2
    err = capsys.readouterr().err
    assert err.splitlines()[-1] == "swaptalk: only 1 usable person (Anna): a training needs at least 4"
    assert "Traceback" not in err and "Stack Trace" not in err and "dagster._core" not in err


def test_our_fault_is_1_and_says_where(graph, calls, tmp_path, capsys):
    calls["fault"] = ZeroDivisionError("ours")
    assert swaptalk("run", "--home", tmp_path) == 1
    err = capsys.readouterr().err
    assert "training_snapshot failed: ZeroDivisionError: ours" in err
    assert "in training_snapshot" in err  # the place in the code


def test_interrupted(graph, calls, tmp_path, capsys):
    calls["fault"] = KeyboardInterrupt()
    assert swaptalk("run", "--home", tmp_path) == 130
    assert "Traceback" not in capsys.readouterr().err
    with open_instance(tmp_path) as instance:
        assert left_runs(instance) == []


def test_a_dead_run_does_not_stand_in_the_way(graph, calls, tmp_path):
    @dg.job
    def training():
        pass

    with open_instance(tmp_path) as instance:
        dead = instance.create_run_for_job(
            training, tags={"swaptalk/command": "run"}, status=dg.DagsterRunStatus.STARTED
        )
    assert swaptalk("run", "--home", tmp_path) == 0
    with open_instance(tmp_path) as instance:
        assert instance.get_run_by_id(dead.run_id).status == dg.DagsterRunStatus.FAILURE


def test_a_killed_study_is_told_of_until_the_models_are_the_homes_own(graph, tmp_path, monkeypatch):
    monkeypatch.setattr(
        run_module, "own_models", lambda: [SimpleNamespace(name="training_snapshot")]
    )  # of this graph, the last
    home = Home(tmp_path / "home").create()
    home.update_state(study=("no-expert",))
    (tmp_path / "videos").mkdir()
    asked = ("run", "--home", home.root, "--videos", tmp_path / "videos")
    assert swaptalk(*asked, "--until", "raw_videos") == 0
    assert home.state().study == ("no-expert",)
    assert swaptalk(*asked) == 0
    assert home.state().study is None


def test_a_run_as_words_for_a_shell(tmp_path):
    settings = Settings(tmp_path, "tiny", videos="/my videos", overrides={"clips.crf": "20", "ablate": ["f16"]})
    words = ["swaptalk", "run", "--home", str(tmp_path), "--preset", "tiny", "--videos", "/my videos"]
    assert shlex.split(settings.command()) == [*words, "--set", "clips.crf=20", "--set", "ablate=['f16']"]


def test_what_was_asked_for_is_remembered(graph, tmp_path):
    (tmp_path / "videos").mkdir()
    home = tmp_path / "home"
    assert swaptalk("run", "--home", home, "--videos", tmp_path / "videos", "--set", "clips.crf=20") == 0
    state = Home(home).state()
    assert (state.preset, state.videos, state.overrides) == (
        "tiny",
        str(tmp_path / "videos"),
        {"clips.crf": "20"},
    )


def test_where_stages_are_done_is_remembered_beside_other_settings(graph, tmp_path):
    (tmp_path / "videos").mkdir()
    home = tmp_path / "home"
    assert swaptalk("run", "--home", home, "--videos", tmp_path / "videos", "--set", "clips.crf=20") == 0
    assert swaptalk("run", "--home", home, "--compute", "ray") == 0
    assert Home(home).state().overrides == {"clips.crf": "20", "compute": "ray"}
    assert swaptalk("run", "--home", home) == 0 and Home(home).state().overrides["compute"] == "ray"
    assert swaptalk("run", "--home", home, "--compute", "local") == 0
    assert Home(home).state().overrides == {"clips.crf": "20", "compute": "local"}


def test_without_ray_a_run_on_it_ends_at_once(graph, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("swaptalk_models.data.engine.ray_cluster.importlib.util.find_spec", lambda name: None)
    assert swaptalk("run", "--home", tmp_path / "home", "--compute", "ray") == 2
    assert "pip install 'swaptalk[ray]'" in capsys.readouterr().err and not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--preset", "huge"], "no preset 'huge': there are tiny, nano, base, paper"),
        (["--set", "vqgan.steps=3"], "unknown setting 'vqgan.steps'"),
        (["--set", "vqgan.train.steps"], "write it as section.field=value"),
        (["--videos", "/nowhere"], "'/nowhere' does not exist"),
        (["--videos", ".", "--hdtf", "."], "either --videos or --hdtf"),
        (["--whatever"], "No such option"),
    ],
)
def test_bad_usage_is_one_line_and_2(graph, calls, tmp_path, capsys, arguments, said):
    assert swaptalk("run", "--home", tmp_path, *arguments) == 2
    err = capsys.readouterr().err.strip().splitlines()
    assert said in err[-1]
    assert len(err) <= 2
    assert calls == {}


def test_what_is_not_said_is_as_in_the_last_run(graph, calls, tmp_path):
    (tmp_path / "videos").mkdir()
    home = tmp_path / "home"
    assert swaptalk("run", "--home", home, "--videos", tmp_path / "videos", "--set", "vqgan.train.steps=11") == 0
    assert swaptalk("run", "--home", home) == 0
    assert calls["hdtf_catalog"] == (str(tmp_path / "videos"), 11)


def test_another_corpus_or_preset_does_not_replace_a_home(graph, calls, tmp_path, capsys):
    for name in ("videos", "others"):
        (tmp_path / name).mkdir()
    home = tmp_path / "home"
    assert swaptalk("run", "--home", home, "--videos", tmp_path / "videos") == 0
    for asked in (("--videos", tmp_path / "others"), ("--preset", "nano"), ("--hdtf", tmp_path / "others")):
        calls.clear()
        assert swaptalk("run", "--home", home, *asked) == 2
        assert "--change" in capsys.readouterr().err.splitlines()[-1]
        assert calls == {}
    assert swaptalk("run", "--home", home, "--videos", tmp_path / "others", "--change") == 0
    assert Home(home).state().videos == str(tmp_path / "others")


def test_materialise_with_the_launchpads_defaults_keeps_the_home(graph, tmp_path, monkeypatch):
    """As the UI's button does: no run config at all."""
    (tmp_path / "videos").mkdir()
    home = tmp_path / "home"
    assert swaptalk("run", "--home", home, "--videos", tmp_path / "videos", "--set", "clips.crf=20") == 0
    before = Home(home).state()
    monkeypatch.setenv("SWAPTALK_HOME", str(home))
    with open_instance(home) as instance:
        job = pipelines.definitions.defs.resolve_job_def("swaptalk")
        assert job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("hdtf_catalog")]).success
    assert Home(home).state() == before


def test_a_failed_run_is_the_first_line_of_status_until_it_is_mended(graph, calls, tmp_path, capsys):
    calls["fault"] = UserError("only 1 usable person (Anna): a training needs at least 4")
    assert swaptalk("run", "--home", tmp_path) == 2
    capsys.readouterr()
    assert swaptalk("status", "--home", tmp_path) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert "FAILED in training_snapshot" in first and "only 1 usable person (Anna)" in first
    del calls["fault"]
    assert swaptalk("run", "--home", tmp_path, "--until", "raw_videos") == 0
    assert Home(tmp_path).state().failed is not None  # its own stage has not run again
    assert swaptalk("run", "--home", tmp_path) == 0
    capsys.readouterr()
    assert swaptalk("status", "--home", tmp_path) == 0
    assert "FAILED" not in capsys.readouterr().out


def test_runs_are_among_those_of_the_job_in_the_ui(graph, tmp_path):
    """Which the UI asks for by the code location's label."""
    assert swaptalk("run", "--home", tmp_path) == 0
    with open_instance(tmp_path) as instance:
        wanted = dg.RunsFilter(job_name="swaptalk", tags={".dagster/repository": "__repository__@swaptalk"})
        runs = instance.get_runs(wanted)
        assert len(runs) == 2
        for run in runs:  # by which its timeline knows them
            assert run.remote_job_origin.location_name == "swaptalk" and run.remote_job_origin.job_name == "swaptalk"
            assert run.tags["dagster/max_retries"] == "0", "the daemon does not start it again"


def test_before_the_run_it_says_what_there_is_of_what_it_needs(graph, tmp_path, capsys):
    assert swaptalk("run", "--home", tmp_path, "--set", "phantom.people=9") == 0
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if line.startswith("people to train on  "))
    assert row.split()[-2:] == ["too", "few"]
    assert "people to train on: the lip expert may stay at chance" in out
    assert out.index(row) < out.index("computed"), "before the stages"
    assert all(len(line.rstrip()) <= 80 for line in out.splitlines() if str(tmp_path) not in line)


def test_too_little_disk_is_refused_before_anything_is_written(graph, calls, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("shutil.disk_usage", lambda place: SimpleNamespace(free=1 << 20))
    home = tmp_path / "home"
    assert swaptalk("run", "--home", home) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "too little room on the disk: under 0.1 GiB free, under 0.1 needed at" in said
    assert "(GiB: hdtf_catalog 0.014)" in said
    assert calls == {} and not home.exists()
    few = ("--set", "phantom.people=4", "--set", "phantom.seconds=1")
    assert swaptalk("run", "--home", home, "--until", "hdtf_catalog", *few) == 0, "for less there is room"
