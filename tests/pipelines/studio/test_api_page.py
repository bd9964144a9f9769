"""The API's description says what there is; pages are whole and fetch nothing from elsewhere."""

from __future__ import annotations

import re

import jsonschema
import pytest

from pipelines.studio import api, pages
from pipelines.studio.openapi import ENDPOINTS, SCHEMAS, document

from .test_talks import ask


def test_every_address_is_described_and_every_description_has_an_address():
    there = {(method, re.sub(r":\w+}", "}", route.path)) for route in api.ROUTES for method in route.methods - {"HEAD"}}
    assert there == {(one.method, one.path) for one in ENDPOINTS}
    for one in ENDPOINTS:
        assert one.gives in SCHEMAS or "/" in one.gives or one.gives in ("", "object"), one
        assert one.takes is None or one.takes in SCHEMAS


def test_references_of_the_document_lead_somewhere(client):
    told = client.ask("GET", "/openapi.json").json
    assert told == document() and told["openapi"].startswith("3.1")
    for reference in re.findall(r"'\$ref': '([^']+)'", str(told)):
        assert reference.removeprefix("#/components/schemas/") in told["components"]["schemas"]


def test_answers_are_as_described(client, given):
    told = document()

    def check(name, value):
        jsonschema.validate(value, told | {"$ref": f"#/components/schemas/{name}"})
        known = SCHEMAS[name].get("properties", {})
        assert not known or set(value) <= set(known), set(value) - set(known)

    for role in given:
        check("Upload", client.ask("GET", f"/api/uploads/{given[role]}").json)
    check("Talk", ask(client, given))
    check("Studio", client.ask("GET", "/api/studio").json)
    check("Error", client.ask("GET", "/api/nothing").json)
    jsonschema.validate(given | {"consent": "all"}, told | {"$ref": "#/components/schemas/Wish"})


@pytest.mark.parametrize("path", ["/", "/api", "/nowhere", "/talks/0123456789ab", "/static/nothing.js"])
def test_pages_need_nothing_from_elsewhere(client, path):
    answer = client.ask("GET", path, Accept="text/html")
    text = answer.body.decode()
    assert answer.status == (200 if path in ("/", "/api") else 404)
    assert text.startswith("<!doctype html>") and '<html lang="en">' in text
    for address in re.findall(r"(?:src|href|action)=\"([^\"]+)\"", text):
        assert address.startswith(("/", "#")) and not address.startswith("//"), address
    assert " style=" not in text and not re.search(r"<script(?! src=)", text), "the policy forbids both"
    for name in ("studio.js", "studio.css"):
        assert not re.search(r"https?://(?!www\.w3\.org)", (pages._HERE / "web" / name).read_text())


def test_the_page_of_a_talk_names_its_files(client, given):
    talk = ask(client, given)
    text = client.ask("GET", f"/talks/{talk['id']}", Accept="text/html").body.decode()
    assert "<b>anna.png</b> on <b>ben.mp4</b>, saying <b>carla.wav</b>" in text


def test_an_unknown_address_is_one_line(client):
    assert client.ask("GET", "/api/nothing").json == {"error": "there is nothing at this address"}
    assert client.ask("PUT", "/api/talks").status == 405
