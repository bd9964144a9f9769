"""Who may use the studio, and from which page."""

from __future__ import annotations

import stat

import pytest

from pipelines.studio.places import StudioPlace
from pipelines.studio.security import COOKIE, TOKEN_VARIABLE, Secret, is_loopback, load_secret
from swaptalk_models.errors import UserError

TOKEN = "a token of enough letters"


@pytest.mark.parametrize("host", ["localhost", "localhost:3002", "127.0.0.1:9", "[::1]:3002"])
def test_this_machines_own_names_are_let_in(client, host):
    assert client.ask("GET", "/api/studio", Host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:3002", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.5", ""]
)
def test_another_name_that_leads_to_this_machine_is_not(client, host):
    answer = client.ask("GET", "/api/talks", Host=host)
    assert answer.status == 421 and "this machine alone" in answer.json["error"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},  # another port of localhost
        {
            "Sec_Fetch_Site": "cross-site",
            "Sec_Fetch_Mode": "navigate",
            "Sec_Fetch_Dest": "document",
        },  # a form that is sent here
    ],
)
def test_a_page_of_another_site_asks_for_nothing(client, given, headers):
    wish = given | {"consent": "all"}
    assert client.ask("POST", "/api/talks", wish, **headers).status == 403
    assert client.upload("source", "a.png", b"a", **headers).status == 403
    assert client.ask("DELETE", f"/api/uploads/{given['source']}", **headers).status == 403
    assert client.ask("GET", "/api/talks").json == []


def test_a_page_of_another_site_embeds_nothing_but_may_have_a_link(client, given):
    picture = f"/api/uploads/{given['source']}/picture"
    assert client.ask("GET", picture, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors").status == 403
    framed = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"}
    assert client.ask("GET", "/", **framed).status == 403
    assert client.ask("GET", "/", **framed | {"Sec_Fetch_Dest": "document"}).status == 200


def test_its_own_page_may(client, given):
    own = {"Origin": f"http://127.0.0.1:{client.port}", "Sec_Fetch_Site": "same-origin"}
    assert client.ask("POST", "/api/talks", given | {"consent": "all"}, **own).status == 201


def test_every_answer_carries_the_headers(client):
    for path in ("/", "/api/studio", "/static/studio.js", "/nowhere"):
        headers = client.ask("GET", path).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert (
            headers["x-content-type-options"] == "nosniff" and headers["cross-origin-resource-policy"] == "same-origin"
        )
    assert client.ask("GET", "/api/talks").headers["cache-control"] == "no-store"


class TestToken:
    @pytest.fixture
    def guarded(self, serve, unseen):
        return serve(secret=Secret(TOKEN))

    def test_nothing_without_it(self, guarded):
        for path in (
            "/api/studio",
            "/api/talks",
            "/api/events",
            "/openapi.json",
            "/static/studio.js",
            "/api/talks/a/video",
        ):
            answer = guarded.ask("GET", path)
            assert answer.status == 401 and "Bearer" in answer.json["error"], path
        assert guarded.upload("source", "a.png", b"a").status == 401
        assert guarded.ask("POST", "/api/talks", {}).status == 401
        for wrong in ("Bearer x", f"Basic {TOKEN}", "Bearer", TOKEN, "Bearer ä".encode("latin-1").decode("latin-1")):
            assert guarded.ask("GET", "/api/studio", Authorization=wrong).status == 401

    def test_a_program_sends_it_under_any_name_of_the_machine(self, guarded):
        assert guarded.ask("GET", "/api/studio", Authorization=f"Bearer {TOKEN}", Host="studio.lan:3002").status == 200

    def test_a_browser_is_asked_for_it(self, guarded):
        answer = guarded.ask("GET", "/", Accept="text/html")
        assert answer.status == 303 and answer.headers["location"] == "/enter"
        page = guarded.ask("GET", "/enter")
        assert page.status == 200 and b"Token" in page.body and b"studio.js" not in page.body
        plain = {"Content_Type": "application/x-www-form-urlencoded"}
        assert guarded.ask("POST", "/enter", b"token=wrong", **plain).status == 403
        entered = guarded.ask("POST", "/enter", f"token={TOKEN.replace(' ', '+')}".encode(), **plain)
        assert entered.status == 303
        kept = entered.headers["set-cookie"]
        assert "HttpOnly" in kept and "SameSite=strict" in kept and TOKEN not in kept
        cookie = kept.partition(";")[0]
        assert guarded.ask("GET", "/", Accept="text/html", Cookie=cookie).status == 200
        assert guarded.ask("GET", "/", Cookie=f"{COOKIE}=wrong").status == 401
        evil = {"Cookie": cookie, "Origin": "https://evil.example"}
        assert guarded.ask("POST", "/api/talks", {}, **evil).status == 403, (
            "a browser that is in sends no one else's wishes"
        )

    def test_a_link_opens_once(self, guarded):
        key = guarded.studio.settings.secret.key
        assert guarded.ask("GET", "/enter?key=wrong").status == 403
        first = guarded.ask("GET", f"/enter?key={key}")
        assert first.status == 303 and COOKIE in first.headers["set-cookie"]
        second = guarded.ask("GET", f"/enter?key={key}")
        assert second.status == 403 and b"used already" in second.body and "set-cookie" not in second.headers


def test_the_token_is_kept_for_its_owner_alone(tmp_path, monkeypatch):
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    place = StudioPlace(tmp_path / "home").create()
    first = load_secret(place.token)
    assert stat.S_IMODE(place.token.stat().st_mode) == 0o600 and stat.S_IMODE(place.root.stat().st_mode) == 0o700
    assert load_secret(place.token).cookie == first.cookie, "links that are kept go on working"
    assert first.is_token(place.token.read_text().strip())
    monkeypatch.setenv(TOKEN_VARIABLE, "short")
    with pytest.raises(UserError, match="too short"):
        load_secret(place.token)
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert load_secret(place.token).is_token(TOKEN)


def test_which_addresses_are_this_machine_alone():
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.8.8.8", "::1", "[::1]")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.5", "localhost.evil.example", "")))
