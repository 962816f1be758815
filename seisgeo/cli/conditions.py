"""Conditions on a gallery's samples as they are typed: ``--where depth=200:600``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seisgeo.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_conditions"]


def as_conditions(where: Sequence[str], table: pd.DataFrame) -> dict[str, Any] | None:
    """Conditions for :func:`seisgeo.retrieval.select_rows`; None where none is typed.

    Parameters
    ----------
    where : sequence of str
        ``NAME=VALUE``, ``NAME=VALUE,VALUE`` or ``NAME=LOW:HIGH``, either end of which may be left
        out.
    table : pandas.DataFrame
        What the gallery can be filtered by: it says which values are numbers and which are words.
    """
    found: dict[str, Any] = {}
    for text in where:
        name, _, value = (part.strip() for part in text.partition("="))
        if not name or not value:
            raise ParameterError(
                f"--where {text}: expected NAME=VALUE, NAME=VALUE,VALUE or NAME=LOW:HIGH, for "
                "instance family=salt,folded or interface_depth=200:600"
            )
        if name in found:
            raise ParameterError(
                f"--where {text}: {name} is named twice; several values are {name}=VALUE,VALUE, a "
                f"range is {name}=LOW:HIGH"
            )
        kind = table[name].dtype.kind if name in table else "O"
        found[name] = _condition(value, kind, text)
    return found or None


def _condition(value: str, kind: str, text: str) -> Any:
    if kind in "OUT":  # words have no ranges
        words = [word.strip() for word in value.split(",")]
        return words if len(words) > 1 else words[0]
    as_value = _time if kind == "M" else _number
    try:
        if "," in value:
            return [as_value(part) for part in value.split(",")]
        return _value_or_range(value, as_value)
    except ValueError:
        expected = "times" if kind == "M" else "numbers"
        raise ParameterError(
            f"--where {text}: expected {expected}, as VALUE, VALUE,VALUE or LOW:HIGH"
        ) from None


def _value_or_range(value: str, as_value: Any) -> Any:
    """A value, or a range at whichever colon splits it in two: times have colons of their own."""
    try:
        return as_value(value)
    except ValueError:
        pass
    for at in (i for i, letter in enumerate(value) if letter == ":"):
        low, high = value[:at].strip(), value[at + 1 :].strip()
        try:
            return slice(as_value(low) if low else None, as_value(high) if high else None)
        except ValueError:
            continue
    raise ValueError(value)


def _number(text: str) -> float:
    words = {"true": 1.0, "false": 0.0}
    return words[text.lower()] if text.lower() in words else float(text)


def _time(text: str) -> Any:
    import pandas as pd

    return pd.Timestamp(text)
