"""What lies in the layers: channels, and gas or CO2 under a seal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from scipy import ndimage

from seisgeo.synth.geology.grid import Coordinates, Grid, Ingredient, Undo, param

__all__ = ["Body", "Channels", "Place", "Plume", "no_change"]

#: Puts a body into a model: takes velocity (m/s) and where its cells were deposited.
Place: TypeAlias = Callable[[np.ndarray, Coordinates], np.ndarray]


def no_change(position: Coordinates) -> Coordinates:
    """Undo nothing."""
    return position


class Body(Protocol):
    """Something that lies in the layers and may have bent them."""

    def draw(self, rng: np.random.Generator, grid: Grid) -> tuple[Undo, Place]:
        """Draw one: the function that undoes its deformation, and the one that puts it there."""
        ...


@dataclass(frozen=True)
class Channels(Ingredient):
    """Channels cut into the layers and filled again, in stacks of several storeys.

    They are cut where the layers were deposited, so folds and faults deform them too. In three
    dimensions they meander along y.

    Parameters
    ----------
    number : (int, int)
        Stacks in a section as wide as it is deep; wider sections have more.
    depth : (float, float)
        Depth of their tops when they were cut (fraction of depth).
    half_width : (float, float)
        Half of a channel's width (fraction of depth).
    incision : (float, float)
        Depth of a channel at its axis (fraction of depth).
    change : (float, float)
        Velocity of the fill relative to what was there, less one, of either sign.
    """

    number: tuple[int, int] = param("1", default=(2, 4))
    depth: tuple[float, float] = param("fraction of depth", default=(0.1, 0.7))
    half_width: tuple[float, float] = param("fraction of depth", default=(0.08, 0.28))
    incision: tuple[float, float] = param("fraction of depth", default=(0.02, 0.055))
    change: tuple[float, float] = param("1", default=(0.06, 0.16))

    def draw(self, rng: np.random.Generator, grid: Grid) -> tuple[Undo, Place]:
        """Draw channels; see :class:`Body`."""
        n = int(rng.integers(self.number[0], self.number[1] + 1))
        n = max(n, round(n * grid.width))
        channels = []
        for i in rng.permutation(n):
            axis = (i + rng.uniform(0.2, 0.8)) / n * grid.width
            top = rng.uniform(*self.depth)
            half, cut = rng.uniform(*self.half_width), rng.uniform(*self.incision)
            # Fill is mostly slower than what was cut.
            change = rng.uniform(*self.change) * rng.choice([-1, 1], p=[0.7, 0.3])
            wave = rng.uniform(0.6, 1.5), rng.uniform(0, 2 * np.pi), half * rng.uniform(1, 2.5)
            for storey in range(int(rng.integers(1, 4))):
                shift = 0.0 if storey == 0 else half * rng.uniform(-0.8, 0.8)
                narrow, part = rng.uniform(0.6, 1.0), change * rng.uniform(0.4, 1.0)
                level = top - 0.7 * cut * storey
                channels.append((axis + shift, level, half * narrow, cut, part, wave))

        def place(velocity: np.ndarray, deposited: Coordinates) -> np.ndarray:
            z, y, x = deposited
            for axis, top, half, cut, change, (length, phase, swing) in channels:
                centre = axis
                if grid.z.ndim == 3:
                    centre = axis + swing * np.sin(2 * np.pi * y / length + phase)
                across = (x - centre) / half
                inside = (z > top) & (z < top + cut * (1 - across**2))
                velocity = np.where(inside, velocity * (1 + change), velocity)
            return velocity

        return no_change, place


@dataclass(frozen=True)
class Plume(Ingredient):
    """Gas or CO2 in reservoirs under seals, each filled down to a flat contact.

    The layers are lifted into a dome, which is the trap; the gas fills its crest. A weak chimney of
    leaked gas reaches up from the highest reservoir.

    Parameters
    ----------
    number : (int, int)
        Reservoirs above each other.
    depth : (float, float)
        Depth at which the shallowest seal was deposited (fraction of depth).
    reservoir : (float, float)
        Thickness of a reservoir (fraction of depth).
    closure : (float, float)
        Height of the dome (fraction of depth).
    column : (float, float)
        Height of the filled column (fraction of depth).
    half_width : (float, float)
        How far gas reaches to either side of the crest (fraction of depth).
    slowing : (float, float)
        Decrease of velocity in the filled reservoir, relative to it; at Sleipner, where sands of
        2050 m/s hold CO2 at up to 1450 m/s, it is 0.3.
    seal : (float, float)
        Increase of velocity in the seal, a third as thick as the reservoir, relative to it.
    chimney : (float, float)
        Largest decrease of velocity in the chimney, relative to it.

    References
    ----------
    Arts et al. (2004), doi 10.1016/j.energy.2004.03.072 (Sleipner).
    """

    number: tuple[int, int] = param("1", default=(1, 3))
    depth: tuple[float, float] = param("fraction of depth", default=(0.3, 0.5))
    reservoir: tuple[float, float] = param("fraction of depth", default=(0.05, 0.1))
    closure: tuple[float, float] = param("fraction of depth", default=(0.05, 0.12))
    column: tuple[float, float] = param("fraction of depth", default=(0.04, 0.09))
    half_width: tuple[float, float] = param("fraction of depth", default=(0.2, 0.5))
    slowing: tuple[float, float] = param("1", default=(0.15, 0.3))
    seal: tuple[float, float] = param("1", default=(0.03, 0.08))
    chimney: tuple[float, float] = param("1", default=(0.0, 0.06))

    def draw(self, rng: np.random.Generator, grid: Grid) -> tuple[Undo, Place]:
        """Draw a plume; see :class:`Body`."""
        n = int(rng.integers(self.number[0], self.number[1] + 1))
        shallowest = rng.uniform(*self.depth)
        draws = [
            {
                name: rng.uniform(*getattr(self, name))
                for name in ("reservoir", "column", "half_width", "slowing", "seal")
            }
            for _ in range(n)
        ]
        leak = rng.uniform(*self.chimney)
        lift = rng.uniform(*self.closure)
        reach = 1.5 * max(draw["half_width"] for draw in draws)
        middle = rng.uniform(0.3, 0.7) * grid.width
        across = rng.uniform(0.6, 1.4) * grid.centre[0]
        dome = lift * np.exp(-(((grid.x - middle) ** 2 + (grid.y - across) ** 2) / reach**2))

        def undo(position: Coordinates) -> Coordinates:
            z, y, x = position
            return z + dome, y, x

        def place(velocity: np.ndarray, deposited: Coordinates) -> np.ndarray:
            layers = np.broadcast_to(deposited[0], velocity.shape)
            cap = shallowest
            for number, draw in enumerate(draws):
                trap = _Trap.of(layers, cap, grid)
                if number == 0:
                    velocity = velocity * (1 - leak * _chimney(trap, grid, draw["half_width"]))
                thick = draw["reservoir"]
                sealing = (layers >= cap - thick / 3) & (layers < cap)
                velocity = np.where(sealing, velocity * (1 + draw["seal"]), velocity)
                # Gas thins out to its edge where no closure holds it.
                thinning = np.sqrt(np.maximum(1 - (trap.radius / draw["half_width"]) ** 2, 0))
                gas = (layers >= cap) & (layers < cap + thick * thinning)
                gas &= grid.z < trap.crest + draw["column"]
                velocity = np.where(trap.connected(gas), velocity * (1 - draw["slowing"]), velocity)
                cap += 1.5 * thick
            return velocity

        return undo, place


@dataclass(frozen=True)
class _Trap:
    """Highest point of a horizon: its depth, distances from it, and its column of cells."""

    crest: float
    radius: np.ndarray
    column: tuple[int, ...]

    @classmethod
    def of(cls, layers: np.ndarray, cap: float, grid: Grid) -> _Trap:
        below = layers >= cap
        first = np.where(below.any(axis=0), below.argmax(axis=0), layers.shape[0] - 1)
        # The edges of the section show too little of a structure to call it a trap.
        inner = tuple(slice(n // 8, n - n // 8) for n in first.shape)
        found = np.unravel_index(int(first[inner].argmin()), first[inner].shape)
        column = tuple(int(i + s.start) for i, s in zip(found, inner, strict=True))
        radius = np.abs(grid.x - grid.x.flat[column[-1]])
        if len(column) == 2:
            radius = np.hypot(radius, grid.y - grid.y.flat[column[0]])
        return cls(float(grid.z.flat[first[column]]), radius, column)

    def connected(self, gas: np.ndarray) -> np.ndarray:
        """The part of `gas` that hangs together with the crest."""
        labels, _ = ndimage.label(gas)
        own = labels[(slice(None), *self.column)]
        own = own[own > 0]
        return labels == own[0] if own.size else np.zeros_like(gas)


def _chimney(trap: _Trap, grid: Grid, half_width: float) -> np.ndarray:
    """Strength of a chimney, 1 on its axis at the crest, fading upward and sideways."""
    height = np.maximum(trap.crest - grid.z, 0) / max(trap.crest, grid.cell)
    fading = np.where(grid.z < trap.crest, np.clip(1 - height, 0, 1), 0.0)
    return fading * np.exp(-((trap.radius / (0.5 * half_width)) ** 2))
