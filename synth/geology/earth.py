"""Families for field data, composed of ingredients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seisgeo.synth.geology.bodies import Body
from seisgeo.synth.geology.grid import Grid, Ingredient
from seisgeo.synth.geology.strata import Heterogeneity, Strata
from seisgeo.synth.geology.structure import Event
from seisgeo.synth.geology.surface import Water, Weathering

__all__ = ["EarthFamily"]

_STRATA, _HETEROGENEITY = Strata(), Heterogeneity()


@dataclass(frozen=True)
class EarthFamily(Ingredient):
    """Layers, what happened to them, and what lies in and on them.

    Parameters
    ----------
    strata : Strata
        The layers and their compaction.
    events : tuple of Event
        What deformed them, the youngest first: :class:`Folds`, :class:`Faults`,
        :class:`ListricFaults`, :class:`Unconformity`.
    bodies : tuple of Body
        What lies in them: :class:`Channels`, :class:`Plume`, :class:`Salt`.
    heterogeneity : Heterogeneity
        Fractal heterogeneity of the rock.
    water : Water, optional
        Water that the family always has; every family can be given some (``water_depth``).
    weathering : Weathering, optional
        Weathering layer, where there is no water.

    Examples
    --------
    >>> from seisgeo.synth.geology import Folds, Salt, draw_velocity
    >>> family = EarthFamily(events=(Folds((0.02, 0.05), (1.0, 2.0)),), bodies=(Salt(),))
    >>> models = draw_velocity(family, 2, seed=0)
    >>> models.family.values.tolist()
    ['custom', 'custom']
    """

    strata: Strata = _STRATA
    events: tuple[Event, ...] = ()
    bodies: tuple[Body, ...] = ()
    heterogeneity: Heterogeneity = _HETEROGENEITY
    water: Water | None = None
    weathering: Weathering | None = None

    def section(self, rng: np.random.Generator, grid: Grid) -> np.ndarray:
        """Draw one model; see :meth:`LayeredFamily.section`."""
        # Each ingredient has a stream of its own: another one beside it does not change it.
        of_strata, of_rock, of_events, of_bodies = rng.spawn(4)
        events = [
            event.draw(stream, grid)
            for event, stream in zip(self.events, of_events.spawn(len(self.events)), strict=True)
        ]
        bodies = [
            body.draw(stream, grid)
            for body, stream in zip(self.bodies, of_bodies.spawn(len(self.bodies)), strict=True)
        ]
        burial = _below_drape(grid)
        deposited = (burial, grid.y, grid.x)
        for undo in [undo for undo, _ in bodies] + events:
            deposited = undo(deposited)
        velocity = self.strata.velocity(of_strata, grid, burial, deposited[0])
        velocity = velocity * self.heterogeneity.factor(of_rock, grid)
        for _, place in bodies:
            velocity = place(velocity, deposited)
        return np.clip(velocity, grid.low, grid.high)


def _below_drape(grid: Grid) -> np.ndarray:
    """Depth below a surface that follows the sea floor at the top and is flat at depth."""
    if not np.any(grid.drape):
        return grid.z
    # Fading this slowly, the drape changes less than depth does: layers do not cross.
    length = max(0.3, 1.5 * float(np.abs(grid.drape).max()))
    return grid.z - grid.drape * np.exp(-np.maximum(grid.z, 0) / length)
