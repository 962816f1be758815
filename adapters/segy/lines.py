"""2-D lines: one trace at each place, along whatever course."""

from __future__ import annotations

import numpy as np

from seisgeo.adapters.segy.clues import Clues
from seisgeo.adapters.segy.geometry import Geometry, lay_out
from seisgeo.adapters.segy.numbers import Numbers

__all__ = ["LINE_KEYS", "is_line", "is_profile", "make_line"]

#: Header field that numbers the traces of a line.
LINE_KEYS = ("cdp",)

#: Share of the traces whose number another one has, beyond which the numbers name no places.
MOST_DUPLICATES = 0.05


def is_line(clues: Clues) -> bool:
    """Whether CDP numbers name the traces of a stacked line."""
    if clues.n < 2 or clues.is_prestack():
        return False
    return len(clues.numbers(*LINE_KEYS).values) >= (1 - MOST_DUPLICATES) * clues.n


def is_profile(clues: Clues) -> bool:
    """Whether CDPs, or a source and a receiver at a fixed distance, move on with every trace."""
    if clues.n < 3 or clues.numbers("offset").varies or clues.numbers("cdp").varies:
        return False
    x_y = ("cdp_x", "cdp_y") if clues.filled("cdp_x", "cdp_y") else ("source_x", "source_y")
    if len(clues.numbers(*x_y).values) < (1 - MOST_DUPLICATES) * clues.n:
        return False
    if not clues.filled("group_x", "group_y"):
        return True
    apart = [clues.column(f"group_{a}") - clues.column(f"source_{a}") for a in "xy"]
    near = np.hypot(*apart).max(), np.hypot(*(np.ptp(clues.column(f"source_{a}")) for a in "xy"))
    return bool(near[0] < MOST_DUPLICATES * near[1])


def make_line(clues: Clues, keys: tuple[str, ...] = LINE_KEYS) -> Geometry:
    """Traces of a line."""
    numbers = clues.numbers(*keys)
    name = " and ".join(key.replace("_", " ") for key in keys)
    name = "CDP" if keys == LINE_KEYS else name
    lost = clues.n - len(numbers.values)
    if lost > MOST_DUPLICATES * clues.n:
        counted = np.arange(clues.n)
        reason = f"{name} numbers do not name each trace once: traces counted in file order"
        lookup = counted if clues.kept is None else clues.kept
        axes = {"cdp": counted + 1}
        return Geometry("line", ("cdp",), reason, "medium", lookup, axes, "cdp")
    shape = (len(numbers.values),)
    lookup, findings = lay_out(clues.file.path, shape, [numbers.place], clues.kept, name)
    once = "each trace" if not lost else f"{clues.n - lost} of {clues.n} traces"
    return Geometry(
        "line",
        ("cdp",),
        f"{name} numbers name {once} once",
        "medium" if lost else "high",
        lookup,
        {"cdp": numbers.values},
        "cdp" if _ordered(numbers) else "unsorted",
        findings,
    )


def _ordered(numbers: Numbers) -> bool:
    steps = np.diff(numbers.place)
    return bool((steps >= 0).all() or (steps <= 0).all())
