"""A session as a page in the browser. An engine gives the robot's shapes and where they are (:mod:`.shapes`).

Needs viser, which comes with the engines' extras; nothing else in the core imports it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from parkour.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from parkour.viewing.editing import TerrainEditor
    from parkour.viewing.session import Session
    from parkour.viewing.viewer import Viewer, ViewerOptions
    from parkour.viewing.web.editor import EditorPage
    from parkour.viewing.web.shapes import RobotShapes


@contextmanager
def viser_for(what: str) -> Iterator[None]:
    """Imports of what draws pages.

    Args:
        what: asked for a page; begins the error.

    Raises:
        EngineError: it is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise EngineError(f"{what}: {error}", hint="pip install viser") from None


def open_page(robot: RobotShapes, session: Session, options: ViewerOptions) -> Viewer:
    """Serve the page.

    Raises:
        EngineError: what draws it is not installed, or the port is in use.
    """
    with viser_for("--viewer web"):
        from parkour.viewing.web.page import WebViewer
    return WebViewer(robot, session, options)


def open_editor(editor: TerrainEditor, save: Callable[[], str], port: int | None) -> EditorPage:
    """Serve the page of a terrain's numbers; see :class:`parkour.viewing.web.editor.EditorPage`.

    Raises:
        EngineError: what draws it is not installed, or the port is in use.
    """
    with viser_for("the page cannot be served"):
        from parkour.viewing.web.editor import EditorPage
    return EditorPage(editor, save, port)
