"""A training that compiles nothing does not import torch's compiler; who compiles has it whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RUN = """
import os, sys
from pathlib import Path
from tests.learning.runs import run

known = lambda: [name for name in sys.modules if name.startswith("torch._dynamo.")]
assert run(Path(sys.argv[1]), iterations=1, save_interval=1).checkpoint.is_file()
assert known() == []
"""
STEP = """
import torch
from parkour.late_compiler import compiler_waits

def step(optimizer):
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    optimizer.zero_grad()

compiler_waits()
weight = torch.nn.Parameter(torch.zeros(2))
step(torch.optim.Adam([weight], lr=0.5))
assert torch.allclose(weight, torch.full((2,), -0.5)) and torch.is_grad_enabled()
kept_off = torch.optim.Optimizer.add_param_group.__wrapped__
assert known() == [] and getattr(kept_off, "__dynamo_disable") is kept_off
"""
COMPILE = """
compiled = torch.compile(lambda value: value + 1, fullgraph=True, backend="eager")
assert compiled(torch.zeros(1)) == 1 and torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1
assert getattr(kept_off, "__dynamo_disable") is not kept_off
step(torch.optim.SGD([weight], lr=0.5))
assert torch.allclose(weight, torch.full((2,), -1.0))
"""
PART = """
module = torch._dynamo
import torch._dynamo.config as config
assert module is sys.modules["torch._dynamo"] and module.config is config is sys.modules["torch._dynamo.config"]
assert type(module) is type(sys)
import torch._dynamo.utils as utils
assert utils is module.utils and utils.__spec__.loader is utils.__loader__ and utils.__spec__.origin == utils.__file__
"""
DISABLE = """
off = torch._dynamo.disable(lambda value: value + 1)
assert off(1) == 2 and known() != []
"""
APART = """
for name, code in endings.items():
    if (child := os.fork()) == 0:
        exec(code)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, name
"""


def test_an_optimizer_does_without_and_who_asks_for_more_has_the_whole(tmp_path: Path) -> None:
    """In one process that others branch off: importing torch is what takes time here."""
    endings = {"compile": COMPILE, "part": PART, "disable": DISABLE}
    code = RUN + STEP + f"endings = {endings!r}" + APART
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
