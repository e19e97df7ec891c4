"""Plugin projects to start from: templates of whole projects, one for each kind of component.

Templates are files beside this module, filled in with :class:`string.Template`; nothing in them is run.
"""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from string import Template

from parkour.errors import ParkourError, StorageError, UnknownNameError
from parkour.hookspecs import API_VERSION
from parkour.registry import BUILTIN, canonical_distribution
from parkour.storage import cannot_write, write_text

KINDS: dict[str, str] = {
    "terrain": "A sub-terrain",
    "reward": "A reward term",
    "observation": "An observation group",
    "modifier": "Noise of an observation group",
    "termination": "A termination",
    "event": "A disturbance",
    "encoder": "An encoder of the height scan",
    "policy": "A policy",
    "engine": "An engine",
    "task": "A task",
    "robot": "A robot",
    "command": "A command",
    "degradation": "A degradation of the gauntlet",
    "robot_link": "A robot for parkour deploy",
    "depth_source": "A depth camera for parkour deploy",
    "export_target": "A format of exports",
    "metric": "A metric of parkour eval",
    "protocol": "A protocol of parkour eval",
    "logger": "A logger of parkour train",
    "callback": "A callback of parkour train",
    "curriculum": "A curriculum",
    "command_term": "A command for robots",
}
"""Kinds that there are templates for, and what their projects say they are."""
_COMMON = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "ci.yml": ".github/workflows/ci.yml",
    "init.py": "$package/__init__.py",
    "test_contract.py": "tests/test_contract.py",
}
"""Templates of every project, and where they go."""
_MAIN = {"task": "task.toml", "robot": "robot/robot.toml"}
"""File that holds the component, for kinds that are data."""
_DISTRIBUTION = re.compile(r"[a-z0-9]([a-z0-9]|[-_.](?=[a-z0-9]))*", re.IGNORECASE)
LONGEST = 40
"""Letters in a name."""


