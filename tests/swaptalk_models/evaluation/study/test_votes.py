"""evaluation/study/votes.py and record.py: what comes back, and what is no vote"""

import json

import pytest

from swaptalk_models.data.store.home import Home
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.study.outcome import read_outcome
from swaptalk_models.evaluation.study.record import read_key, studies_folder, write_key
from swaptalk_models.evaluation.study.votes import read_votes

from .simulated import rater, study_of

STUDY = study_of(scenes=2)
ITEM = STUDY.items[0]
LINE = {"study": "s1", "rater": "0123456789abcdef", "item": ITEM.id, "left": ITEM.left, "right": ITEM.right}
LINE |= {"choice": "left", "seconds": 3.1, "at": "2026-01-01T00:00:00Z"}


def write(path, *lines):
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def test_what_stood_on_the_left_is_told_by_the_vote(tmp_path):
    mirrored = LINE | {"rater": "fedcba9876543210", "left": ITEM.right, "right": ITEM.left}
    same = LINE | {"rater": "11111111", "choice": "same"}
    votes = read_votes([write(tmp_path / "a.jsonl", LINE, "", mirrored), write(tmp_path / "b.jsonl", same)], STUDY)
    assert [(vote.chosen, vote.mirrored) for vote in votes] == [(ITEM.left, False), (ITEM.right, True), ("", False)]


def test_of_two_votes_on_one_pair_the_last_counts(tmp_path):
    votes = read_votes([write(tmp_path / "a.jsonl", LINE, LINE | {"choice": "right"})], STUDY)
    assert [vote.chosen for vote in votes] == [ITEM.right]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{not json", "one JSON object a line is expected"),
        ("[1, 2]", "one JSON object a line is expected"),
        ('"left"', "one JSON object a line is expected"),
        (" " * 3000 + "1", "one JSON object a line is expected"),
        ({key: value for key, value in LINE.items() if key != "choice"}, "choice is missing"),
        (LINE | {"rater": 7}, "rater is missing, or no text"),
        (LINE | {"rater": "../../etc"}, "no number that the page has drawn"),
        (LINE | {"choice": "lft"}, "choice is 'lft': left, right, same are the choices"),
        (LINE | {"item": "i999"}, "has no pair 'i999'"),
        (LINE | {"left": ITEM.right}, "does not show"),
        (LINE | {"study": "s2"}, "of study 's2', the others are of 's1'"),
    ],
)
def test_a_line_that_is_no_vote_is_named(tmp_path, line, why):
    path = write(tmp_path / "votes.jsonl", LINE, line)
    with pytest.raises(UserError, match=rf"votes\.jsonl, line 2: .*{why}"):
        read_votes([path], STUDY)


def test_a_file_that_is_no_text_and_one_that_is_empty(tmp_path):
    home = Home(tmp_path / "home").create()
    (tmp_path / "video.jsonl").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(UserError, match=r"video\.jsonl: not a file of votes"):
        read_outcome(home, [tmp_path / "video.jsonl"])
    with pytest.raises(UserError, match="no vote in there"):
        read_outcome(home, [write(tmp_path / "empty.jsonl")])
    with pytest.raises(UserError, match="a study's key lies in the home that made it"):
        read_outcome(home, [write(tmp_path / "a.jsonl", LINE)])


def test_a_key_comes_back_as_it_was_and_files_of_raters_are_read_by_it(tmp_path):
    home = Home(tmp_path / "home").create()
    path = write_key(STUDY, studies_folder(home) / STUDY.version)
    assert read_key(path) == STUDY
    items = {item.id: item for item in STUDY.items}
    files = []
    for number in range(3):
        lines = []
        for vote in rater(STUDY, f"{number:08x}", number):
            item = items[vote.item]
            left, right = (item.right, item.left) if vote.mirrored else (item.left, item.right)
            lines.append(
                LINE | {"rater": vote.rater, "item": vote.item, "left": left, "right": right, "choice": vote.side}
            )
        files.append(write(tmp_path / f"{number}.jsonl", *lines))
    outcome = read_outcome(home, files)
    assert (outcome.raters, outcome.votes, outcome.left_out) == (3, 3 * 12, {})
    assert outcome.standings[0].contestant == "best"
    json.dumps(outcome.to_json())
    path.write_text('{"version": 1}')
    with pytest.raises(UserError, match="damaged: not the key of a study"):
        read_key(path)
