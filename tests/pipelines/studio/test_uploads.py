"""What is taken, and what becomes of names, sizes and kinds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipelines.studio import uploads
from pipelines.studio.places import is_id, shown_name
from pipelines.studio.refusal import Refusal, plain

from .conftest import EDGE, form


def test_an_upload_is_kept_with_what_was_seen(client, home, unseen):
    answer = client.upload("target", "my head.mp4", b"video")
    assert answer.status == 201
    kept = answer.json
    assert (kept["name"], kept["size"], kept["kind"], kept["role"]) == ("my head.mp4", 5, "video", "target")
    assert [face["number"] for face in kept["faces"]] == [1, 2] and "file" not in kept
    assert client.ask("GET", f"/api/uploads/{kept['id']}").json == kept
    assert client.ask("GET", kept["faces"][0]["picture"]).body == b"seen"
    assert client.ask("GET", kept["picture"]).headers["content-type"] == "image/jpeg"
    folder = home / "studio" / "uploads" / kept["id"]
    assert (folder / f"{kept['id']}.mp4").read_bytes() == b"video" and unseen[0]["name"] == "my head.mp4"
    assert [path.name for path in folder.parent.iterdir()] == [kept["id"]], "nothing is left beside it"
    assert client.ask("DELETE", f"/api/uploads/{kept['id']}").status == 204
    assert client.ask("GET", f"/api/uploads/{kept['id']}").status == 404 and not folder.exists()


@pytest.mark.parametrize(
    ("name", "shown", "suffix"),
    [
        ("../../../etc/passwd", "passwd", ""),
        ("..\\..\\windows\\win.ini", "win.ini", ""),
        ("/etc/cron.d/x.png", "x.png", ".png"),
        ("a\x00b\n.png", "ab.png", ".png"),
        ("..", "..", ""),
        ("x.png/../../evil.sh", "evil.sh", ""),
        ("", "the picture", ""),
        ("ä" * 300 + ".jpeg", "ä" * 114 + "….jpeg", ".jpeg"),
        ('"><img src=x onerror=alert(1)>.png', '"><img src=x onerror=alert(1)>.png', ".png"),
    ],
)
def test_a_name_is_shown_and_never_a_path(client, home, name, shown, suffix):
    answer = client.upload("source", name, b"picture")
    assert answer.status == 201, answer.body
    assert answer.json["name"] == shown
    below = {path for path in home.rglob("*") if path.is_file() and path.read_bytes() == b"picture"}
    assert below == {home / "studio" / "uploads" / answer.json["id"] / f"{answer.json['id']}{suffix}"}
    page = client.ask("GET", "/").body
    assert b"onerror" not in page


@pytest.mark.parametrize(
    "name", ["..", "../home", "%2e%2e", "%2e%2e%2f%2e%2e%2frelease", "a" * 16 + "/..", "A" * 16, "0" * 200, "."]
)
def test_no_path_leads_out_of_the_uploads(client, name):
    for path in (
        f"/api/uploads/{name}",
        f"/api/uploads/{name}/picture",
        f"/api/talks/{name}",
        f"/api/talks/{name}/video",
    ):
        assert client.ask("GET", path).status in (404, 405), path
    assert client.ask("DELETE", f"/api/uploads/{name}").status in (404, 405)


def test_only_ids_are_ids():
    assert is_id("0123456789abcdef") and not any(
        map(is_id, ("", "..", "0123456789abcdeg", "0123456789abcdef\n", "abc"))
    )
    assert shown_name(" a \t b.png ", "x") == "a b.png"


class TestTooLarge:
    def test_by_what_the_sender_says(self, client, home):
        answer = client.ask(
            "POST",
            "/api/uploads",
            b"",
            Content_Type=f"multipart/form-data; boundary={EDGE}",
            Content_Length="99999999999",
        )
        assert answer.status == 413 and "larger than the 0 MB" in answer.json["error"]

    def test_by_what_comes(self, client, home):
        """In chunks, of which nobody knows the sum."""
        connection = client.connect()
        pieces = iter([form({"role": "source"}, "large.png", b"")[:-20], *([b"x" * 10_000] * 40)])
        try:
            connection.request(
                "POST",
                "/api/uploads",
                pieces,
                {"Content-Type": f"multipart/form-data; boundary={EDGE}"},
                encode_chunked=True,
            )
            answer = connection.getresponse()
            assert answer.status == 413 and b"large.png: larger than" in answer.read()
        except (BrokenPipeError, ConnectionResetError):
            pass  # it hung up while we were still sending
        assert list((home / "studio" / "uploads").iterdir()) == [], "nothing of it stays"

    def test_for_the_disk(self, client, monkeypatch):
        monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
        answer = client.upload("source", "a.png", b"a")
        assert answer.status == 507 and "make room" in answer.json["error"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"hello", "multipart/form-data", 415),
        (b"hello", f"multipart/form-data; boundary={EDGE}", 400),
        (form({"role": "king"}, "a.png", b"a"), f"multipart/form-data; boundary={EDGE}", 400),
        (form({}, "a.png", b"a"), f"multipart/form-data; boundary={EDGE}", 400),
        (form({"role": "source"}, "a.png", b""), f"multipart/form-data; boundary={EDGE}", 422),
        (form({"role": "source"}, "a.png", b"a")[:-30], f"multipart/form-data; boundary={EDGE}", 400),
        (form({"role": "source", "x": "y" * 5000}, "a.png", b"a"), f"multipart/form-data; boundary={EDGE}", 400),
        (form({"role": "source"}, "a.png", b"a").replace(f"--{EDGE}--".encode(), b"") + form({"role": "source"}, "b.png", b"b"), f"multipart/form-data; boundary={EDGE}", 400),
        (f"--{EDGE}--\r\n".encode(), f"multipart/form-data; boundary={EDGE}", 400),
    ],
)  # fmt: skip
def test_what_is_no_form_with_one_file(client, home, body, kind, status):
    answer = client.ask("POST", "/api/uploads", body, Content_Type=kind)
    assert answer.status == status and answer.json["error"]
    assert list((home / "studio" / "uploads").iterdir()) == []


def test_what_the_child_refuses_leaves_nothing(client, home, monkeypatch):
    def refuse(role, asked, limits, about):
        raise Refusal(422, f"{about}: no face found")

    monkeypatch.setattr(uploads, "in_a_child", refuse)
    answer = client.upload("source", "wall.png", b"a")
    assert (answer.status, answer.json) == (422, {"error": "wall.png: no face found"})
    assert list((home / "studio" / "uploads").iterdir()) == []


def test_what_nobody_uses_goes_after_a_week(client, home, given, monkeypatch):
    folder = home / "studio" / "uploads"
    (folder / ".half.part").mkdir()
    sent = (folder / given["source"]).stat().st_mtime
    client.studio.uploads.tidy(set())
    assert len(list(folder.iterdir())) == 4, "another server may be at the half one"
    monkeypatch.setattr(uploads.time, "time", lambda: sent + 8 * 24 * 3600)
    client.studio.uploads.tidy({given["target"]})
    assert {path.name for path in folder.iterdir()} == {given["target"]}


def test_errors_call_files_as_their_owner_does():
    said = "/home/x/ab.png: no face found; save ab.png as JPEG\n"
    assert plain(said, {Path("/home/x/ab.png"): "anna.png"}) == "anna.png: no face found; save anna.png as JPEG"
