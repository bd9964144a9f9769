"""The page of releases."""

from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.release_log import CHOSEN, REFUSED, RELEASED, ReleaseEvent, add_event
from swaptalk_models.reporting.releases import data_text, write_releases_page


def figures(value: float) -> list[dict]:
    return [
        {"setting": "cross", "metric": "id_retrieve", "value": value, "low": value - 4, "high": value + 4, "videos": 8}
    ]


def test_everything_that_happened_stands_on_one_page_that_fetches_nothing(tmp_path):
    home = Home(tmp_path).create()
    data = {"people": 9, "videos": 12, "clips": 12, "frames": 3000, "came": ["new <b>"], "left": [], "changed": []}
    add_event(home, ReleaseEvent(RELEASED, "r1" * 8, 1e9, None, figures=figures(80)))
    add_event(
        home, ReleaseEvent(REFUSED, "r2" * 8, 1.1e9, "r1" * 8, "id_retrieve was 80 and is 60", figures=figures(60))
    )
    add_event(
        home, ReleaseEvent(RELEASED, "r3" * 8, 1.2e9, "r1" * 8, models={"vqgan": "v3"}, figures=figures(90), data=data)
    )
    add_event(home, ReleaseEvent(CHOSEN, "r1" * 8, 1.3e9, "r3" * 8, "lips & teeth"))
    (home.releases / "current").write_text("r1" * 8)
    page = write_releases_page(home).read_text()
    for said in (
        "In use: <b>r1r1",
        "80.0",
        "76.0…84.0",
        "id_retrieve was 80 and is 60",
        "lips &amp; teeth",
        "new &lt;b&gt;",
        "<svg",
    ):
        assert said in page, said
    assert page.rstrip().endswith("</html>") and 'src="http' not in page and 'href="http' not in page
    assert page.index("lips &amp; teeth") < page.index("id_retrieve was 80"), "the newest first"


def test_before_the_first_release(tmp_path):
    assert "Nothing was released yet" in write_releases_page(Home(tmp_path).create()).read_text()


def test_data_in_words():
    assert data_text({}) == ""
    some = {"people": 9, "videos": 12, "clips": 12, "frames": 3000}
    assert data_text(some) == "9 people, 12 videos, 2.0 min"
    assert data_text(some | {"came": ["a"], "left": [], "changed": ["b", "c"]}).endswith(": 1 came, 2 changed")
    assert data_text(some | {"came": [], "left": [], "changed": []}).endswith(": the same as before")