def project_files(name: str, kind: str, component: str | None = None) -> dict[str, str]:
    """Contents of a new project's files by path.

    Args:
        name: of the distribution, which is also the folder's.
        kind: one of :data:`KINDS`.
        component: name of the component; made from ``name`` when None.

    Raises:
        ParkourError: a name that Python, packaging or parkour does not allow, or a kind without a template.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind", kind, KINDS)
    values = _names(name, kind, component)
    folder = files("parkour_cli.scaffold").joinpath("templates")
    own = dict(_templates(folder.joinpath(kind)))
    values["usage"] = _fill(own.pop("usage.md").read_text(encoding="utf-8"), values).strip()
    values["module"] = _MAIN.get(kind, f"{kind}.py")
    result = {}
    for source, target in _COMMON.items():
        text = folder.joinpath("common", f"{source}.tmpl").read_text(encoding="utf-8")
        result[_fill(target, values)] = _fill(text, values)
    for source, item in own.items():
        target = f"tests/test_{kind}.py" if source == "test_own.py" else f"{values['package']}/{source}"
        result[target] = _fill(item.read_text(encoding="utf-8"), values)
    return dict(sorted(result.items()))


def project_of_several(name: str, kinds: Sequence[str], component: str | None = None) -> dict[str, str]:
    """Contents of a new project with a component of each kind: each has its own hooks' module and entry point.

    Raises:
        ParkourError: see :func:`project_files`; or two kinds that cannot be in one project.
    """
    kinds = list(dict.fromkeys(kinds))
    if len(kinds) == 1:
        return project_files(name, kinds[0], component)
    package = canonical_distribution(name).replace("-", "_")
    result: dict[str, str] = {}
    usages, modules, written = [], [], {}
    for kind in kinds:
        own = project_files(name, kind, component)
        component = component or _component(package, kind)
        own[f"{package}/{kind}_plugin.py"] = own.pop(f"{package}/plugin.py")
        usages.append(own.pop("README.md").partition("```\n\n")[2].partition("## Where")[0].strip())
        modules.append(f"`{package}/{_MAIN.get(kind, f'{kind}.py')}`")
        shared = {_fill(target, {"package": package}) for target in _COMMON.values()}
        for path in own.keys() - shared:
            if path in written:
                raise ParkourError(
                    f"--kind: {written[path]} and {kind} both write {path}, expected kinds that go together",
                    hint="make a project of each",
                )
            written[path] = kind
        result |= {path: text for path, text in own.items() if path not in result}
    values = _names(name, kinds[0], component)
    values["kind"] = " and ".join(kinds)
    first, *others = (KINDS[kind] for kind in kinds)
    values["description"] = f"{', '.join([first, *map(_inside, others)])}: {values['component']}"
    values |= {"usage": "\n\n".join(usages), "module": _MAIN.get(kinds[0], f"{kinds[0]}.py")}
    for source, target in _COMMON.items():
        text = files("parkour_cli.scaffold").joinpath("templates", "common", f"{source}.tmpl").read_text("utf-8")
        result[_fill(target, values)] = _fill(text, values)
    points = "".join(f'{package}_{kind} = "{package}.{kind}_plugin"\n' for kind in kinds)
    one = f'{package} = "{package}.plugin"\n'
    result["pyproject.toml"] = result["pyproject.toml"].replace(one, points)
    readme = result["README.md"].replace(
        f"`{package}/plugin.py`", ", ".join(f"`{package}/{kind}_plugin.py`" for kind in kinds)
    )
    result["README.md"] = readme.replace(f"| {modules[0]} |", f"| {', '.join(modules)} |")
    return dict(sorted(result.items()))


def _inside(text: str) -> str:
    """Within a sentence."""
    return text[:1].lower() + text[1:]


def write_project(contents: Mapping[str, str], folder: Path, *, force: bool) -> None:
    """Writes a project.

    Raises:
        StorageError: the folder is there and not empty (without ``force``), or cannot be written.
    """
    try:
        if folder.exists() and not force and (not folder.is_dir() or any(folder.iterdir())):
            raise StorageError(
                f"{folder} is there already", hint="--force writes into it, over files of the same names"
            )
    except OSError as error:
        raise cannot_write(folder, "--out", error) from error
    for name, text in contents.items():
        write_text(folder / name, text, "--out")


def _templates(folder: Traversable, under: str = "") -> Iterator[tuple[str, Traversable]]:
    """Paths and templates of a folder, and of those in it."""
    for item in folder.iterdir():
        path = f"{under}{item.name.removesuffix('.tmpl')}"
        if item.is_dir():
            yield from _templates(item, f"{path}/")
        else:
            yield path, item


def _fill(text: str, values: Mapping[str, str]) -> str:
    return Template(text).substitute(values)


def _names(name: str, kind: str, component: str | None) -> dict[str, str]:
    """What templates ask for."""
    if len(name) > LONGEST or not _DISTRIBUTION.fullmatch(name):
        raise ParkourError(
            f"got name {name!r}, expected letters, digits and single '-', '_' or '.' between them, {LONGEST} at most",
            hint=f"parkour plugins new parkour-{kind}-NAME --kind {kind}",
        )
    distribution = canonical_distribution(name)
    package = distribution.replace("-", "_")
    _check_package(distribution, package)
    component = component or _component(package, kind)
    if len(component) > LONGEST or not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", component):
        raise ParkourError(
            f"--component: got {component!r}, expected lower-case letters, digits, '-' and '_', {LONGEST} at most"
        )
    return {
        "distribution": distribution,
        "package": package,
        "component": component,
        "entry_point": package,
        "kind": kind,
        "description": f"{KINDS[kind]}, {component}",
        "api": API_VERSION,
    }


def _component(package: str, kind: str) -> str:
    """``parkour_terrain_log`` registers ``log``."""
    short = package.removeprefix("parkour_").removeprefix(f"{kind}_").removeprefix(f"{kind}s_")
    return short or package


def _check_package(distribution: str, package: str) -> None:
    if distribution == BUILTIN:
        raise ParkourError(f"got name {distribution!r}, which is parkour's own", hint="choose another name")
    if not package.isidentifier() or keyword.iskeyword(package):
        raise ParkourError(f"got name {distribution!r}, whose package {package!r} would be no name in Python")
    if package in sys.stdlib_module_names or _is_module(package):
        raise ParkourError(
            f"got name {distribution!r}, but a module {package!r} is installed already",
            hint=f"choose another name, such as parkour-{distribution}",
        )


def _is_module(package: str) -> bool:
    """Whether Python finds a module of this name, a folder in the current directory not counted."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None
