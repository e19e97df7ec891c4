"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One line of the check list."""

    name: str
    ok: bool
    text: str

    def line(self) -> str:
        """For the operator."""
        return f"{'ok  ' if self.ok else 'FAIL'}  {self.name}: {self.text}"
