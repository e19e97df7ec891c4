"""The pages say what is so: commands parse, links lead somewhere, the list of kinds is whole."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from parkour.errors import ParkourError
from parkour.mdp.statistics import EpisodeStatistics
from parkour.specs import KINDS
from parkour.tasks import load_task
from parkour_cli.app import app
from parkour_cli.changes import read_changes
from parkour_cli.plugin import COMMANDS
from tests.docs.pages import PAGES, ROOT, blocks, prose, shell_lines

_OPERATORS = {"&", "&&", "||", "|", ";", ">", ">>"}
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_LAUNCHED = ("-m", "parkour_cli")
TASKS = ("go2-teacher", "go2-teacher-crawl", "go2-student")


def _invocations(line: str) -> Iterator[list[str]]:
    """Arguments of every ``parkour`` that a shell line starts, whatever folder it is in; none in other text."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return
    command: list[str] = []
    for word in [*words, "&&"]:
        if word not in _OPERATORS:
            command.append(word)
            continue
        while command and re.fullmatch(r"[A-Z_]+=.*", command[0]):
            command = command[1:]
        if command and command[0].rpartition("/")[2] == "parkour" and len(command) > 1:
            yield command[1:]
        elif command and command[0] == "torchrun" and _LAUNCHED[1] in command:
            yield command[command.index(_LAUNCHED[1]) + 1 :]
        command = []


def _parse(args: list[str]) -> None:
    """Go down to the command and let click parse the rest; nothing runs."""
    command: Any = get_command(app)
    context = None
    while True:
        group = hasattr(command, "resolve_command")
        if group and not [word for word in args if not word.startswith("-")]:
            command.make_context("parkour", [*args, "--help"], parent=context, resilient_parsing=True)
            return
        # A bare name (`parkour export onnx`) is a mention, which need not have the options that running it takes.
        context = command.make_context("parkour", list(args), parent=context, resilient_parsing=not args)
        if not group:
            return
        _, command, args = command.resolve_command(context, [*getattr(context, "_protected_args", ()), *context.args])


# The changelog speaks of commands as they were, and in short.
MANUAL = [page for page in PAGES if page.name != "CHANGELOG.md"]
COMMANDS_SHOWN = [
    (page.relative_to(ROOT).as_posix(), args)
    for page in MANUAL
    for line in shell_lines(page)
    for args in _invocations(line)
]


@pytest.mark.parametrize(("page", "args"), COMMANDS_SHOWN, ids=[f"{page}: {' '.join(a)}" for page, a in COMMANDS_SHOWN])
def test_commands_shown_exist_with_their_options(page: str, args: list[str]) -> None:
    if args in (["COMMAND", "--help"], ["DISTRIBUTION:NAME"]):
        return  # They stand for others.
    # A letter is any number, or whatever is asked for.
    _parse(["1" if re.fullmatch(r"[A-Z]", word) else word for word in args])


MEASURED = {
    tuple(value for option, value in pairwise(args) if option == "--set")
    for page, args in COMMANDS_SHOWN
    if page.startswith("docs/results/")
}


@pytest.mark.parametrize("settings", sorted(filter(None, MEASURED)), ids=" ".join)
def test_settings_of_the_results_are_still_settings(settings: tuple[str, ...]) -> None:
    """Of one of the tasks: a figure is to be had again by the command that stands beside it."""
    refused = []
    for task in TASKS:
        try:
            load_task(task, overlay="train", changes=read_changes(settings))
            return
        except ParkourError as error:
            refused.append(error.message)
    raise AssertionError(refused)


@pytest.mark.parametrize(
    "args", [["trane"], ["train", "--no-such-option"], ["plugins", "lst"], ["train", "--gpus", "x"]]
)
def test_a_wrong_command_would_be_noticed(args: list[str]) -> None:
    with pytest.raises(Exception, match=r"(?i)option|command|integer"):
        _parse(args)


def test_commands_are_found_in_lines() -> None:
    line = "A=1 .venv/bin/parkour train x && pip install y && parkour doctor | tee z"
    assert list(_invocations(line)) == [["train", "x"], ["doctor"]]
    assert len(COMMANDS_SHOWN) > 30


def test_readme_lists_every_command() -> None:
    table = prose(ROOT / "README.md")
    assert [name for name in (*COMMANDS, "assets", "sim2sim") if f"| `parkour {name}" not in table] == []


def _slugs(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


LINKS = [(page, target) for page in PAGES for target in _LINK.findall(prose(page)) if "://" not in target]


@pytest.mark.parametrize(("page", "target"), LINKS, ids=[f"{page.name}: {target}" for page, target in LINKS])
def test_relative_links_resolve(page: Path, target: str) -> None:
    path, _, anchor = target.partition("#")
    found = (page.parent / path).resolve() if path else page
    assert found.exists(), f"{target} does not exist"
    assert found.is_relative_to(ROOT)
    if anchor:
        assert anchor in _slugs(found)


def test_every_kind_of_component_has_its_contract() -> None:
    text = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"\n| {kind} |" not in text] == []
    assert [kind for kind in KINDS if not re.search(rf"^\*\*.*\b{kind}\b.*\*\*", text, re.MULTILINE | re.I)] == []


def test_every_scalar_of_an_environment_is_explained() -> None:
    import torch

    statistics = EpisodeStatistics(1, ["<terrain>"], ["<term>"], ["<term>"], "cpu", episode_length=20.0)
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    scalars = statistics.drain(torch.zeros(1), torch.zeros(1, dtype=torch.long))
    assert [name for name in scalars if f"`{name}`" not in text] == []


def test_ci_runs_the_readme_command() -> None:
    """`.ci/run` takes the test command out of the README; there must be exactly one for it to find."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    pattern = re.search(r"grep -E '(\^python3 .*)' README\.md", script)
    assert pattern
    found = [line for line in shell_lines(ROOT / "README.md") if re.search(pattern[1], line)]
    assert len(found) == 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_on_pages_imports_only_what_is_promised(page: Path) -> None:
    """Or a reader who copies it stands on what may change at any time."""
    promised = {"parkour", "parkour.testing", "parkour.commands", "parkour.engines.kit"}
    code = "\n".join(block.text for block in blocks(page) if block.language in ("python", "py"))
    found = re.findall(r"^ *(?:from|import) (parkour(?:\.\w+)*)", code, re.MULTILINE)
    assert set(found) <= promised
    names = re.findall(r"`from (parkour[\w.]*) import", page.read_text(encoding="utf-8"))
    assert set(names) <= promised


def test_every_page_is_reached_from_the_readme() -> None:
    text = prose(ROOT / "README.md")
    assert [page.name for page in PAGES if page.parent.name == "docs" and f"(docs/{page.name})" not in text] == []


def test_readme_begins_with_the_pretrained_student_in_motion() -> None:
    """Its first command plays it, and the picture above is light enough for a page."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    first = next(block for block in blocks(ROOT / "README.md") if block.language == "sh")
    assert "parkour play go2-student --pretrained --viewer web" in first.text
    picture = re.search(r"\((docs/pictures/\S+\.gif)\)", text)
    assert picture and text.index(picture[0]) < text.index(first.text)
    assert (ROOT / picture[1]).stat().st_size < 3e6
