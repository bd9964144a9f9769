"""How a host comes to a home on storage, and what it is refused."""

import json
import re
import shutil

import pytest

from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, Entry, Ledger
from swaptalk_models.data.store.object_store import ObjectStore
from swaptalk_models.data.store.state_store import VARIABLE as STATE
from swaptalk_models.data.store.storage_address import VARIABLE, Storage, storage_of
from swaptalk_models.data.store.storage_home import RECORD, open_home, take_over
from swaptalk_models.errors import UserError


@pytest.fixture(autouse=True)
def named(s3, monkeypatch) -> str:
    monkeypatch.setenv(VARIABLE, s3)
    return s3


def test_an_empty_folder_goes_on_where_another_host_left_off(tmp_path, postgres):
    one = open_home(tmp_path / "one", begin=True)
    one.update_state(preset="tiny", report=str(one.evaluation / "v" / "report.html"))
    with Ledger(one.ledger) as ledger:
        ledger.commit([Entry("clips", "c", "v", "f", "i", "1", "p", OK)])
    two = open_home(tmp_path / "two", begin=True)
    assert two.state().preset == "tiny" and two.state().report == str(two.evaluation / "v" / "report.html")
    with Ledger(two.ledger) as ledger:
        assert list(ledger.entries("clips")) == ["c"]
    written = [path.read_text() for path in two.root.glob("*.json")]
    assert written and not any(str(tmp_path) in text for text in written), "no path of a host is kept"
    with one.writing("clips"), pytest.raises(UserError, match="is at work on clips"), two.writing("clips"):
        pass


def test_the_homes_own_word_is_enough(tmp_path, named, postgres, monkeypatch):
    open_home(tmp_path, begin=True)
    monkeypatch.delenv(VARIABLE)
    assert storage_of(open_home(tmp_path, begin=True).root) == Storage(named)
    monkeypatch.setenv(VARIABLE, "s3://another/one")
    with pytest.raises(UserError, match=f"lies on {named}, but {VARIABLE} names s3://another/one"):
        open_home(tmp_path, begin=True)
    monkeypatch.setenv(VARIABLE, named)
    monkeypatch.delenv(STATE)
    with pytest.raises(UserError, match=f"set {STATE} to that database's address"):
        open_home(tmp_path, begin=True)
    with pytest.raises(UserError, match=f"set {STATE} to that database's address"):
        open_home(tmp_path / "fresh", begin=True)


def test_a_ledger_in_a_folder_is_that_folders_alone(tmp_path, named):
    one = open_home(tmp_path / "one", begin=True)
    with Ledger(one.ledger):
        pass
    open_home(tmp_path / "one", begin=True)
    with pytest.raises(UserError, match=re.escape(f"{named}: its ledger lies in a folder of")):
        open_home(tmp_path / "two", begin=True)
    shutil.copytree(tmp_path / "one", tmp_path / "copy")
    with pytest.raises(UserError, match="copy: does not hold the ledger of"):
        open_home(tmp_path / "copy", begin=True)
    take_over(Home(tmp_path / "copy"))
    open_home(tmp_path / "copy", begin=True)
    with pytest.raises(UserError, match="one: does not hold the ledger of"):
        open_home(tmp_path / "one", begin=True)
    (tmp_path / "one").rename(tmp_path / "moved")
    with pytest.raises(UserError, match="moved: does not hold"):
        open_home(tmp_path / "moved", begin=True)


def test_a_home_that_was_made_without_is_not_begun_anew(tmp_path, monkeypatch):
    with Ledger(Home(tmp_path / "home").create().ledger):
        pass
    with pytest.raises(UserError, match="lies in its folder, but .* `swaptalk storage --move-to s3 --home"):
        open_home(tmp_path / "home", begin=True)
    monkeypatch.delenv(VARIABLE)
    assert storage_of(open_home(tmp_path / "home", begin=True).root) is None


def test_nor_one_whose_ledger_lies_in_postgres(tmp_path, named, postgres, monkeypatch):
    monkeypatch.delenv(VARIABLE)
    with Ledger(Home(tmp_path / "home").create().ledger):
        pass
    monkeypatch.setenv(VARIABLE, named)
    with pytest.raises(UserError, match="lies in its folder, but"):
        open_home(tmp_path / "home", begin=True)


def test_an_emptied_bucket_and_a_later_version_are_named(tmp_path, named, postgres):
    open_home(tmp_path, begin=True)
    store = ObjectStore(Storage(named))
    store.write(RECORD, json.dumps({"schema": "s", "layout": 99}).encode())
    with pytest.raises(UserError, match="later version"):
        open_home(tmp_path, begin=True)
    store.delete([RECORD])
    with pytest.raises(UserError, match="holds no home .*: was the bucket emptied"):
        open_home(tmp_path, begin=True)


def test_of_two_hosts_that_begin_at_once_one_joins_the_other(tmp_path, named, postgres, monkeypatch):
    """The other's record appears between looking and writing."""
    from swaptalk_models.data.store import storage_home as module

    open_home(tmp_path / "first", begin=True)
    asked: list[Storage] = []
    read = module.read_record
    monkeypatch.setattr(
        module, "read_record", lambda storage: asked.append(storage) or (read(storage) if len(asked) > 1 else None)
    )
    open_home(tmp_path / "second", begin=True)
    names = [(tmp_path / name / "state_in_postgres.json").read_text() for name in ("first", "second")]
    assert names[0] == names[1] and len(asked) > 1
