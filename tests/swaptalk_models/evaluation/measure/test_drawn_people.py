"""evaluation/measure/drawn_people.py and phoneme_file.py"""

import json
from dataclasses import asdict
from types import SimpleNamespace

import pytest

from swaptalk_models.data.phantom.people import make_person
from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.measure import drawn_people as module
from swaptalk_models.evaluation.measure.drawn_people import drawn_people, traits_of
from swaptalk_models.evaluation.measure.phoneme_file import read_phonemes


def test_traits_in_words():
    found = [traits_of(asdict(make_person(number))) for number in range(40)]
    assert {one["skin"] for one in found} == {"dark", "medium", "light"}
    assert {one["age"] for one in found} == {"young", "middle", "old"}
    assert {one["sex"] for one in found} == {"woman", "man"} and {one["glasses"] for one in found} == {"yes", "no"}
    assert {one["beard"] for one in found} == {"none", "stubble", "beard"}
    assert {one["pitch"] for one in found} == {"low", "middle", "high"}
    assert not any(one["sex"] == "woman" and one["beard"] != "none" for one in found)


def test_the_truth_beside_drawn_videos(tmp_path, monkeypatch):
    (tmp_path / "truth").mkdir()
    truth = {"person": asdict(make_person(3)), "frames": 100, "phonemes": [["m", 0.0, 0.1]]}
    for name in ("drawn", "long"):
        (tmp_path / "truth" / f"{name}.json").write_text(json.dumps(truth))
    (tmp_path / "truth" / "odd.json").write_text("[1, 2]")
    rows = [{"video": name, "source": str(tmp_path / f"{name}.mp4")} for name in ("drawn", "long", "odd", "real")]
    monkeypatch.setattr(module, "catalog_rows", lambda home: rows)
    clips = [
        {"clip": f"{name}_000", "video": name, "person": name, "frames": frames}
        for name, frames in (("drawn", 100), ("long", 40), ("odd", 100), ("real", 100))
    ]
    found = drawn_people(Home(tmp_path), SimpleNamespace(clips=lambda split: clips))
    assert set(found.traits) == {"drawn", "long"}
    assert found.spoken == {"drawn_000": (("m", 0.0, 0.1),)}, "where a part begins is not known here"


def test_phonemes_of_a_file(tmp_path):
    path = tmp_path / "said.json"
    path.write_text('[["m", 0, 0.1], ["aI", 0.1, 0.3]]')
    assert read_phonemes(path) == (("m", 0.0, 0.1), ("aI", 0.1, 0.3))
    path.write_text('{"phonemes": [["m", 0, 0.1]], "text": "m"}')
    assert read_phonemes(path) == (("m", 0.0, 0.1),)
    for text, said in (
        ("hello", "no list of phonemes"),
        ("[]", "no phoneme"),
        ('[["m", 1, 0]]', "ends before it starts"),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=f"said.json.*{said}"):
            read_phonemes(path)
