"""Abilities are protocols that are asked for by isinstance, not attributes that are looked for with a fallback."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
TYPED = {"env", "actor", "alg", "algorithm", "engine", "policy", "mdp", "student", "teacher", "runner"}


def test_nothing_is_looked_for_on_env_actor_algorithm_or_engine_with_a_fallback() -> None:
    found = []
    for folder in ("parkour", "parkour_cli", "plugins"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and _falls_back(node) and _names(node.args[0]) & TYPED:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}")
    assert found == []


def test_such_a_look_would_be_noticed() -> None:
    for line in ("getattr(self.runner.env, 'mdp', None)", "getattr(actor, 'reset', None)", "hasattr(engine, 'x')"):
        call = ast.parse(line, mode="eval").body
        assert isinstance(call, ast.Call) and _falls_back(call) and _names(call.args[0]) & TYPED


def _falls_back(node: ast.Call) -> bool:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    return (name == "getattr" and len(node.args) == 3) or name == "hasattr"


def _names(node: ast.expr) -> set[str]:
    """The last name of what is looked at: ``env`` of ``self.env``."""
    if isinstance(node, ast.Attribute):
        return {node.attr.lstrip("_")}
    return {node.id} if isinstance(node, ast.Name) else set()
