"""What a run does not say is as in the home's last run; what would replace a home needs a word."""

import pytest

from swaptalk_models.data.store.asked import Asked, settle
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home").create()


@pytest.fixture
def talks(home):
    """A home made from videos with preset nano and a setting of its own."""
    home.update_state(preset="nano", videos="/talks", overrides={"clips.crf": "20"})
    return home


def test_a_new_home_is_tiny_and_of_drawn_people(home):
    assert settle(home) == Asked("tiny")


def test_a_new_home_takes_what_is_said(home):
    assert settle(home, "base", videos="/talks", overrides={"clips.crf": "20"}) == Asked(
        "base", "/talks", "", {"clips.crf": "20"}
    )


def test_empty_is_the_last_run(talks):
    assert settle(talks) == Asked("nano", "/talks", "", {"clips.crf": "20"})


def test_the_same_said_again_is_no_change(talks):
    assert settle(talks, "nano", videos="/other/../talks") == settle(talks)


def test_given_settings_are_all(talks):
    assert settle(talks, overrides={"vqgan.train.steps": "3"}).overrides == {"vqgan.train.steps": "3"}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"videos": "/others"}, "was made from the videos in /talks; the videos in /others would replace it"),
        ({"hdtf": "/hdtf"}, "was made from the videos in /talks; HDTF as in /hdtf would replace it"),
        ({"preset": "tiny"}, "was made with preset nano; tiny would make everything anew"),
    ],
)
def test_another_source_or_preset_needs_the_word(talks, asked, said):
    with pytest.raises(UserError, match="--change") as refused:
        settle(talks, **asked)
    assert said in str(refused.value)
    changed = settle(talks, **asked, change=True)
    assert asked.items() <= vars(changed).items()
    assert changed.overrides == {}  # and the settings of the last run were for something else


def test_a_home_of_drawn_people_is_not_replaced_by_videos(home):
    home.update_state(preset="tiny")
    with pytest.raises(UserError, match="made from the phantom corpus; the videos in /talks would replace it"):
        settle(home, videos="/talks")


def test_a_preset_file_is_the_same_from_anywhere(home, tmp_path, monkeypatch):
    home.update_state(preset=settle(home, preset=str(tmp_path / "mine.yaml")).preset)
    monkeypatch.chdir(tmp_path)
    assert settle(home, preset="mine.yaml").preset == str(tmp_path / "mine.yaml")


def test_two_sources(home):
    with pytest.raises(UserError, match="not both"):
        settle(home, videos="/a", hdtf="/b")
