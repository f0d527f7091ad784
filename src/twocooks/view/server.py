"""Serves one run to the browser of the person who asked, and to nobody else.

A trace tells names, paths and command lines, so: only the loopback address is listened on; the
address of the page begins with a random token, and without it nothing is answered; a request must
name this machine as its host (a page from elsewhere whose name was turned to 127.0.0.1 does not);
other pages may not read the answers (no CORS header is ever sent, and each answer asks to stay with
its own origin). No file is served: there are the page and two questions, all computed.

The browser is started with an address that works once (``ticket``), because other users of the
machine can read the arguments of its process; it leads to the real one.
"""

from __future__ import annotations

import hmac
import math
import secrets
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from twocooks.report import html
from twocooks.report.html.detail import Detail

LOOPBACK = "127.0.0.1"
HOSTS = ("127.0.0.1", "localhost")
QUIET_S = 30.0
"""So long a connection may say nothing."""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class RefusedError(Exception):
    """The request is not answered; the message says why."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class View(ThreadingHTTPServer):
    """A server for one run. ``url`` is what its owner opens; ``port`` 0 takes a free one."""

    daemon_threads = True

    def __init__(self, detail: Detail, port: int = 0) -> None:
        self.token = secrets.token_urlsafe(24)
        self._ticket: str | None = secrets.token_urlsafe(24)
        self._detail = detail
        self._page = detail.page().encode("utf-8")
        self._one_at_a_time = threading.Lock()
        super().__init__((LOOPBACK, port), _Handler)

    def server_bind(self) -> None:
        """Without asking a name server what this machine is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.server_port}/{self.token}/"

    @property
    def ticket_url(self) -> str:
        """An address that works once."""
        return f"http://{LOOPBACK}:{self.server_port}/{self._ticket}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away is no news."""

    # --- questions ---

    def allowed(self, host: str | None, path: str) -> str:
        """What is asked for behind the token; RefusedError."""
        name = (host or "").rsplit(":", 1)[0].lower()
        if name not in HOSTS:
            raise RefusedError(HTTPStatus.FORBIDDEN, "this is not the host that you named")
        given, _, rest = path.removeprefix("/").partition("/")
        if not _same(given, self.token):
            raise RefusedError(HTTPStatus.FORBIDDEN, "open the address that twocooks view printed")
        return rest

    def cashed(self, path: str) -> bool:
        """Whether this was the ticket; it is none any more then."""
        with self._one_at_a_time:
            ticket = self._ticket
            if ticket is None or not _same(path.strip("/"), ticket):
                return False
            self._ticket = None
            return True

    def answer(self, name: str, query: str) -> tuple[str, bytes]:
        """The type and the bytes of an answer; RefusedError."""
        if name == "":
            return "text/html; charset=utf-8", self._page
        if name not in ("data", "numbers"):
            raise RefusedError(HTTPStatus.NOT_FOUND, "there is nothing of this name")
        span = _span(query)
        with self._one_at_a_time:
            ask = self._detail.window if name == "data" else self._detail.numbers
            try:
                found = ask(*span)
            except ValueError as error:
                raise RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from error
        return "application/json", html.safe_json(found).encode("ascii")


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode("ascii"))


def _span(query: str) -> tuple[float, float]:
    try:
        words = parse_qs(query, max_num_fields=4)
        span = float(words["from"][0]), float(words["to"][0])
    except (KeyError, ValueError) as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "say ?from=SECONDS&to=SECONDS") from error
    if not all(map(math.isfinite, span)):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "say ?from=SECONDS&to=SECONDS")
    return span


class _Handler(BaseHTTPRequestHandler):
    server: View
    protocol_version = "HTTP/1.1"
    timeout = QUIET_S

    def do_GET(self) -> None:
        where = urlsplit(self.path)
        host = self.headers.get("Host")
        try:
            if (host or "").rsplit(":", 1)[0].lower() in HOSTS and self.server.cashed(where.path):
                self._send(HTTPStatus.SEE_OTHER, "text/plain", b"", self.server.url)
                return
            kind, body = self.server.answer(self.server.allowed(host, where.path), where.query)
        except RefusedError as error:
            self._send(error.status, "text/plain; charset=utf-8", str(error).encode())
        except Exception as error:  # a trace may be damaged in ways nobody thought of
            text = f"this cannot be computed ({type(error).__name__})"
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", text.encode())
        else:
            self._send(HTTPStatus.OK, kind, body)

    def _send(self, status: HTTPStatus, kind: str, body: bytes, location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        return "twocooks"

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads along."""


