"""The flags of other training kits: they work, or a line says which of ours is meant.

What is here is what people type out of habit: the options of the reference's scripts, of Isaac Lab's, of legged_gym's
and of Extreme Parkour's. ``docs/migration.md`` lists them for reading; a test holds the two together. Underscores for
hyphens are no matter of this table: every option takes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from parkour.commands import notice
from parkour.errors import ParkourError

COMMANDS = ("train", "eval", "play", "demo", "export")
"""Those that other kits have too."""
OTHER_COMMANDS = {"evaluation": "eval", "evaluate": "eval", "test": "play", "list_envs": "tasks"}
"""What others call commands of ours."""
BESIDE_CHECKPOINT = "@run"
"""What ``--export`` without a folder stands for."""
_OVERRIDE = re.compile(r"(env|agent)\.[\w.]+=.*")
_OVERRIDES = {
    "env.scene.num_envs": "--num-envs",
    "env.seed": "--seed",
    "agent.seed": "--seed",
    "agent.max_iterations": "--iterations",
    "agent.save_interval": "--save-interval",
    "agent.run_name": "--run-name",
    "agent.experiment_name": "--experiment",
}
"""What Hydra changes there and an option changes here."""
_WATCHED = ("play", "demo")


@dataclass(frozen=True)
class Renamed:
    """An option of ours under another name."""

    ours: tuple[str, ...]
    """The option, with the value that it always has if the other one takes none."""
    takes_value: bool = True


@dataclass(frozen=True)
class Needless:
    """A flag for what needs no flag here."""

    why: str
    takes_value: bool = False


@dataclass(frozen=True)
class Answered:
    """An option that has no counterpart of its own."""

    why: str
    hint: str | None = None


Flag = Renamed | Needless | Answered
TASK = Renamed(())
"""The task is no option: its name stands alone."""
_PHYSX = Answered("PhysX's settings are the engine's own", "--engine isaaclab, --physics NAME")
_LATE = "the task says how late actions are"

FLAGS: dict[str, Flag | dict[tuple[str, ...], Flag]] = {
    # the reference's scripts, and Isaac Lab's
    "--task": TASK,
    "--max-iterations": Renamed(("--iterations",)),
    "--use-pretrained-checkpoint": Renamed(("--pretrained",), takes_value=False),
    "--load-run": Renamed(("--run",)),
    "--experiment-name": Renamed(("--experiment",)),
    "--headless": {
        _WATCHED: Renamed(("--viewer", "none"), takes_value=False),
        COMMANDS: Needless("nothing opens a window here unless it is asked to"),
    },
    "--enable-cameras": Needless("depth is cast against the course, and films need no flag"),
    "--disable-fabric": Needless("there is no Fabric to switch off"),
    "--real-time": Needless("play and demo keep to real time"),
    "--cpu": Renamed(("--device", "cpu"), takes_value=False),
    "--distributed": Answered("one process per GPU is started by us", "--gpus N, or torchrun -m parkour_cli train"),
    "--video-length": {
        _WATCHED: Renamed(("--steps",)),
        COMMANDS: Answered("films of a training have one length", "parkour play --video FILE --steps N"),
    },
    "--log-project-name": Answered("Weights & Biases' project is the task's name", "--logger wandb --run-name NAME"),
    "--livestream": Answered("a page in the browser shows what is simulated", "--viewer web"),
    "--experience": Answered("there are no Kit applications to choose from", "--engine isaaclab --physics kit"),
    "--rendering-mode": Answered("there is nothing to choose of how it is rendered", "--viewer web, or --video FILE"),
    "--kit-args": Answered("there is no Kit to pass arguments to", "--engine isaaclab --physics kit"),
    # legged_gym's
    "--rl-device": Renamed(("--device",)),
    "--sim-device": Renamed(("--device",)),
    "--graphics-device-id": Answered("depth is computed where the task runs", "--device cuda:N"),
    "--horovod": Answered("several GPUs are processes that we start", "--gpus N"),
    "--num-threads": _PHYSX,
    "--pipeline": _PHYSX,
    "--physx": _PHYSX,
    "--flex": _PHYSX,
    "--subscenes": _PHYSX,
    "--slices": _PHYSX,
    # Extreme Parkour's
    "--exptid": {
        ("train",): Renamed(("--run-name",)),
        COMMANDS: Renamed(("--run",)),
    },
    "--proj-name": Renamed(("--experiment",)),
    "--resumeid": Answered("a student's teacher is named as a run or as a file", "--run DIR, or --checkpoint FILE"),
    "--use-camera": {
        ("train",): Answered("the student is a task of its own", "parkour train --stage student --run DIR"),
        COMMANDS: Answered("the student is a task of its own", "name it: go2-student"),
    },
    "--no-wandb": Needless("TensorBoard is written unless --logger says otherwise"),
    "--web": Renamed(("--viewer", "web"), takes_value=False),
    "--draw": Needless("way points and depth images are shown"),
    "--debug": Answered("there is no debug mode: take few robots", "--num-envs 16 --logger none"),
    "--cols": Answered("the size of the field is the task's", "--set course.columns=20"),
    "--rows": Answered("the size of the field is the task's", "--set course.levels=10"),
    "--delay": {
        ("train",): Answered(_LATE, "--set control.action_delay=1"),
        COMMANDS: Needless("a checkpoint says how late its actions are"),
    },
    "--nodelay": Answered(_LATE, "--set control.action_delay=0"),
    "--use-jit": Answered(
        "exports have commands of their own", "parkour sim2sim DIR, or parkour deploy check DIR --interface NAME"
    ),
}
"""By name, with hyphens; where it depends on the command, the first of its tuples that names the command counts."""


def flag_of(name: str, command: str) -> Flag | None:
    """What a foreign option is to a command of ours; None for what is no foreign option."""
    found = FLAGS.get(name)
    if isinstance(found, dict):
        return next(flag for commands, flag in found.items() if command in commands)
    return found


def translate(args: Sequence[str]) -> list[str]:
    """A command line with the foreign options in it replaced by ours; what was replaced is told on stderr.

    Raises:
        ParkourError: an option has no counterpart; the hint says what to do instead.
    """
    command = next((arg for arg in args if not arg.startswith("-")), None)
    if command not in COMMANDS:
        return list(args)
    start = list(args).index(command) + 1
    return [*args[:start], *_translated(command, list(args[start:]))]


def _translated(command: str, args: list[str]) -> Iterator[str]:
    while args:
        arg = args.pop(0)
        name, equals, value = arg.partition("=")
        name = name.replace("_", "-")
        if not arg.startswith("--"):
            yield from _overridden(arg)
        elif (flag := flag_of(name, command)) is not None:
            yield from _replaced(arg.partition("=")[0], flag, value if equals else None, args)
        elif name in ("--video", "--export") and not equals and command != "train" and _alone(args):
            if name == "--video":
                raise ParkourError(f"--video: {command} needs a file to write", hint="--video out.mp4")
            yield from ("--export", BESIDE_CHECKPOINT)
        else:
            yield arg


def _alone(args: list[str]) -> bool:
    """Whether no value follows."""
    return not args or args[0].startswith("-")


def _replaced(typed: str, flag: Flag, value: str | None, args: list[str]) -> Iterator[str]:
    """What stands for a foreign option; takes its value off ``args`` where it has one."""
    if isinstance(flag, Answered):
        raise ParkourError(f"{typed}: {flag.why}", hint=flag.hint)
    values: list[str] = []
    if flag.takes_value:
        if value is None and not args:
            raise ParkourError(f"{typed}: expected a value after it")
        values = [args.pop(0) if value is None else value]
    if isinstance(flag, Needless):
        notice(f"{typed} is not needed: {flag.why}")
        return
    replacement = [*flag.ours, *values]
    notice(f"{' '.join((typed, *values))} is here: {' '.join(replacement)}")
    yield from replacement


def _overridden(arg: str) -> list[str]:
    """An argument; what stands for it if it is Hydra's way to change a configuration."""
    if not _OVERRIDE.fullmatch(arg):
        return [arg]
    name, _, value = arg.partition("=")
    if name in _OVERRIDES:
        notice(f"{arg} is here: {_OVERRIDES[name]} {value}")
        return [_OVERRIDES[name], value]
    path = name.partition(".")[2]
    raise ParkourError(
        f"{arg}: numbers of a task are changed with --set PATH=VALUE, and {path!r} is no path of ours",
        hint="parkour tasks show go2-teacher lists the paths",
    )
