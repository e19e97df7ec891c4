"""A headless Chromium, spoken to through its debugging port; no driver is installed for it."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np

FLAGS = (
    "--headless=new", "--no-sandbox", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--window-size=1000,700",
    "--remote-debugging-address=127.0.0.1", "--remote-debugging-port=0",
)  # fmt: skip

OUT_OF_REACH = """.filter(e => {
  e.scrollIntoView({block: "nearest"});
  const r = e.getBoundingClientRect(), at = document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2);
  return r.left < 0 || r.right > innerWidth || !at || !(e.contains(at) || at.contains(e));
}).map(e => e.innerText || e.value || e.outerHTML.slice(0, 120))"""


def find_chromium() -> str | None:
    """Path of a Chromium or Chrome."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


class Page:
    """One page."""

    def __init__(self, socket: Any) -> None:
        self._socket, self._number = socket, 0

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the DevTools protocol, and its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=60))
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def evaluate(self, expression: str) -> Any:
        """A JavaScript expression's value."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    def wait_for(self, expression: str, seconds: float = 60.0) -> Any:
        """Until an expression is true."""
        end = time.monotonic() + seconds
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < end, f"{expression} did not come true in {seconds} s"
            time.sleep(0.2)
        return value

    def click(self, text: str) -> None:
        """The button that is labelled so."""
        found = f"[...document.querySelectorAll('button')].find(b => b.innerText.includes({json.dumps(text)}))"
        self.wait_for(f"!!{found}")
        self.evaluate(f"{found}.click()")

    def resize(self, width: int, height: int) -> None:
        """The page's window [pixels]."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def tap(self, x: float, y: float) -> None:
        """Press and release the mouse at a place [pixels]."""
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def out_of_reach(self, selector: str) -> list[str]:
        """What of the visible elements cannot be scrolled to and tapped: beside the window, or below something else."""
        found = f"[...document.querySelectorAll({json.dumps(selector)})].filter(e => e.offsetParent)"
        return self.evaluate(found + OUT_OF_REACH)

    def press(self, key: str) -> None:
        """A letter's key."""
        code = f"Key{key.upper()}"
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code, windowsVirtualKeyCode=ord(key.upper()))

    def screenshot(self) -> np.ndarray:
        """``[height, width, 3]`` uint8."""
        from PIL import Image

        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@contextmanager
def open_page(url: str, folder: Path) -> Iterator[Page]:
    """A page of a browser of its own, whose profile is in ``folder``."""
    from websockets.sync.client import connect

    program = find_chromium()
    assert program is not None
    process = subprocess.Popen(
        [program, *FLAGS, f"--user-data-dir={folder}", url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with connect(_address(folder, process), max_size=None) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        process.wait(60)


def _address(folder: Path, process: subprocess.Popen[bytes]) -> str:
    """Of the page's debugging socket."""
    end, port_file = time.monotonic() + 60, folder / "DevToolsActivePort"
    while time.monotonic() < end and process.poll() is None:
        lines = port_file.read_text().split() if port_file.exists() else []
        if lines:
            with urlopen(f"http://127.0.0.1:{lines[0]}/json", timeout=10) as answer:
                pages = [page for page in json.load(answer) if page["type"] == "page"]
            if pages:
                return pages[0]["webSocketDebuggerUrl"]
        time.sleep(0.2)
    raise AssertionError("the browser did not start")
