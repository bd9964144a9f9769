"""What can be refused is refused before the work."""

import os

import pytest

from swaptalk_models.data.store.output_file import check_folder, check_output, check_space
from swaptalk_models.errors import UserError


def test_a_place_that_will_do_is_made_and_left_clean(tmp_path):
    check_output(tmp_path / "new" / "deep" / "12:30.mp4")
    check_output(tmp_path / "no_utf8_\udcff.mp4")
    check_folder(tmp_path / "tables")
    assert sorted(os.listdir(tmp_path)) == ["new", "tables"] and os.listdir(tmp_path / "new" / "deep") == []


@pytest.mark.parametrize(
    ("name", "says"),
    [("", "is a folder: name a file in it"), ("n" * 256, "shorten it"), ("file/out.mp4", "is no folder")],
)
def test_what_will_not_do(tmp_path, name, says):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=says) as caught:
        check_output(tmp_path / name)
    assert "\n" not in str(caught.value) and "--output" in str(caught.value)


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file; the results go into a folder"):
        check_folder(tmp_path / "file")


def test_room(tmp_path):
    check_space(tmp_path / "out.mp4", 1000)
    with pytest.raises(UserError, match=r"needs about .* MB, and .* MB are free"):
        check_space(tmp_path / "out.mp4", 1 << 60)
