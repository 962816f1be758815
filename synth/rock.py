"""Density, S velocity and quality factor that go with a P velocity."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import SimulationError

__all__ = ["density_from_velocity", "q_from_velocity", "vs_from_velocity", "water_cells"]

#: Density of sea water and of rock salt (kg/m3).
WATER_DENSITY, SALT_DENSITY = 1030.0, 2160.0
#: Vp / Vs of rock salt.
SALT_VP_VS = 1.76
#: Quality factor of sea water, which absorbs some 1e-3 dB/km at 100 Hz (Thorp, 1967, J. Acoust.
#: Soc. Am. 42, 270).
WATER_Q = 1e6
#: P velocities (m/s) of a model's first row that are taken for water.
WATER_VELOCITIES = (1440.0, 1550.0)

Array = TypeVar("Array", np.ndarray, xr.DataArray)


def density_from_velocity(velocity: Array, *, water: bool = True, salt: Any = None) -> Array:
    """Density after Gardner: 310 v**0.25 kg/m3, with v in m/s.

    Parameters
    ----------
    velocity : DataArray or ndarray
        P velocity (m/s). A DataArray has a ``depth`` dimension; the depth of an array is its
        last-but-one axis ``(..., depth, x)``.
    water : bool, default True
        Whether models may begin with water: where a column begins with 1440 to 1550 m/s, all of it
        down to where the velocity first changes is water of 1030 kg/m3.
    salt : DataArray or ndarray of bool, optional
        Cells of rock salt, 2160 kg/m3, for which Gardner's relation is far off; in models of
        the family ``salt`` they are ``velocity == seisgeo.synth.geology.SALT_VELOCITY``.

    Returns
    -------
    DataArray or ndarray
        Density (kg/m3), like `velocity`.

    Raises
    ------
    ConventionError
        If a velocity is not finite, not positive or not in m/s.
    SimulationError
        If there is no depth, or `salt` has another shape.

    References
    ----------
    Gardner et al. (1974), doi 10.1190/1.1440465.

    Examples
    --------
    >>> round(float(density_from_velocity(np.full((2, 3), 3000.0))[0, 0]))
    2294
    """
    values, wet, salty = _parts(velocity, water, salt)
    density = 310.0 * values**0.25
    density = np.where(wet, WATER_DENSITY, np.where(salty, SALT_DENSITY, density))
    return _like(velocity, density, "density")


def vs_from_velocity(
    velocity: Array, *, vp_vs: float | None = None, water: bool = True, salt: Any = None
) -> Array:
    """S velocity after Castagna's mudrock line, or at a constant ratio to the P velocity.

    The mudrock line of water-filled clastic rock is vp = 1.16 vs + 1360 m/s. Rock of less than
    1500 m/s, which it was not made for, gets the ratio that it has there.

    Parameters
    ----------
    velocity : DataArray or ndarray
        P velocity (m/s); as for :func:`density_from_velocity`.
    vp_vs : float, optional
        Ratio vp / vs to use instead, above sqrt(4/3), below which there is no solid.
    water : bool, default True
        As for :func:`density_from_velocity`; vs is zero in water.
    salt : DataArray or ndarray of bool, optional
        Cells of rock salt, whose vp / vs is 1.76.

    Returns
    -------
    DataArray or ndarray
        S velocity (m/s), like `velocity`.

    Raises
    ------
    ConventionError
        If a velocity is not finite, not positive or not in m/s.
    SimulationError
        If the ratio is too small, there is no depth, or `salt` has another shape.

    References
    ----------
    Castagna et al. (1985), doi 10.1190/1.1441933.

    Examples
    --------
    >>> round(float(vs_from_velocity(np.full((2, 3), 2520.0))[0, 0]))
    1000
    """
    if vp_vs is not None and not (np.isfinite(vp_vs) and vp_vs > np.sqrt(4 / 3)):
        raise SimulationError(f"vp_vs: expected a ratio above 1.155, found {vp_vs!r}")
    values, wet, salty = _parts(velocity, water, salt)
    if vp_vs is None:
        slow = (1500.0 - 1360.0) / 1.16 / 1500.0
        vs = np.maximum((values - 1360.0) / 1.16, slow * values)
    else:
        vs = values / vp_vs
    vs = np.where(wet, 0.0, np.where(salty, values / SALT_VP_VS, vs))
    return _like(velocity, vs, "vs")


def q_from_velocity(velocity: Array, *, water: bool = True) -> Array:
    """Quality factor of P waves after Li: 14 v**2.2, with v in km/s.

    The same relation is written 3.516e-6 v**2.2, with v in m/s. It gives 34 at 1500 m/s and 380 at
    4500 m/s. Rock of less than 630 m/s, which it was not made for, gets 5.

    Parameters
    ----------
    velocity : DataArray or ndarray
        P velocity (m/s); as for :func:`density_from_velocity`.
    water : bool, default True
        As for :func:`density_from_velocity`; water loses nothing that matters (Q of a million).

    Returns
    -------
    DataArray or ndarray
        Quality factor, like `velocity`.

    Raises
    ------
    ConventionError
        If a velocity is not finite, not positive or not in m/s.
    SimulationError
        If there is no depth.

    References
    ----------
    Li, Q. (1993), High-resolution seismic data processing, Petroleum Industry Press, Beijing.

    Examples
    --------
    >>> round(float(q_from_velocity(np.full((2, 3), 2500.0))[0, 0]))
    105
    """
    values, wet, _ = _parts(velocity, water, None)
    q = np.maximum(14.0 * (values / 1000.0) ** 2.2, conventions.LOWEST_Q)
    return _like(velocity, np.where(wet, WATER_Q, q), "q")


def water_cells(velocity: np.ndarray, axis: int) -> np.ndarray:
    """Cells of water: from the top of a column down to where its velocity changes.

    Parameters
    ----------
    velocity : ndarray
        P velocity (m/s).
    axis : int
        Depth.

    Returns
    -------
    ndarray of bool
        True where the column begins with :data:`WATER_VELOCITIES` and has not changed by 1 m/s.

    Examples
    --------
    >>> water_cells(np.array([[1500.0], [1500.0], [1700.0], [1500.0]]), axis=0)[:, 0]
    array([ True,  True, False, False])
    """
    top = np.take(velocity, [0], axis)
    low, high = WATER_VELOCITIES
    same = (np.abs(velocity - top) < 1) & (top >= low) & (top <= high)
    return np.logical_and.accumulate(same, axis=axis)


def _parts(velocity: Any, water: bool, salt: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Velocity, and which of it is water and salt."""
    conventions.check_velocity(velocity)
    values = np.asarray(velocity)
    if isinstance(velocity, xr.DataArray):
        if "depth" not in velocity.dims:
            raise SimulationError(f"velocity: expected a dimension depth, found {velocity.dims}")
        axis = velocity.get_axis_num("depth")
    else:
        if values.ndim < 2:
            raise SimulationError(f"velocity: expected (..., depth, x), found shape {values.shape}")
        axis = values.ndim - 2
    wet = np.zeros(values.shape, bool)
    if water:
        wet = water_cells(values, axis)
    salty = np.asarray(False if salt is None else salt)
    if salty.dtype != bool or salty.shape not in ((), values.shape):
        raise SimulationError(
            f"salt: expected true and false of the velocity's shape {values.shape}, found "
            f"{salty.dtype} {salty.shape}"
        )
    return values, wet, salty


def _like(velocity: Any, values: np.ndarray, name: str) -> Any:
    values = values.astype(np.asarray(velocity).dtype, copy=False)
    if isinstance(velocity, xr.DataArray):
        return velocity.copy(data=values).rename(name).assign_attrs(conventions.ATTRS[name])
    return values
