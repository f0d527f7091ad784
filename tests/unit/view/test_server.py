"""``twocooks view`` answers its owner and nobody else."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.kit.served import served
from tests.unit.analyse import scenes
from twocooks.analyse.build import Recording
from twocooks.report.html.detail import Detail
from twocooks.view.server import View

WAIT_S = 60


@pytest.fixture(scope="module")
def view() -> Iterator[View]:
    with served(scenes.turns_then_parallel()) as server:
        yield server


class Answer:
    def __init__(self, found: http.client.HTTPResponse) -> None:
        self.status = found.status
        self.headers = {name.lower(): value for name, value in found.getheaders()}
        self.body = found.read()

    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    view: View, path: str, host: str | None = "", method: str = "GET", **headers: str
) -> Answer:
    """``host``: "" = as a browser says it, None = none is said."""
    connection = http.client.HTTPConnection("127.0.0.1", view.server_port, timeout=WAIT_S)
    try:
        connection.putrequest(method, path, skip_host=True)
        if host is not None:
            connection.putheader("Host", host or f"127.0.0.1:{view.server_port}")
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        return Answer(connection.getresponse())
    finally:
        connection.close()


def test_the_owner_gets_the_page(view: View) -> None:
    assert urlsplit(view.url).hostname == "127.0.0.1"
    assert view.server_address[0] == "127.0.0.1"
    found = ask(view, f"/{view.token}/")
    assert found.status == 200
    assert found.headers["content-type"] == "text/html; charset=utf-8"
    text = found.body.decode()
    assert text.startswith("<!doctype html>")
    policy = text.partition('http-equiv="Content-Security-Policy" content="')[2].partition('"')[0]
    assert policy.startswith("default-src 'none'")
    assert "connect-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("host", ["localhost:1234", "LOCALHOST", "127.0.0.1"])
def test_a_tunnel_from_another_port_works(view: View, host: str) -> None:
    assert ask(view, f"/{view.token}/", host).status == 200


@pytest.mark.parametrize(
    "path",
    ["/", "", "//", "/data?from=0&to=1", "/wrong/", "/wrong/data?from=0.1&to=0.2", "/{short}/",
     "/{token}x/", "/ /{token}/", "/x/../{token}/", "/?token={token}", "/%2e%2e/", "/{upper}/",
     "/\u00e9/"],
)  # fmt: skip
def test_without_the_token_nothing_is_answered(view: View, path: str) -> None:
    filled = path.format(
        token=view.token, short=view.token[:-1], upper=view.token.swapcase()
    ).replace(" ", "%20").replace("\u00e9", "%c3%a9")
    found = ask(view, filled or "/")
    assert found.status == 403
    assert view.token.encode() not in found.body
    assert b"doctype" not in found.body


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example",
     "evil.example:127.0.0.1", "127.0.0.2", "0.0.0.0", "[::1]", "@127.0.0.1", None],
)  # fmt: skip
def test_a_page_whose_name_was_turned_to_this_machine_gets_nothing(
    view: View, host: str | None
) -> None:
    for path in ("", "data?from=0.1&to=0.2", "numbers?from=0.1&to=0.2"):
        found = ask(view, f"/{view.token}/{path}", host)
        assert found.status == 403
        assert b"doctype" not in found.body


def test_other_pages_may_not_read_along(view: View) -> None:
    for path in ("", "data?from=0.1&to=0.2", "nothing"):
        found = ask(view, f"/{view.token}/{path}", Origin="https://evil.example")
        assert not [name for name in found.headers if name.startswith("access-control")]
        assert found.headers["cross-origin-resource-policy"] == "same-origin"
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.headers["referrer-policy"] == "no-referrer"
        assert found.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in found.headers["content-security-policy"]


@pytest.mark.parametrize(
    "name", ["etc/passwd", "../../etc/passwd", "page.js", "data/", "Data", "data%00", "numbers/x"]
)
def test_no_files_are_served(view: View, name: str) -> None:
    assert ask(view, f"/{view.token}/{name}").status == 404


@pytest.mark.parametrize(
    "query",
    ["", "?", "?from=1", "?from=a&to=b", "?from=nan&to=1", "?from=0&to=inf", "?from=0.4&to=0.3",
     "?from=90&to=91", "?" + "&".join(f"from={n}" for n in range(50))],
)  # fmt: skip
def test_questions_that_make_no_sense(view: View, query: str) -> None:
    for name in ("data", "numbers"):
        assert ask(view, f"/{view.token}/{name}{query}").status == 400


def test_windows_and_their_numbers(view: View) -> None:
    found = ask(view, f"/{view.token}/data?from=0.1&to=0.2").json()
    assert found["window_s"] == pytest.approx([0.1, 0.2])
    assert {"grid", "columns", "block", "curve_unit_s"} <= set(found)
    numbers = ask(view, f"/{view.token}/numbers?from=0.53&to=0.9").json()
    assert numbers["parallelism"]["two_or_more_s"] == pytest.approx(0.37)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE"])
def test_there_is_nothing_to_change(view: View, method: str) -> None:
    found = ask(view, f"/{view.token}/", method=method)
    assert found.status == 501
    assert b"twocooks page" not in found.body


def test_the_browser_gets_an_address_that_works_once() -> None:
    with served(scenes.turns_then_parallel()) as server:
        ticket = urlsplit(server.ticket_url).path
        assert server.token not in ticket
        assert ask(server, ticket, "evil.example").status == 403
        first = ask(server, ticket)
        assert (first.status, first.headers["location"]) == (303, server.url)
        assert ask(server, ticket).status == 403


def test_two_servers_have_two_tokens(view: View) -> None:
    with View(Detail(Recording(scenes.turns_then_parallel().trace()))) as other:
        assert other.token != view.token
        assert other.server_port != view.server_port
        assert len(other.token) >= 32


def test_the_command_prints_the_address_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    trace = tmp_path / "run.2cooks"
    trace.write_bytes(scenes.turns_then_parallel().file())
    # As a terminal starts it: whoever runs these tests in the background may ignore the signal.
    start = ("import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
             "from twocooks.cli import main; sys.exit(main(sys.argv[1:]))")
    command = [sys.executable, "-c", start, "view", "--no-browser", str(trace)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as run:
        try:
            assert run.stdout is not None
            url = urlsplit(run.stdout.readline().strip())
            assert url.hostname == "127.0.0.1"
            connection = http.client.HTTPConnection("127.0.0.1", url.port or 0, timeout=WAIT_S)
            connection.request("GET", url.path)
            assert connection.getresponse().status == 200
            connection.close()
            run.send_signal(signal.SIGINT)
            assert run.wait(WAIT_S) == 0
            assert run.stderr is not None
            assert run.stderr.read() == ""
        finally:
            run.kill()


def test_a_port_in_use_is_said(view: View, tmp_path: Path) -> None:
    trace = tmp_path / "run.2cooks"
    trace.write_bytes(scenes.turns_then_parallel().file())
    done = subprocess.run(
        [sys.executable, "-m", "twocooks", "view", "--no-browser", "--port",
         str(view.server_port), str(trace)],
        capture_output=True, text=True, timeout=WAIT_S,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--port" in done.stderr
