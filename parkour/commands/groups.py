"""Groups of options: a dataclass among a command's parameters stands for one option for each of its fields.

So every option is declared once, however many commands take it::

    @dataclass(frozen=True)
    class Camera:
        width: Annotated[int, typer.Option(help="Columns.")] = 87

    @app.command()
    @grouped
    def shoot(camera: Camera, out: Annotated[Path, typer.Option(help="File.")]) -> None: ...
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from typer.models import ParameterInfo


@dataclass(frozen=True)
class OptionsOf:
    """Beside a dataclass that knows no command line: ``Annotated[Settings, OptionsOf({"seed": typer.Option(…)})]``.

    Names, types and defaults are the dataclass's; fields that are not listed keep their defaults.
    """

    options: Mapping[str, Any]
    """Arguments and options by field, in the order of the help."""


def grouped(function: Callable[..., Any]) -> Callable[..., Any]:
    """A command whose dataclasses Typer sees as their fields; the function gets the dataclasses.

    Raises:
        ValueError: two parameters have one name.
    """
    groups: dict[str, tuple[type, list[str]]] = {}
    parameters: list[Parameter] = []
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        group = _group(parameter.annotation)
        if group is None:
            parameters.append(parameter.replace(kind=Parameter.KEYWORD_ONLY))
            continue
        members = list(_members(*group))
        groups[parameter.name] = group[0], [member.name for member in members]
        parameters += members
    # Signature says so when a name occurs twice.
    signature = Signature(parameters)

    @wraps(function)
    def command(**values: Any) -> Any:
        for name, (kind, members) in groups.items():
            values[name] = kind(**{member: values.pop(member) for member in members})
        return function(**values)

    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _group(annotation: Any) -> tuple[type, Mapping[str, Any] | None] | None:
    """The dataclass of a parameter, and its options where the annotation lists them."""
    if get_origin(annotation) is Annotated:
        kind, *extras = get_args(annotation)
        listed = [extra.options for extra in extras if isinstance(extra, OptionsOf)]
        return (kind, listed[0]) if listed else None
    return (annotation, None) if is_dataclass(annotation) and isinstance(annotation, type) else None


def _members(kind: type, options: Mapping[str, Any] | None) -> Iterator[Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    own: dict[str, Field[Any]] = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    listed = {name: Annotated[_plain(hints[name]), option] for name, option in (options or {}).items()}
    for name, hint in (hints if options is None else listed).items():
        if not any(isinstance(extra, ParameterInfo) for extra in get_args(hint)):
            raise ValueError(f"{kind.__name__}.{name} is no option: expected Annotated[…, typer.Option(…)]")
        yield Parameter(name, Parameter.KEYWORD_ONLY, default=_default(own[name]), annotation=hint)


def _plain(hint: Any) -> Any:
    """Choices are checked, and named in the error, by what the command calls."""
    return str if get_origin(hint) is Literal else hint


def _default(field: Field[Any]) -> Any:
    if field.default is not MISSING:
        return field.default
    return Parameter.empty if field.default_factory is MISSING else field.default_factory()
