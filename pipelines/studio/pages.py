"""The pages: Jinja2, one stylesheet, one script. Nothing is fetched from elsewhere, so they work offline."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from pipelines.studio.api import studio_of
from pipelines.studio.openapi import ENDPOINTS, SCHEMAS
from pipelines.studio.refusal import Refusal
from pipelines.studio.security import COOKIE, ENTER, Secret

_HERE = Path(__file__).parent
_STATIC = {"studio.css": "text/css", "studio.js": "text/javascript", "icon.svg": "image/svg+xml"}
_YEAR = 365 * 24 * 3600
_LONGEST_FORM = 4096


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE / "web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(name: str, status: int = 200, **values: Any) -> Response:
    """A page of pipelines/studio/web."""
    return HTMLResponse(_templates().get_template(f"{name}.html.jinja").render(**values), status)


async def studio(request: Request) -> Response:
    studio_of(request).warm()  # who opens it is about to look at a preview
    return page("studio", about=studio_of(request).about(), here="make")


async def one(request: Request) -> Response:
    talk = studio_of(request).talks.shown(request.path_params["id"])
    return page("talk", talk=talk, about=studio_of(request).about(), here="talk")


async def api(request: Request) -> Response:
    return page("api", endpoints=ENDPOINTS, schemas=SCHEMAS, address=str(request.base_url).rstrip("/"), here="api")


async def enter(request: Request) -> Response:
    secret = studio_of(request).settings.secret
    if secret is None:
        return RedirectResponse("/", 303)
    key = request.query_params.get("key")
    if key is not None:
        return _let_in(secret, request) if secret.use_key(key) else _ask("This link was used already: give the token.")
    if request.method == "POST":
        said = await _token_of(request)
        return _let_in(secret, request) if secret.is_token(said) else _ask("That is not the token.")
    return _ask(None)


def _ask(problem: str | None) -> Response:
    return page("enter", 403 if problem else 200, problem=problem, here="enter")


def _let_in(secret: Secret, request: Request) -> Response:
    answer = RedirectResponse("/", 303)
    safe = request.url.scheme == "https"
    answer.set_cookie(COOKIE, secret.cookie, max_age=_YEAR, httponly=True, samesite="strict", secure=safe)
    return answer


async def _token_of(request: Request) -> str:
    """Field `token` of a plain form."""
    from urllib.parse import parse_qs

    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST_FORM:
            raise Refusal(413, "that is no token")
    return parse_qs(body.decode(errors="replace")).get("token", [""])[0].strip()


async def static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _STATIC:
        raise Refusal(404, "there is no such file")
    return FileResponse(_HERE / "web" / name, media_type=_STATIC[name], headers={"Cache-Control": "no-cache"})


ROUTES = [
    Route("/", studio),
    Route("/talks/{id}", one),
    Route("/api", api),
    Route(ENTER, enter, methods=["GET", "POST"]),
    Route("/static/{name}", static),
]
