"""What tasks and components may be called."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
"""Of a task's name: one part of a path, whatever file it comes from."""
Name = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]
KEY_PATTERN = r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}"
"""Of what a task calls a component, and logs, plots and tables after it."""
Key = Annotated[str, Field(pattern=f"^{KEY_PATTERN}$")]

FORWARD = "speed"
"""What a task calls its commanded forward speed among its commands."""
