"""Our name and icon in the browser's tab, and the keys that drive: what is put into the page that viser serves."""

from __future__ import annotations

import gzip
import html
import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from parkour.viewing.controls import Button

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

    from parkour.viewing.web.guard import Respond

ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="7" fill="#2f3e55"/>
<path d="M4 27h8v-5h8v-6h8v11" fill="#f0b867"/>
<path d="M6 14c4-7 10-9 17-6" fill="none" stroke="#e4e3dc" stroke-width="3" stroke-linecap="round"/>
<circle cx="24" cy="8.500" r="3" fill="#dd7f45"/></svg>"""
"""A leap over steps, in the courses' colours."""

NARROW = """<style>@media (max-width: 600px) {
  .mantine-Paper-root[style*="bottom: 0px"] {
    width: 100% !important; height: 50% !important; max-height: 50% !important;
  }
  .mantine-Paper-root[style*="bottom: 0px"] .mantine-ScrollArea-content > div { width: 100% !important; }
  #root div[style*="flex-grow: 1"][style*="background-color"] { height: 50% !important; align-self: flex-start; }
}</style>"""
"""On a telephone the scene has the upper half and the panels the lower one, from side to side."""
KEYS = """<script>(() => {
  const keys = %s;
  const pass = (event) => {
    const target = event.target, key = keys[event.code];
    const typing = target instanceof Element && target.closest("input, textarea, select, [role=slider]");
    if (!key || !event.isTrusted || typing || event.ctrlKey || event.altKey || event.metaKey) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    const named = { key: key.toLowerCase(), code: "Key" + key, bubbles: true, cancelable: true };
    document.body.dispatchEvent(new KeyboardEvent(event.type, named));
  };
  addEventListener("keydown", pass, true);
  addEventListener("keyup", pass, true);
})();</script>"""
"""In place of moving the camera, these keys are those of the buttons."""


class Identity:
    """Dresses the page.

    Args:
        title: of the tab.
        buttons: whose driving keys are passed on as the keys that viser knows; none where nobody drives.
    """

    def __init__(self, title: str, buttons: Sequence[Button] = ()) -> None:
        self.title = title
        self._keys = {code: button.browser_key for button in buttons for code in button.driving_keys}

    def wrap(self, respond: Respond | None) -> Respond | None:
        """``respond``, with its pages dressed."""
        if respond is None:
            return None

        def dressed(connection: ServerConnection, request: Request) -> Response | None:
            response = respond(connection, request)
            if response is not None and response.headers.get("Content-Type", "").startswith("text/html"):
                self._dress(response)
            return response

        return dressed

    def _dress(self, response: Response) -> None:
        packed = response.headers.get("Content-Encoding") == "gzip"
        response.body = _dressed(bytes(response.body or b""), packed, self.title, json.dumps(self._keys))
        del response.headers["Content-Length"]
        response.headers["Content-Length"] = str(len(response.body))


@lru_cache(maxsize=4)
def _dressed(body: bytes, packed: bool, title: str, keys: str) -> bytes:
    page = (gzip.decompress(body) if packed else body).decode()
    icon = f'<link rel="icon" href="data:image/svg+xml,{quote(ICON)}" />'
    page = re.sub(r'<link\s+rel="icon".*?/>', lambda found: icon, page, count=1, flags=re.DOTALL)
    script = KEYS % keys if keys != "{}" else ""
    page = re.sub(
        r"<title>.*?</title>", lambda found: f"<title>{html.escape(title)}</title>{NARROW}{script}", page, count=1,
        flags=re.DOTALL,
    )  # fmt: skip
    return gzip.compress(page.encode(), 6) if packed else page.encode()
