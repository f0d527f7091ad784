"""A real browser, driven through a pipe with nothing but the standard library.

Chromium speaks its DevTools protocol on two inherited files (``--remote-debugging-pipe``): no port,
no driver, no package. Everything waits for an answer of the browser, nothing for a time.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
PATIENCE_S = 60
"""For one answer, on a busy machine."""


@functools.cache
def missing() -> str | None:
    """Why there is no browser here (None = there is one)."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        return "no chromium is installed"
    try:
        with Browser() as browser:
            browser.call("Browser.getVersion")
    except (OSError, BrowserError) as error:
        return f"{path} does not start here: {error}"
    return None


class BrowserError(Exception):
    """The browser said no, or says nothing any more."""


class Browser:
    """One browser with one page."""

    def __init__(self) -> None:
        path = next((found for name in NAMES if (found := shutil.which(name))), None)
        if path is None:
            raise BrowserError("no chromium is installed")
        self._folder = tempfile.TemporaryDirectory(prefix="twocooks-browser-")
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        # The browser reads from its file 3 and writes to its file 4.
        script = f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}'
        profile = f"--user-data-dir={self._folder.name}/profile"
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", script, path, *FLAGS, profile, "about:blank"],
            pass_fds=(to_read, to_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(to_read)
        os.close(to_write)
        self._waiting = b""
        self._number = 0
        self._session: str | None = None
        self.errors: list[str] = []
        """What the page complained about: exceptions, and what its policy refused."""

    def __enter__(self) -> Browser:
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        found = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = found["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.requests: list[str] = []
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for fd in (self._write, self._read):
            os.close(fd)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self._folder.name, ignore_errors=True)  # its children may still write there
        with contextlib.suppress(OSError):
            self._folder.cleanup()

    # --- the protocol ---

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Asks, and waits for the answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        for answer in self._messages():
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error'].get('message')}")
                result: dict[str, Any] = answer.get("result", {})
                return result
        raise BrowserError("the browser has gone")

    def _messages(self) -> Iterator[dict[str, Any]]:
        import select

        while True:
            end = self._waiting.find(b"\0")
            if end >= 0:
                text, self._waiting = self._waiting[:end], self._waiting[end + 1 :]
                message = json.loads(text)
                self._note(message)
                yield message
                continue
            if not select.select([self._read], [], [], PATIENCE_S)[0]:
                raise BrowserError(f"no answer for {PATIENCE_S} s")
            more = os.read(self._read, 1 << 20)
            if not more:
                return
            self._waiting += more

    def _note(self, message: dict[str, Any]) -> None:
        method, params = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            told = params["exceptionDetails"]
            self.errors.append(str(told.get("exception", {}).get("description", told.get("text"))))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(str(params["entry"]["text"]))
        elif method == "Network.requestWillBeSent":
            self.requests.append(str(params["request"]["url"]))

    # --- a page ---

    def open(self, path: Path, fragment: str = "") -> None:
        """Opens a page of twocooks and waits until its picture is drawn."""
        self.call("Page.navigate", url="about:blank")
        self.requests.clear()
        self.call("Page.navigate", url=path.resolve().as_uri() + fragment)
        self.wait("document.body && document.body.dataset.ready === 'yes'")

    def wait(self, condition: str) -> None:
        """Waits until something holds, asked anew after each frame."""
        self.run(
            "new Promise((yes, no) => { const until = performance.now() + "
            f"{PATIENCE_S * 900}; const look = () => {{ let holds = false; "
            f"try {{ holds = !!({condition}); }} catch (error) {{ void error; }} "
            "if (holds) yes(true); else if (performance.now() > until) no(new Error('never: ' + "
            f"{json.dumps(condition)})); else setTimeout(look, 15); }}; look(); }})"
        )

    def run(self, script: str) -> Any:
        """The value of an expression in the page; promises are awaited."""
        while True:
            try:
                found = self.call(
                    "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
                )
            except BrowserError as error:
                if "context" in str(error) or "navigated" in str(error):
                    continue  # the page was just exchanged for the one that was asked for
                raise
            if "exceptionDetails" in found:
                told = found["exceptionDetails"]
                raise BrowserError(str(told.get("exception", {}).get("description", told)))
            return found["result"].get("value")

    def frame(self) -> None:
        """Waits until what was asked for is drawn: two frames, and the page's own short delays."""
        self.run("new Promise(yes => setTimeout(() => requestAnimationFrame("
                 "() => requestAnimationFrame(() => yes(1))), 80))")  # fmt: skip

    def key(self, key: str) -> None:
        text = {"text": key} if len(key) == 1 else {}
        if key == "Enter":
            text = {"text": "\r"}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)
        self.frame()

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)
        self.frame()

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", buttons=1, clickCount=1)
        self.frame()

    def drag(self, x0: float, y0: float, x1: float, y1: float, modifiers: int = 0) -> None:
        both = {"button": "left", "buttons": 1, "modifiers": modifiers}
        self.mouse("mousePressed", x0, y0, clickCount=1, **both)
        for step in range(1, 5):
            x, y = x0 + (x1 - x0) * step / 4, y0 + (y1 - y0) * step / 4
            self.mouse("mouseMoved", x, y, **both)
        self.mouse("mouseReleased", x1, y1, clickCount=1, **both)
        self.frame()

    def wheel(self, x: float, y: float, by: float, modifiers: int = 0) -> None:
        self.mouse("mouseWheel", x, y, deltaX=0, deltaY=by, modifiers=modifiers)
        self.frame()

    def size(self, width: int, height: int, mobile: bool = False, scale: float = 1) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=scale, mobile=mobile,
        )  # fmt: skip

    def scheme(self, dark: bool = False, media: str = "", calm: bool = False) -> None:
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        if calm:
            features.append({"name": "prefers-reduced-motion", "value": "reduce"})
        self.call("Emulation.setEmulatedMedia", media=media, features=features)

    def picture(self) -> bytes:
        """A PNG of what is seen."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def pdf(self) -> bytes:
        found = self.call("Page.printToPDF", printBackground=True, landscape=True)
        return base64.b64decode(found["data"])
