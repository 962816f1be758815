"""Physical descriptors of a velocity model: a short vector of numbers a geophysicist can read.

A model is taken as cells of constant velocity: sample i fills the depth from z_i to z_i + dz, so
the model ends at z_0 + n dz and an interface between two samples lies at the depth of the lower
one. Replacing each cell by smaller ones of the same velocity changes no descriptor, except that
gradients are means over the n - 1 steps between samples (exact for a linear increase) and that
interfaces of smooth models get weaker as the sampling gets finer.

Interfaces are found column by column, from the reflection coefficient at normal incidence and
constant density, R = (v2 - v1) / (v2 + v1), and summarised by the median over the columns, so that
folds, faults and lateral changes do not smear them. Water is a layer like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ConventionError, ParameterError

__all__ = [
    "DESCRIPTORS",
    "LAYER_THRESHOLD",
    "Descriptor",
    "compute",
    "compute_array",
    "given",
    "powers_of_velocity",
]

#: Smallest |R| of a change that counts as an interface between layers: about 60 m/s at 3000 m/s.
LAYER_THRESHOLD = 0.01

# Velocities of one block (16 MB in float32) when a cube is worked through.
_BLOCK_VALUES = 4_000_000


@dataclass(frozen=True)
class Descriptor:
    """What a descriptor is.

    Parameters
    ----------
    units : str
        Unit of its values.
    long_name : str
        Name for people.
    how : str
        Formula; v is velocity, z depth, x distance, <...> a mean over cells or columns.
    """

    units: str
    long_name: str
    how: str


#: Every descriptor by name, in the order of the vector.
DESCRIPTORS: dict[str, Descriptor] = {
    "mean_velocity": Descriptor("m/s", "mean velocity", "<v> over all cells"),
    "velocity_std": Descriptor(
        "m/s", "standard deviation of velocity", "sqrt(<(v - <v>)^2>) over all cells"
    ),
    "min_velocity": Descriptor("m/s", "lowest velocity", "min(v)"),
    "max_velocity": Descriptor("m/s", "highest velocity", "max(v)"),
    "vertical_gradient": Descriptor(
        "1/s", "mean vertical gradient", "<dv/dz> over adjacent samples of a column"
    ),
    "abs_vertical_gradient": Descriptor(
        "1/s", "mean absolute vertical gradient", "<|dv/dz|> over adjacent samples of a column"
    ),
    "abs_lateral_gradient": Descriptor(
        "1/s", "mean absolute lateral gradient", "<|dv/dx|> over adjacent samples of a row"
    ),
    "upper_velocity": Descriptor(
        "m/s", "mean velocity of the upper third", "<v> over the first third of the depth"
    ),
    "middle_velocity": Descriptor(
        "m/s", "mean velocity of the middle third", "<v> over the second third of the depth"
    ),
    "lower_velocity": Descriptor(
        "m/s", "mean velocity of the lower third", "<v> over the last third of the depth"
    ),
    "interface_depth": Descriptor(
        "m",
        "depth of the strongest interface",
        "median over columns of the depth of the largest |R|, the shallower of equals; "
        "the base of the model where a column has none",
    ),
    "interface_contrast": Descriptor(
        "1",
        "reflection coefficient of the strongest interface",
        "median over columns of the R = (v2 - v1) / (v2 + v1) that is largest in size; "
        "positive where velocity grows downward, 0 where a column has no interface",
    ),
    "layer_count": Descriptor(
        "1",
        "number of layers",
        f"1 + median over columns of the number of interfaces with |R| >= {LAYER_THRESHOLD}; "
        "adjacent steps of one sign are one interface (a transition zone)",
    ),
    "vertical_time": Descriptor(
        "s", "one-way vertical traveltime to the base", "<sum(dz / v)> over columns"
    ),
    "rms_velocity": Descriptor(
        "m/s",
        "root-mean-square velocity to the base",
        "<sqrt(sum(v dz) / sum(dz / v))> over columns: v^2 averaged over vertical traveltime",
    ),
}


def powers_of_velocity(names: Sequence[str]) -> list[float] | None:
    """How descriptors change when all velocities do: value times factor to the power of this.

    Parameters
    ----------
    names : sequence of str
        Of descriptors; None is given where one is not of :data:`DESCRIPTORS`.

    Examples
    --------
    >>> powers_of_velocity(["mean_velocity", "vertical_time", "layer_count"])
    [1.0, -1.0, 0.0]
    """
    by_units = {"m/s": 1.0, "1/s": 1.0, "s": -1.0, "m": 0.0, "1": 0.0}
    known = [DESCRIPTORS.get(name) for name in names]
    if None in known:
        return None
    return [by_units[descriptor.units] for descriptor in known if descriptor is not None]


def compute(velocity: xr.Dataset | xr.DataArray) -> xr.Dataset:
    """Physical descriptors of velocity models.

    Parameters
    ----------
    velocity : Dataset or DataArray
        Velocity cube ``(sample, depth, x)`` in m/s, or one model ``(depth, x)``, with evenly spaced
        coordinates ``depth`` and ``x`` in m. A dask-backed cube gives a lazy result; any other is
        read in blocks of samples, so a cube larger than memory is no matter.

    Returns
    -------
    xarray.Dataset
        Physics cube: ``descriptor_value (sample, descriptor)`` float32 with coordinates
        ``descriptor`` (the keys of :data:`DESCRIPTORS`), ``units (descriptor)`` and what the
        samples of `velocity` were labelled with. One model has a sample of length 1.

    Raises
    ------
    ConventionError
        If it is no velocity cube in m/s (NaN, zero, negative, km/s), has a third horizontal
        dimension, or is unevenly sampled. Values of a lazy cube are checked when it is computed.

    Examples
    --------
    >>> from seisgeo.synth import draw_velocity
    >>> physics = compute(draw_velocity("flatvel-a", 3, seed=0))
    >>> physics.descriptor_value.sizes["sample"], "layer_count" in physics.descriptor
    (3, True)
    """
    cube = _as_cube(velocity)
    v = cube["velocity"]
    top, dz = _axis(cube["depth"])
    _, dx = _axis(cube["x"])
    settings = {"dz": dz, "dx": dx, "top": top}
    if v.chunks is not None:
        values = xr.apply_ufunc(
            _checked,
            v.chunk({"depth": -1, "x": -1}),
            input_core_dims=[["depth", "x"]],
            output_core_dims=[["descriptor"]],
            kwargs=settings,
            dask="parallelized",
            output_dtypes=[np.float32],
            dask_gufunc_kwargs={"output_sizes": {"descriptor": len(DESCRIPTORS)}},
        ).variable
    else:
        n = v.sizes["sample"]
        values = np.empty((n, len(DESCRIPTORS)), np.float32)
        step = max(1, _BLOCK_VALUES // (v.sizes["depth"] * v.sizes["x"]))
        for start in range(0, n, step):
            block = v.isel(sample=slice(start, start + step)).values
            where = f" of samples {start} to {start + len(block) - 1}" if n > step else ""
            values[start : start + step] = _checked(block, **settings, where=where)
    physics = xr.Dataset(
        {"descriptor_value": (("sample", "descriptor"), getattr(values, "data", values))},
        coords={
            **{name: c for name, c in cube.coords.items() if c.dims == ("sample",)},
            "descriptor": list(DESCRIPTORS),
            "units": ("descriptor", [d.units for d in DESCRIPTORS.values()]),
            "long_name": ("descriptor", [d.long_name for d in DESCRIPTORS.values()]),
        },
        attrs=conventions.provenance(
            source=cube.attrs.get("source"), layer_threshold=LAYER_THRESHOLD
        ),
    )
    return conventions.describe(physics)


def given(**known: Any) -> xr.Dataset:
    """Physics cube of what is known of the earth, to be asked with.

    Parameters
    ----------
    **known
        Descriptors by name, in their units: a value, a list of them (one for each sample), or a
        pair of value and standard deviation, which may be lists, too: as a tuple. NaN is unknown.

    Returns
    -------
    xarray.Dataset
        Physics cube: ``descriptor_value (sample, descriptor)`` of the descriptors that were named,
        and ``descriptor_std``, zero where none was given.

    Raises
    ------
    ParameterError
        If there is no such descriptor, nothing was given, a standard deviation is negative, or
        lists differ in length.

    Examples
    --------
    >>> asked = given(mean_velocity=(2600.0, 150.0), interface_depth=[320.0, 400.0])
    >>> asked.descriptor_value.values.tolist()
    [[2600.0, 320.0], [2600.0, 400.0]]
    >>> asked.descriptor_std.values[0].tolist()
    [150.0, 0.0]
    """
    unknown = [name for name in known if name not in DESCRIPTORS]
    if unknown or not known:
        raise ParameterError(
            f"expected descriptors of {', '.join(DESCRIPTORS)}; found "
            f"{', '.join(unknown) or 'nothing'}"
        )
    pairs = {
        name: value if isinstance(value, tuple) else (value, 0.0) for name, value in known.items()
    }
    wrong = [name for name, pair in pairs.items() if len(pair) != 2]
    if wrong:
        raise ParameterError(
            f"{wrong[0]}: expected a value, a list, or a tuple of value and standard deviation; "
            f"found a tuple of {len(pairs[wrong[0]])}"
        )
    columns = [np.atleast_1d(np.asarray(part, float)) for pair in pairs.values() for part in pair]
    try:
        table = np.stack(np.broadcast_arrays(*columns), axis=1)
    except ValueError:
        raise ParameterError(
            f"expected lists of one length, found {sorted({len(c) for c in columns} - {1})}"
        ) from None
    std = table[:, 1::2]
    if (std < 0).any():
        name = list(known)[int((std < 0).any(axis=0).argmax())]
        raise ParameterError(f"{name}: the standard deviation is negative")
    dims = ("sample", "descriptor")
    units = [DESCRIPTORS[name].units for name in known]
    return conventions.describe(
        xr.Dataset(
            {
                "descriptor_value": (dims, table[:, ::2].astype(np.float32)),
                "descriptor_std": (
                    dims,
                    std.astype(np.float32),
                    {"long_name": "standard deviation of the descriptor"},
                ),
            },
            coords={"descriptor": list(known), "units": ("descriptor", units)},
            attrs=conventions.provenance(source="seisgeo.descriptors.given"),
        )
    )


def compute_array(velocity: np.ndarray, dz: float, dx: float, top: float = 0.0) -> np.ndarray:
    """Physical descriptors of an array of models; the core of :func:`compute`, without its checks.

    Parameters
    ----------
    velocity : ndarray, shape (n, n_depth, n_x) or (n_depth, n_x)
        Velocities (m/s).
    dz, dx : float
        Size of a cell in depth and along x (m).
    top : float, default 0.0
        Depth of the first sample (m).

    Returns
    -------
    ndarray, shape (n, n_descriptors)
        float64, columns in the order of :data:`DESCRIPTORS`.
    """
    v = np.asarray(velocity, dtype=np.float64)
    v = v[None] if v.ndim == 2 else v
    n, n_depth, n_x = v.shape
    rows = v.mean(axis=2)  # (n, n_depth)
    down = np.diff(v, axis=1)  # (n, n_depth - 1, n_x)
    along = np.abs(np.diff(v, axis=2))
    reflection = down / (v[:, 1:] + v[:, :-1])
    depth, contrast = _strongest_interface(reflection, dz, top)
    slowness = (1 / v).sum(axis=1)  # (n, n_x)
    columns = {
        "mean_velocity": rows.mean(axis=1),
        "velocity_std": v.std(axis=(1, 2)),
        "min_velocity": v.min(axis=(1, 2)),
        "max_velocity": v.max(axis=(1, 2)),
        "vertical_gradient": (rows[:, -1] - rows[:, 0]) / ((n_depth - 1) * dz),
        "abs_vertical_gradient": np.abs(down).mean(axis=(1, 2)) / dz,
        "abs_lateral_gradient": along.mean(axis=(1, 2)) / dx if n_x > 1 else np.zeros(n),
        **dict(
            zip(
                ("upper_velocity", "middle_velocity", "lower_velocity"),
                (rows @ _thirds(n_depth)).T,
                strict=True,
            )
        ),
        "interface_depth": depth,
        "interface_contrast": contrast,
        "layer_count": 1 + _median(_interface_count(reflection)),
        "vertical_time": dz * slowness.mean(axis=1),
        "rms_velocity": np.sqrt(v.sum(axis=1) / slowness).mean(axis=1),
    }
    return np.stack([columns[name] for name in DESCRIPTORS], axis=1)


def _strongest_interface(
    reflection: np.ndarray, dz: float, top: float
) -> tuple[np.ndarray, np.ndarray]:
    """Depth (m) and reflection coefficient, each (n,), from R of shape (n, n_depth - 1, n_x)."""
    at = np.abs(reflection).argmax(axis=1)  # (n, n_x)
    strongest = np.take_along_axis(reflection, at[:, None], axis=1)[:, 0]
    step = np.where(strongest == 0, reflection.shape[1] + 1, at + 1)
    return top + dz * _median(step), _median(strongest)


def _interface_count(reflection: np.ndarray) -> np.ndarray:
    """Number of interfaces in each column, (n, n_x)."""
    sign = np.where(np.abs(reflection) >= LAYER_THRESHOLD, np.sign(reflection), 0.0)
    above = np.zeros_like(sign)
    above[:, 1:] = sign[:, :-1]
    return ((sign != 0) & (sign != above)).sum(axis=1)


def _median(values: np.ndarray) -> np.ndarray:
    # The lower of the two middle values where their number is even: a depth or a count that occurs.
    middle = (values.shape[-1] - 1) // 2
    return np.partition(values, middle, axis=-1)[..., middle]


def _thirds(n_depth: int) -> np.ndarray:
    """Weights (n_depth, 3) of the rows in each third of the depth; they split cells as needed."""
    edges = np.arange(4) * n_depth / 3
    row = np.arange(n_depth)[:, None]
    inside = np.minimum(row + 1, edges[1:]) - np.maximum(row, edges[:-1])
    return np.clip(inside, 0, 1) / (n_depth / 3)


def _checked(block: np.ndarray, dz: float, dx: float, top: float, where: str = "") -> np.ndarray:
    conventions.check_velocity(block, f"velocity{where}")
    return compute_array(block, dz, dx, top).astype(np.float32)


def _as_cube(velocity: Any) -> xr.Dataset:
    """A validated velocity cube with dimensions (sample, depth, x)."""
    if isinstance(velocity, xr.DataArray):
        velocity = conventions.describe(
            velocity.to_dataset(name="velocity").assign_attrs(velocity.attrs)
        )
    conventions.validate(velocity, "velocity")
    cube = velocity[["velocity"]]
    dims = [str(d) for d in cube["velocity"].dims]
    if set(dims) not in ({"sample", "depth", "x"}, {"depth", "x"}):
        raise ConventionError(
            "variable 'velocity': descriptors are of sections (sample, depth, x) or (depth, x); "
            f"found ({', '.join(dims)}); take slices, for instance .isel(y=0), or rename"
        )
    if "sample" not in dims:
        cube = cube.expand_dims("sample")
    for axis in ("depth", "x"):
        if axis not in cube.coords:
            raise ConventionError(
                f"variable 'velocity': coordinate {axis!r} is missing; descriptors need it in m"
            )
    return cube.transpose("sample", "depth", "x", ...)


def _axis(axis: xr.DataArray) -> tuple[float, float]:
    """First value and spacing of a coordinate (m)."""
    values = np.asarray(axis.values, dtype=float)
    if values.size == 1 and axis.name == "x":
        return float(values[0]), 1.0  # one column: nothing depends on its width
    if values.size < 2:
        raise ConventionError(f"coordinate {axis.name!r}: expected at least 2 values, found 1")
    steps = np.diff(values)
    spacing = (values[-1] - values[0]) / steps.size
    worst = int(np.abs(steps - spacing).argmax())
    if abs(steps[worst] - spacing) > 1e-3 * spacing:
        raise ConventionError(
            f"coordinate {axis.name!r}: expected even spacing, found steps of {spacing:g} m on "
            f"average and {steps[worst]:g} m at index {worst + 1}; interpolate first, for instance "
            f"velocity.interp({axis.name}=...)"
        )
    return float(values[0]), float(spacing)
