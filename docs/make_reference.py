"""Writes ``docs/plugin_reference.md`` and ``docs/parameters.md`` from docstrings: ``python docs/make_reference.py``.

``tests/docs/test_reference.py`` fails while the pages are not what this writes.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

from parkour import hookspecs
from parkour.hookspecs import API_VERSION, HOOKS
from parkour.registry import RegisteredSpec, Registry
from parkour.registry.describe import ParameterInfo, describe_algorithm, describe_fields, describe_parameters
from parkour.specs import KINDS, SPEC_TYPES, Kind, ObservationField, Spec, TaskAlias
from parkour.tasks.model import TaskModel
from parkour.tasks.sections import Section
from parkour.testing.catalogue import checks_of
from parkour.testing.subject import title_of

PAGE = Path(__file__).with_name("plugin_reference.md")
PARAMETERS = Path(__file__).with_name("parameters.md")
PARAMETRIC: tuple[Kind, ...] = (
    "terrain", "reward", "observation", "modifier", "termination", "event", "encoder", "policy", "curriculum",
    "command_term",
)  # fmt: skip
"""Kinds whose components have numbers in a task."""
CONTRACTS: dict[str, str] = {
    "terrain": "parkour.terrain.sub_terrain:SubTerrain",
    "reward": "parkour.mdp.terms:StatefulTerm",
    "observation": "parkour.mdp.terms:ObservationTerm",
    "modifier": "parkour.mdp.modifiers:Modifier",
    "event": "parkour.mdp.events:SimHandle",
    "policy": "parkour.policies.definition:PolicyDefinition",
    "engine": "parkour.engines.protocol:Engine",
    "robot_link": "parkour_deploy.links.link:RobotLink",
    "depth_source": "parkour_deploy.depth.source:DepthSource",
    "export_target": "parkour.exporters.targets:ExportTarget",
    "metric": "parkour.evaluation.episodes:EpisodeTable",
    "protocol": "parkour.evaluation.protocol:EvaluationProtocol",
    "logger": "parkour.learning.loggers:LoggerContext",
    "callback": "parkour.learning.callbacks:TrainingCallback",
    "command_term": "parkour.mdp.command:CommandTerm",
    "curriculum": "parkour.terrain.curriculum:EndedEpisodes",
}
"""Class that a kind's target returns, fulfils or is given."""
SEEN = ("StepContext", "RobotState", "Contacts", "PreviousStep", "GoalState", "Course", "Privileged")
"""What terms read, in parkour.mdp.context."""
_ROLE = re.compile(r":\w+:`~?([\w.]+)`")


def page() -> str:
    """The text of the page."""
    parts = [_head(), *(_kind(kind) for kind in KINDS), _context(), _helpers()]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _head() -> str:
    links = ", ".join(f"[{kind}](#{kind})" for kind in KINDS)
    return f"""# Reference of hooks and specs

Written by `docs/make_reference.py` from the docstrings; plugin API {API_VERSION}. The rules: [plugins](plugins.md).

Kinds: {links}. What terms read: [the state](#the-state). For tests: [parkour.testing](#parkourtesting).

Every spec has these fields:

{_fields(Spec)}"""


def _kind(kind: Any) -> str:
    spec = SPEC_TYPES[kind]
    lines = [f"## {kind}", f"Hook `{HOOKS[kind]}() -> Iterable[{spec.__name__}]`."]
    lines.append(_text(getattr(hookspecs, HOOKS[kind])))
    own = [field.name for field in dataclasses.fields(spec) if field.name not in _names(Spec)]
    lines.append(f"`{spec.__name__}`: {_text(spec)}")
    if own:
        lines.append(_fields(spec, own))
    for extra in (ObservationField,) if kind == "observation" else (TaskAlias,) if kind == "task" else ():
        lines.append(f"`{extra.__name__}`: {_text(extra)}")
        lines.append(_fields(extra))
    if kind in CONTRACTS:
        lines.append(_class(CONTRACTS[kind]))
    lines.append("What `parkour plugins check` asks of it:")
    lines.append("\n".join(f"- {title_of(check)}." for check in checks_of(kind)))
    return "\n\n".join(lines)


def _class(address: str) -> str:
    """A class: its text, its attributes and its methods."""
    module, _, name = address.partition(":")
    cls = getattr(import_module(module), name)
    lines = [f"### {name}", f"`{module}.{name}`. {_text(cls)}"]
    if attributes := _fields(cls):
        lines.append(attributes)
    methods = [_method(value) for value in _methods(cls)]
    return "\n\n".join([*lines, "\n".join(methods)] if methods else lines)


def _methods(cls: type) -> list[Any]:
    found = []
    for name, value in vars(cls).items():
        if name.startswith("_") and name != "__call__":
            continue
        function = getattr(value, "__func__", value)
        if inspect.isfunction(function) and function.__doc__:
            found.append(function)
    return found


