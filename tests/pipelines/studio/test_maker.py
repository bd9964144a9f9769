"""The maker: what waits is made, the oldest first, each a Dagster run; whoever comes later is not the second one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from pipelines import talk_job
from pipelines.instance import open_instance
from pipelines.studio.maker import held, make_all
from swaptalk_models.errors import UserError
from swaptalk_models.inference.passing import Tally
from swaptalk_models.talks.making import MadeTalk

from .test_talks import ask


@pytest.fixture
def made(monkeypatch):
    """Talks that take no time; gives (source, consent) of each that was made."""
    done: list[tuple[str, str]] = []

    def make(source, target, audio, output, *, consent, begun, watch, **options):
        begun(f"job{len(done)}")
        done.append((Path(source).read_text(), consent))
        if consent == "bad":
            raise UserError(f"{target}: no face found")
        Path(output).write_text("video")
        return MadeTalk(Path(output), f"job{len(done)}", Tally(3, 3), {})

    monkeypatch.setattr(talk_job, "loaded", lambda home, release: SimpleNamespace(make=make))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return done


@pytest.mark.slow
def test_what_waits_is_made_in_its_order_and_one_bad_stops_no_other(client, given, made, home):
    names = [ask(client, given, consent=word)["id"] for word in ("first", "bad", "third")]
    with held(client.studio.place) as mine:
        assert mine
        make_all(client.studio.place, idle_s=0.1)
        assert made == [], "there is a maker already"
    make_all(client.studio.place, idle_s=0.1)
    assert made == [("anna.png", "first"), ("anna.png", "bad"), ("anna.png", "third")]
    talks = [client.ask("GET", f"/api/talks/{name}").json for name in names]
    assert [talk["state"] for talk in talks] == ["done", "refused", "done"]
    assert talks[1]["reason"] == "ben.mp4: no face found"
    with open_instance(home) as instance:
        runs = {run.run_id: run for run in instance.get_runs()}
        assert {talk["run"] for talk in talks} == set(runs) and len(runs) == 3
        tags = runs[talks[0]["run"]].tags
        assert (
            tags["swaptalk/batch"] == "studio"
            and tags["swaptalk/talk"] == names[0]
            and tags["swaptalk/snapshot"] == "snap"
        )
