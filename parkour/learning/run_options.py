"""What a run was made with besides its task, as the run folder's ``options.toml`` keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import tomli_w

from parkour.arguments import LARGEST_SEED
from parkour.errors import StorageError
from parkour.policies.checkpoint_folder import LARGEST_NUMBER, OPTIONS_FILE
from parkour.reading import read_toml
from parkour.registry.spec_check import NAME_PATTERN
from parkour.storage import write_text


@dataclass(frozen=True)
class RunOptions:
    """What the last start of a run chose, and what it keeps from its first."""

    engine: str
    """Canonical id."""
    device: str
    num_envs: int
    """Of each process."""
    seed: int
    engine_options: Mapping[str, str] = field(default_factory=dict)
    """Options of the engine's own that were given."""
    iterations: int = 0
    """Of the whole run; 0 in folders of before, whose task says it."""
    number: int = 0
    """Runs are newer the greater it is: one more than that of any run beside it when it began. Clocks go wrong."""
    began: str = ""
    """When, in UTC, as ISO 8601."""
    save_interval: int = 0
    """Iterations between checkpoints; 0 in folders of before, whose task says it."""
    keep: int = 0
    """Whole checkpoints that stay, see :mod:`parkour.learning.retention`; 0: all, as in folders of before."""
    commit: str = ""
    """Of the repository that the run was started in, if in one."""
    callbacks: Sequence[str] = ()
    """Ids, to tell whoever resumes the run what it had: code is run for who asks for it, never for a folder."""
    logger: str = ""
    """Id, or ``none``, to tell; empty in folders of before."""
    video_interval: int = 0
    """Iterations between films, to tell; 0: none."""

    def going_on_from(self, before: RunOptions | None) -> RunOptions:
        """With the engine's options of the run that goes on, if engine and kind of device are the same."""
        if before is None or (before.engine, _kind(before.device)) != (self.engine, _kind(self.device)):
            return self
        return replace(self, engine_options=before.engine_options)


def _kind(device: str) -> str:
    return device.partition(":")[0]


def now() -> str:
    """For :attr:`RunOptions.began`."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_run_options(folder: Path, run_options: RunOptions) -> None:
    """Write ``options.toml``.

    Raises:
        StorageError: it cannot be written.
    """
    write_text(folder / OPTIONS_FILE, tomli_w.dumps(asdict(run_options)), "--log-root")


def read_run_options(folder: Path) -> RunOptions | None:
    """What ``options.toml`` says; None in folders without one.

    Raises:
        StorageError: it is damaged.
    """
    path = folder / OPTIONS_FILE
    try:
        data = read_toml(path)
        return RunOptions(
            engine=str(data["engine"]),
            device=str(data["device"]),
            num_envs=_number(data["num_envs"], "num_envs"),
            seed=_number(data["seed"], "seed"),
            engine_options={str(name): str(value) for name, value in dict(data.get("engine_options", {})).items()},
            iterations=_number(data.get("iterations", 0), "iterations"),
            number=_number(data.get("number", 0), "number"),
            began=str(data.get("began", "")),
            save_interval=_number(data.get("save_interval", 0), "save_interval"),
            keep=_number(data.get("keep", 0), "keep"),
            commit=str(data.get("commit", "")),
            callbacks=_names(data.get("callbacks", ())),
            logger="".join(_names([data.get("logger", "")])),
            video_interval=_number(data.get("video_interval", 0), "video_interval"),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        what = f"it has no {error.args[0]}" if isinstance(error, KeyError) else error
        raise StorageError(f"cannot read {path}: {what}", hint="remove it; the run resumes without it") from None


def _names(values: Iterable[object]) -> tuple[str, ...]:
    """Those that may be names or ids of components; a folder has no other words for the terminal."""
    return tuple(str(value) for value in values if all(map(NAME_PATTERN.fullmatch, str(value).split(":"))))


def _number(value: object, key: str) -> int:
    """A whole number that a run can have.

    Raises:
        ValueError: it is none.
    """
    most = LARGEST_SEED if key == "seed" else LARGEST_NUMBER
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{key}: got {str(value)[:40]!r}, expected a whole number from 0 to {most}")
    return value
