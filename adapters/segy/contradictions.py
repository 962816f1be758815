"""What a file's headers contradict, and which of them won."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

from seisgeo.errors import HeaderWarning

__all__ = ["Finding", "warn"]


class Finding(NamedTuple):
    """One contradiction: the field, what each place says, what was used, and why."""

    field: str
    values: dict[str, str]
    won: str
    why: str

    def __str__(self) -> str:
        """One line for a person."""
        said = ", ".join(f"{place}: {value}" for place, value in self.values.items())
        return f"{self.field} ({said}): {self.won}, because {self.why}"


def warn(path: object, findings: Sequence[Finding], *, stacklevel: int = 2) -> None:
    """Say all contradictions of a file in one :class:`~seisgeo.errors.HeaderWarning`.

    Parameters
    ----------
    path : pathlib.Path or Url
        The file.
    findings : sequence of Finding
        Nothing is said when it is empty.
    stacklevel : int, default 2
        As for :func:`warnings.warn`, counted from the caller.
    """
    if not findings:
        return
    lines = "".join(f"\n  - {finding}" for finding in findings)
    count = "1 contradiction" if len(findings) == 1 else f"{len(findings)} contradictions"
    warnings.warn(f"{path}: {count}{lines}", HeaderWarning, stacklevel=stacklevel + 1)
