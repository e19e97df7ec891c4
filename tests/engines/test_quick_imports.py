"""What is left out of imports is not there, and what waits for one happens then."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("module", ["parkour.policies.deployed", "parkour.engines.task_env", "parkour.viewing.watch"])
def test_neither_wandb_nor_the_compiler_is_imported(module: str) -> None:
    code = f"import sys, {module}; print([name for name in ('wandb', 'torch._dynamo', 'mjlab') if name in sys.modules])"
    assert run(code) == "[]"


def test_tensordict_s_functions_are_marked_when_the_compiler_comes() -> None:
    code = (
        "import parkour.engines.task_env, torch, tensordict.base as base;"
        "assert torch.compiler.allow_in_graph.__module__ == 'torch.compiler';"
        "import torch._dynamo.trace_rules as rules; allowed = rules._allowed_callable_ids;"
        "print(id(base._foreach_copy_compiled) in allowed())"
    )
    assert run(code) == "True"


def test_what_is_left_out_can_be_imported_later() -> None:
    pytest.importorskip("wandb")
    assert run("import parkour.engines.task_env, wandb; print(wandb.__name__)") == "wandb"


def test_what_comes_with_torch_is_never_searched_for_garbage_and_what_comes_later_is() -> None:
    code = (
        "import gc; from parkour.quick_imports import uncollected\n"
        "with uncollected():\n"
        "    assert not gc.isenabled()\n"
        "    import torch\n"
        "frozen = gc.get_freeze_count()\n"
        "assert gc.isenabled() and frozen > 100_000\n"
        "with uncollected(): later = [[number] for number in range(1000)]\n"
        "print(gc.isenabled() and gc.get_freeze_count() <= frozen)"
    )
    assert run(code) == "True"
