"""Headless Chromium over its DevTools pipe: loads a file and reads back what a reader would see go wrong.

The pipe (`--remote-debugging-pipe`) carries JSON messages that end in a NUL byte on file descriptors 3 and 4, so no
websocket is needed.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

_START = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
    "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
_PROBE = """JSON.stringify({
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  images: Array.from(document.images, image => image.complete ? image.naturalWidth : 0),
  wide: Array.from(document.querySelectorAll('body *')).filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && !e.closest('.scroll'))
    .map(e => e.tagName + '.' + e.getAttribute('class')),
  scripts: document.scripts.length,
  title: document.title,
  heading: document.querySelector('h1') ? document.querySelector('h1').textContent : null
})"""  # noqa: E501


@dataclass(frozen=True)
class Seen:
    """What a page showed at one width."""

    messages: tuple[str, ...]
    overflow: int
    images: tuple[int, ...]
    wide: tuple[str, ...]
    scripts: int
    title: str
    heading: str | None


class Browser:
    """One browser process; use as a context manager."""

    def __init__(self, timeout: float = 30.0) -> None:
        assert PROGRAM is not None
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        high = [fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (to_read, to_write)]
        command = [
            sys.executable,
            "-c",
            _START,
            *map(str, high),
            PROGRAM,
            *_FLAGS,
            f"--user-data-dir={self._profile.name}",
            "about:blank",
        ]
        self._process = subprocess.Popen(command, pass_fds=high, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for end in (to_read, to_write, *high):
            os.close(end)
        self._timeout, self._number, self._rest = timeout, 0, b""
        self._events: list[dict[str, Any]] = []
        self._session: str | None = None

    def __enter__(self) -> Self:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._to)
        os.close(self._from)
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._profile.cleanup()

    def look(self, path: Path, width: int, *, dark: bool = False) -> Seen:
        """Load a file at a width in pixels and report on it."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )
        self._events.clear()
        self.call("Page.navigate", url=path.resolve().as_uri())
        self._wait("Page.loadEventFired")
        found = json.loads(self.call("Runtime.evaluate", expression=_PROBE)["result"]["value"])
        messages = [
            json.dumps(e["params"])
            for e in self._events
            if e["method"] in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
        ]
        return Seen(
            tuple(messages),
            found["overflow"],
            tuple(found["images"]),
            tuple(found["wide"]),
            found["scripts"],
            found["title"],
            found["heading"],
        )

    def screenshot(self) -> bytes:
        """The whole page now shown, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def pdf(self) -> bytes:
        """The page now shown as it prints on A4."""
        return base64.b64decode(
            self.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, preferCSSPageSize=True)["data"]
        )

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a DevTools method and give its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def _wait(self, event: str) -> None:
        end = time.monotonic() + self._timeout
        while not any(e["method"] == event for e in self._events):
            assert time.monotonic() < end, f"no {event} in {self._timeout} s"
            self._receive()

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            data = os.read(self._from, 1 << 16)
            assert data, "the browser closed its pipe"
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if "method" in message:
            self._events.append(message)
        return message
