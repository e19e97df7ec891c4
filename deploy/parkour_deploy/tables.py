"""Values out of a TOML file's tables, each with the line that says what is wrong with it."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence

import numpy as np

from parkour_deploy.errors import ContractError


class Table:
    """A table and where it is, for errors.

    Args:
        values: of the table.
        path: its name in the file, as in ``robot.limits``.
    """

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        self.values, self.path = values, path

    def table(self, key: str) -> Table:
        """A table in this one."""
        return Table(self._typed(key, dict, "a table"), self._name(key))

    def optional(self, key: str) -> Table | None:
        """A table in this one, or None where there is none."""
        return self.table(key) if key in self.values else None

    def tables(self, key: str) -> list[Table]:
        """An array of tables."""
        rows: Sequence[Any] = self._typed(key, list, "an array of tables")
        if not all(isinstance(row, dict) for row in rows):
            raise ContractError(f"{self._name(key)}: expected an array of tables")
        return [Table(row, f"{self._name(key)}[{index}]") for index, row in enumerate(rows)]

    def text(self, key: str) -> str:
        """A string."""
        return self._typed(key, str, "a string")

    def flag(self, key: str) -> bool:
        """True or false."""
        return self._typed(key, bool, "true or false")

    def whole(self, key: str, *, least: int = 0, most: int = 10**8) -> int:
        """A whole number from ``least`` to ``most``."""
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ContractError(
                f"{self._name(key)}: got {_short(value)}, expected a whole number from {least} to {most}"
            )
        return value

    def number(self, key: str, least: float, most: float) -> float:
        """A number from ``least`` to ``most``: a robot's motors will be driven with it."""
        return float(self._array(key, [self._get(key)], least, most)[0])

    def numbers(self, key: str, count: int | None, least: float, most: float) -> np.ndarray:
        """``[count]`` numbers from ``least`` to ``most``, float64; any number of them when None."""
        values = self._typed(key, list, "an array of numbers")
        if count is not None and len(values) != count:
            raise ContractError(f"{self._name(key)}: got {len(values)} numbers, expected {count}")
        return self._array(key, values, least, most)

    def pair(self, key: str, least: float, most: float) -> tuple[float, float]:
        """Two numbers from ``least`` to ``most``, the lower one first."""
        low, high = self.numbers(key, 2, least, most)
        if low > high:
            raise ContractError(f"{self._name(key)}: got {low:g} and {high:g}, expected the lower end first")
        return float(low), float(high)

    def names(self, key: str) -> tuple[str, ...]:
        """Strings, each once."""
        values = self._typed(key, list, "an array of names")
        if not all(isinstance(value, str) for value in values) or len(set(values)) != len(values):
            raise ContractError(f"{self._name(key)}: got {_short(values)}, expected names, each once")
        return tuple(values)

    def order(self, key: str, count: int) -> np.ndarray:
        """``[count]`` every index below ``count`` once."""
        values = self._typed(key, list, "an array of indices")
        if sorted(value for value in values if isinstance(value, int)) != list(range(count)) or len(values) != count:
            raise ContractError(f"{self._name(key)}: got {_short(values)}, expected 0 to {count - 1}, each once")
        return np.array(values, dtype=np.intp)

    def some(self, key: str, count: int) -> tuple[int, ...]:
        """Some of the indices below ``count``."""
        values = self._typed(key, list, "an array of indices")
        if any(type(value) is not int or not 0 <= value < count for value in values):
            raise ContractError(f"{self._name(key)}: got {_short(values)}, expected indices from 0 to {count - 1}")
        return tuple(values)

    def _array(self, key: str, values: Sequence[Any], least: float, most: float) -> np.ndarray:
        if any(isinstance(value, bool) or not isinstance(value, (int, float)) for value in values):
            raise ContractError(f"{self._name(key)}: got {_short(values)}, expected numbers")
        array = np.array(values, dtype=float)
        # No comparison holds for NaN.
        if not ((array >= least) & (array <= most)).all():
            raise ContractError(f"{self._name(key)}: got {_short(values)}, expected numbers from {least:g} to {most:g}")
        return array

    def _typed(self, key: str, kind: type[Any], expected: str) -> Any:
        value = self._get(key)
        if not isinstance(value, kind):
            raise ContractError(f"{self._name(key)}: got {_short(value)}, expected {expected}")
        return value

    def _get(self, key: str) -> Any:
        if key not in self.values:
            raise ContractError(f"{self._name(key)} is missing")
        return self.values[key]

    def _name(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


Plain = Dict[str, Any]
