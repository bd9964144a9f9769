"""The application: routes behind the gate, and faults as one line for people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipelines.studio import api, pages
from pipelines.studio.refusal import Refusal
from pipelines.studio.security import Gate
from pipelines.studio.studio import Studio
from swaptalk_models.errors import UserError

OURS = "a fault of the program: the studio's terminal says more"


def make_app(studio: Studio) -> Starlette:
    """The studio as an ASGI application."""

    @asynccontextmanager
    async def lives(app: Starlette) -> AsyncIterator[None]:
        await studio.open()
        yield
        await studio.close()

    app = Starlette(
        routes=[*api.ROUTES, *pages.ROUTES],
        middleware=[Middleware(Gate, secret=studio.settings.secret)],
        exception_handlers={UserError: _refused, HTTPException: _unknown, Exception: _failed},  # type: ignore[dict-item]
        lifespan=lives,
    )
    app.state.studio = studio
    return app


def _answer(request: Request, status: int, said: str) -> Response:
    """A page for who reads pages, else JSON."""
    if not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", ""):
        return pages.page("problem", status, said=said, here="problem")
    return JSONResponse({"error": said}, status)


async def _refused(request: Request, error: UserError) -> Response:
    status = error.status if isinstance(error, Refusal) else 422
    return _answer(request, status, " ".join(str(error).split()))


async def _unknown(request: Request, error: HTTPException) -> Response:
    said = {404: "there is nothing at this address", 405: "this address does not take that"}
    return _answer(request, error.status_code, said.get(error.status_code, error.detail))


async def _failed(request: Request, error: Exception) -> Response:
    return _answer(request, 500, OURS)  # and the traceback goes to the terminal
