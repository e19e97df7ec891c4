"""What commands write, figures, pages, films and exports alike, replaces a symbolic link and follows none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from parkour.evaluation.plots import write_figures
from parkour.evaluation.report import write_json
from parkour.exporters.exporter import _keep
from parkour.learning.metrics_file import MetricsFile
from parkour.learning.video import write_video
from parkour.storage import write_text
from parkour.viewing.video import SIZE, VideoWriter
from parkour_deploy.check.png import write_png

FRAME = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)


def film(path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg")
    writer = VideoWriter(path)
    writer.add(FRAME)
    writer.close()


def export(path: Path) -> None:
    made = path.parent / "made" / path.name
    made.parent.mkdir()
    made.write_text("graph")
    _keep(made, path.parent)


def metrics(path: Path) -> None:
    MetricsFile(path.parent, start=1).close()


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("eval.json", lambda path: write_json(path, {"success": 1.0})),
        ("success.png", lambda path: write_figures(path.parent, {"success": b"png"})),
        ("report.html", lambda path: write_text(path, "page", "--html")),
        ("film.mp4", film),
        ("clip.webp", lambda path: write_video(path, [FRAME])),
        ("policy.onnx", export),
        ("metrics.jsonl", metrics),
        ("picture.png", lambda path: write_png(path, FRAME[:, :, 0])),
    ],
)
def test_a_link_at_the_target_is_replaced(tmp_path: Path, name: str, write: Callable[[Path], None]) -> None:
    precious = tmp_path / "elsewhere" / "precious"
    precious.parent.mkdir()
    precious.write_text('{"iteration": 1}\n')
    folder = tmp_path / "out"
    folder.mkdir()
    names = {name, "clip.mp4"} if name.startswith("clip") else {name}  # As whether there is an encoder.
    for each in names:
        (folder / each).symlink_to(precious)
    write(folder / name)
    assert precious.read_text() == '{"iteration": 1}\n'
    written = [path for path in folder.iterdir() if path.is_file() and not path.is_symlink()]
    assert len(written) == 1 and written[0].name in names
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
