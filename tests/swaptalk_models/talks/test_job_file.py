"""talks/job_file.py"""

import pytest

from swaptalk_models.errors import UserError
from swaptalk_models.talks.job_file import BadTalk, Talk, read_talks

ONE = "source: a.png, target: b.mp4, audio: c.wav"


def read(tmp_path, text: str, name: str = "jobs.yaml"):
    (tmp_path / name).write_text(text)
    return read_talks(tmp_path / name)


def test_paths_are_taken_from_the_files_own_folder(tmp_path):
    (talk,) = read(tmp_path, f"- {{{ONE}, output: /films/d.mp4, face: 2}}")
    assert talk == Talk(*(str(tmp_path / name) for name in ("a.png", "b.mp4", "c.wav")), "/films/d.mp4", face=2)


def test_what_they_share_is_said_once(tmp_path):
    talks = read(tmp_path, f"all: {{{ONE}, label: true}}\ntalks:\n- output: 1.mp4\n- {{output: 2.mp4, label: false}}")
    assert [(talk.output.rpartition("/")[2], talk.label) for talk in talks] == [("1.mp4", True), ("2.mp4", False)]


def test_json_lines(tmp_path):
    line = '{"source": "a.png", "target": "b.mp4", "audio": "c.wav", "output": "%d.mp4", "consent": null}\n'
    assert len(read(tmp_path, line % 1 + "\n" + line % 2, "jobs.jsonl")) == 2
    with pytest.raises(UserError, match=r"jobs.jsonl: line 2 is no JSON"):
        read(tmp_path, line % 1 + "{", "jobs.jsonl")


@pytest.mark.parametrize(
    ("row", "says"),
    [(f"{{{ONE}, output: d.mp4, facee: 2}}", "'facee' is not known: was 'face' meant?"),
     (f"{{{ONE}, output: d.mp4, face: two}}", "face: 'two' is no int"), (f"{{{ONE}, output: d.mp4, face: true}}", "no int"),
     (f"{{{ONE}, output: d.mp4, label: 1}}", "label: 1 is no bool"), (f"{{{ONE}}}", "output is missing"),
     ("anna.png", "no mapping"), (f"{{{ONE}, output: ok.mp4}}", "another talk of this file has the same output")],
)  # fmt: skip
def test_one_bad_talk_spoils_no_other(tmp_path, row, says):
    good, bad = read(tmp_path, f"- {{{ONE}, output: ok.mp4}}\n- {row}")
    assert isinstance(good, Talk) and isinstance(bad, BadTalk) and says in bad.reason


@pytest.mark.parametrize("text", ["", "talks: 3", "[", "jobs: []"])
def test_what_is_no_job_file(tmp_path, text):
    with pytest.raises(UserError, match=r"jobs.yaml: "):
        read(tmp_path, text)