def _method(function: Any) -> str:
    """An item of a list, with the parts of its docstring as items below it."""
    lines = [f"- `{_signature(function)}`"]
    for part in re.split(r"\n\s*\n", inspect.getdoc(function) or ""):
        head, _, rest = part.partition("\n")
        if head not in ("Args:", "Returns:", "Raises:"):
            lines.append(f"  - {_clean(part)}")
            continue
        items = re.split(r"\n    (?! )", f"\n{rest}")[1:]
        what = {"Args:": "", "Returns:": "returns ", "Raises:": "raises "}[head]
        named = [re.sub(r"^(\w+):", r"`\1`:", _clean(item)) for item in items]
        lines += [f"  - {what}{item}" for item in named]
    return "\n".join(lines)


def _signature(function: Any) -> str:
    text = str(inspect.signature(function))
    text = re.sub(r"\(self(, )?|\(cls(, )?", "(", text).replace("'", "")
    return f"{function.__name__}{text}"


def _context() -> str:
    module = "parkour.mdp.context"
    intro = _text(import_module(module))
    return "\n\n".join(["## The state", intro, *(_class(f"{module}:{name}") for name in SEEN)])


def _helpers() -> str:
    testing = import_module("parkour.testing")
    rows = [f"| `{name}` | {_one_line(getattr(testing, name))} |" for name in testing.__all__ if name not in ("GO2",)]
    return "\n\n".join(["## parkour.testing", _text(testing), "\n".join(["| name | what it is |", "|---|---|", *rows])])


def _names(cls: type) -> list[str]:
    return [field.name for field in dataclasses.fields(cls)]


def _fields(cls: type, only: list[str] | None = None) -> str:
    """A table of the attributes of a class that have a type, with the line of text below each."""
    rows = [
        f"| `{name}` | `{kind}` | {default} | {text} |"
        for name, kind, default, text in _attributes(cls)
        if only is None or name in only
    ]
    return "\n".join(["| field | type | default | meaning |", "|---|---|---|---|", *rows]) if rows else ""


def _attributes(cls: type) -> list[tuple[str, str, str, str]]:
    """Name, type, default and text of the annotated attributes in a class's source."""
    node = ast.parse(inspect.getsource(cls).strip()).body[0]
    assert isinstance(node, ast.ClassDef)
    found = []
    for statement, after in zip(node.body, [*node.body[1:], None], strict=True):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        kind = ast.unparse(statement.annotation)
        if kind.startswith("ClassVar"):
            continue
        text = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
            text = _clean(after.value.value)
        default = f"`{ast.unparse(statement.value)}`" if statement.value is not None else ""
        found.append((statement.target.id, kind.replace("|", "\\|"), default.replace("|", "\\|"), text))
    return found


def _text(documented: Any) -> str:
    """A docstring as Markdown."""
    return "\n\n".join(_clean(part) for part in re.split(r"\n\s*\n", inspect.getdoc(documented) or "") if part.strip())


def _one_line(documented: Any) -> str:
    return _clean((inspect.getdoc(documented) or "").split("\n\n")[0])


def _clean(text: str) -> str:
    """One paragraph in one line, without the roles and double backquotes of docstrings."""
    text = re.sub(r"\s+", " ", _ROLE.sub(lambda match: f"`{match[1]}`", text)).strip()
    return text.replace("``", "`").replace("|", "\\|")


def parameters_page() -> str:
    """The text of the page of parameters: those of every built-in component, and those of tasks themselves."""
    registry = Registry.discover(only=[])
    links = ", ".join(f"[{kind}](#{kind})" for kind in PARAMETRIC)
    parts = [
        f"""# Parameters

Every number of a task, with its default, unit and bounds. Written by `docs/make_reference.py` from the docstrings.

In a task they are under `[terrains.gap.params]`, `[policy.params]`, `[algorithm.params]`; on a command line
`--set terrains.gap.params.obstacles=4` changes one. `parkour plugins show NAME` prints those of one component, also of
other distributions, and `task.toml` in a run folder has the value of each.

Of the task itself: [sections](#sections-of-a-task). Of components: {links}.""",
        _sections(),
    ]
    for kind in PARAMETRIC:
        parts.append(f"## {kind}")
        parts += [text for item in registry.specs(kind) if item.builtin and (text := _component(item))]
    return "\n\n".join(parts) + "\n"


def _sections() -> str:
    """The tables of numbers that every task has."""
    parts = ["## Sections of a task"]
    for name, field in TaskModel.model_fields.items():
        section = isinstance(field.annotation, type) and issubclass(field.annotation, Section)
        if section and name not in ("policy", "curriculum"):
            parts += [f"### {name}", _parameters(describe_fields(field.annotation.model_fields))]
    return "\n\n".join(parts)


def _component(item: RegisteredSpec) -> str:
    tables = [(f"### {item.spec.name}", describe_parameters(item)), ("Algorithm:", describe_algorithm(item))]
    return "\n\n".join(f"{head}\n\n{_parameters(found)}" for head, found in tables if found)


def _parameters(found: list[ParameterInfo]) -> str:
    head = ["| parameter | type | default | unit | bounds | meaning |", "|---|---|---|---|---|---|"]
    rows = [
        f"| `{each.name}` | `{_cell(each.type)}` | {'required' if each.required else f'`{_cell(each.default)}`'} "
        f"| {each.unit} | {each.bounds} | {_clean(each.doc)} |"
        for each in found
    ]
    return "\n".join([*head, *rows])


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|")


if __name__ == "__main__":
    for path, text in ((PAGE, page()), (PARAMETERS, parameters_page())):
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path}")
