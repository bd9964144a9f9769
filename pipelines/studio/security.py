"""Who may use the studio: on the loopback address whoever sits at the machine, from elsewhere whoever has the token. And no other site's page.

A page of another site in the same browser can send requests here, and can have its own name lead to this machine (DNS rebinding). Both are told by
headers that no page can forge: Host, Origin and Sec-Fetch-Site.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import secrets
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from swaptalk_models.errors import UserError

COOKIE = "swaptalk_studio"
TOKEN_VARIABLE = "SWAPTALK_STUDIO_TOKEN"
ENTER = "/enter"
_OPEN = (ENTER, "/static/studio.css", "/static/icon.svg")
_SHORTEST = 16  # letters of a token that somebody chooses
_READS = ("GET", "HEAD")
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self' blob: data:; media-src 'self' blob:; script-src 'self'; style-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class Secret:
    """The token, and a key that opens the studio in a browser once."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._key: str | None = secrets.token_urlsafe(24)

    @property
    def key(self) -> str:
        """For a link that works once."""
        assert self._key is not None
        return self._key

    @property
    def cookie(self) -> str:
        """What a browser that may come in holds; it follows from the token, and the token does not follow from it."""
        return hmac.new(self._token.encode(), b"swaptalk studio cookie", hashlib.sha256).hexdigest()

    def is_token(self, said: str) -> bool:
        """In constant time."""
        return hmac.compare_digest(said.encode(), self._token.encode())

    def is_cookie(self, said: str) -> bool:
        """In constant time."""
        return hmac.compare_digest(said.encode(), self.cookie.encode())

    def use_key(self, said: str) -> bool:
        """Whether this is the key, which is used up with that."""
        known, right = self._key, False
        if known is not None and hmac.compare_digest(said.encode(), known.encode()):
            self._key, right = None, True
        return right


def load_secret(path: Path) -> Secret:
    """The token of $SWAPTALK_STUDIO_TOKEN, else that in ``path``, which is made (0600) where there is none.

    Raises:
        UserError: one that somebody chose is too short, or the file cannot be read or written.
    """
    chosen = os.environ.get(TOKEN_VARIABLE)
    if chosen is not None:
        if len(chosen) < _SHORTEST:
            raise UserError(f"{TOKEN_VARIABLE}: too short: at least {_SHORTEST} letters")
        return Secret(chosen)
    try:
        if not path.exists():
            aside = path.with_name(f".token.{os.getpid()}")
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(32) + "\n")
            aside.replace(path)
        token = path.read_text().strip()
    except OSError as error:
        raise UserError(f"{path}: the token cannot be kept here: {error.strerror}") from None
    if len(token) < _SHORTEST:
        raise UserError(f"{path}: damaged: delete it, and a new token is made")
    return Secret(token)


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Gate:
    """Lets in who may come in; stands before everything else."""

    def __init__(self, app: ASGIApp, secret: Secret | None) -> None:
        """``secret``: None: whoever reaches the loopback address may use the studio."""
        self.app, self.secret = app, secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")  # faces and voices
            await send(message)

        refused = self._refused(scope["method"], scope["path"], Headers(scope=scope))
        await (refused or self.app)(scope, receive, sent)

    def _refused(self, method: str, path: str, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        if self.secret is None and not is_loopback(_name_in(f"//{host}")):
            return _no(421, f"this studio is for this machine alone and is not called {host[:80]!r}: use localhost")
        if _of_another_site(method, headers, host):
            return _no(403, "this was asked for by a page of another site")
        if self.secret is None or path in _OPEN or self._is_known(headers):
            return None
        if method in _READS and "text/html" in headers.get("accept", ""):
            return RedirectResponse(ENTER, 303)
        return _no(401, "a token is wanted: send it as `Authorization: Bearer TOKEN`", {"WWW-Authenticate": "Bearer"})

    def _is_known(self, headers: Headers) -> bool:
        assert self.secret is not None
        kind, _, said = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.secret.is_token(said.strip()):
            return True
        try:
            kept = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return kept is not None and self.secret.is_cookie(kept.value)


def _of_another_site(method: str, headers: Headers, host: str) -> bool:
    site, mode = headers.get("sec-fetch-site"), headers.get("sec-fetch-mode")
    opened = method in _READS and mode == "navigate" and headers.get("sec-fetch-dest") == "document"
    if site in ("cross-site", "same-site") and not opened:  # a link to a page may lead here
        return True
    origin = headers.get("origin")
    return method not in _READS and origin is not None and origin.partition("://")[2] != host


def _name_in(address: str) -> str:
    """The host of an address, without its port; nothing where it makes no sense."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _no(status: int, said: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": said}, status, headers)
