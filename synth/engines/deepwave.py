"""Scalar wave simulation with Deepwave (https://github.com/ar4/deepwave)."""

from __future__ import annotations

import contextlib
import math
import warnings
from typing import Any, Final

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.devices import default_device, one_thread
from seisgeo.errors import SimulationError
from seisgeo.synth.survey import Survey
from seisgeo.synth.wavelets import preroll, source_signature

__all__ = ["plan", "simulate", "simulate_array"]

#: Finite-difference order in space, and the Courant number that it allows (the limit is 0.866).
ACCURACY: Final = 4
COURANT = 0.85
PML_CELLS = 20
HICKS_HALF_WIDTH = 4
#: Cells of the shortest wavelength that still carries energy (2.5 times the peak frequency).
MIN_CELLS_PER_WAVELENGTH = 2.0


def simulate(
    models: xr.Dataset,
    survey: Survey,
    *,
    device: str | None = None,
    batch_size: int | None = None,
    max_velocity: float = 4500.0,
    progress: bool = False,
) -> xr.Dataset:
    """Gathers that a survey would record over velocity models.

    Constant-density acoustic (scalar) waves, second order in time and fourth in space, with a
    perfectly matched layer at every edge that is not a free surface.

    Parameters
    ----------
    models : xarray.Dataset
        Velocity cube, ``velocity (sample, depth, x)`` in m/s on the survey's grid; a single model
        ``(depth, x)`` works too.
    survey : Survey
        Positions, wavelet and sampling.
    device : str, optional
        ``"cpu"``, ``"cuda"``, ...; by default CUDA where there is one.
    batch_size : int, optional
        Models simulated at once: by default 1 on a CPU (more gains nothing there) and 64 on a GPU.
        The result does not depend on it.
    max_velocity : float, default 4500
        Highest velocity (m/s) of any model. It fixes the internal time step, so that all models
        see the same numerical dispersion.
    progress : bool, default False
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        `models` with ``amplitude (sample, source, time, receiver)`` and the survey's coordinates.

    Raises
    ------
    SimulationError
        If the grids disagree, a velocity is above `max_velocity`, or the wavelet is too short for
        the grid; the message says what would do.
    ConventionError
        If a velocity is not finite, not positive or not in m/s.

    Examples
    --------
    >>> import seisgeo as sg
    >>> models = sg.synth.draw_velocity("flatvel-a", 1, seed=0)
    >>> gathers = simulate(models, sg.synth.Survey.openfwi(), device="cpu")
    >>> dict(gathers.amplitude.sizes)
    {'sample': 1, 'source': 5, 'time': 1000, 'receiver': 70}
    """
    conventions.validate(models, "velocity")
    velocity = models["velocity"]
    if "sample" not in velocity.dims:
        models = models.expand_dims("sample")
        velocity = models["velocity"]
    _check_grid(velocity, survey)
    amplitude = simulate_array(
        velocity.transpose("sample", "depth", "x").values,
        survey,
        device=device,
        batch_size=batch_size,
        max_velocity=max_velocity,
        progress=progress,
    )
    coords = {k: v for k, v in survey.coords().items() if k not in models.coords}
    dims = ("sample", "source", "time", "receiver")
    result = models.assign(amplitude=(dims, amplitude)).assign_coords(coords)
    result.attrs |= conventions.provenance(
        engine="deepwave", scheme=plan(survey, max_velocity)["scheme"], survey=survey.to_json()
    )
    return conventions.describe(result)


def simulate_array(
    velocity: np.ndarray,
    survey: Survey,
    *,
    device: str | None = None,
    batch_size: int | None = None,
    max_velocity: float = 4500.0,
    progress: bool = False,
) -> np.ndarray:
    """Array form of :func:`simulate`.

    Parameters
    ----------
    velocity : numpy.ndarray
        Models (m/s), shape (sample, depth, x).
    survey, device, batch_size, max_velocity, progress
        As for :func:`simulate`.

    Returns
    -------
    numpy.ndarray
        Gathers, float32, shape (sample, source, time, receiver).
    """
    import torch
    from tqdm.auto import tqdm

    _check_velocity(velocity, survey, max_velocity)
    device = default_device(device)
    batch = batch_size or (1 if device == "cpu" else 64)
    settings = plan(survey, max_velocity)
    n = len(velocity)
    out = np.empty((n, survey.n_sources, survey.nt, survey.n_receivers), dtype=np.float32)
    # Two threads of Deepwave's are many times slower than one as soon as anything else runs; many
    # models are simulated in parallel by processes instead.
    with torch.no_grad(), one_thread() if device == "cpu" else contextlib.nullcontext():
        for start in tqdm(range(0, n, batch), disable=not progress, desc="simulate"):
            part = torch.as_tensor(velocity[start : start + batch], dtype=torch.float32)
            out[start : start + batch] = _propagate(part.to(device), survey, settings).cpu()
    return out


def plan(survey: Survey, max_velocity: float = 4500.0) -> dict[str, Any]:
    """Numerical settings of a simulation, before it runs.

    Parameters
    ----------
    survey : Survey
        The survey.
    max_velocity : float, default 4500
        Highest velocity of any model (m/s).

    Returns
    -------
    dict
        ``scheme`` (a sentence), ``step_ratio`` (internal time steps for each sample),
        ``internal_dt`` (s) and ``preroll`` (samples simulated before time zero, so that a wavelet
        that peaks there is whole).
    """
    # Stability of the 2-D scheme: v dt sqrt(1/dx^2 + 1/dz^2) <= Courant number.
    limit = COURANT * survey.grid_spacing / (math.sqrt(2) * max_velocity)
    ratio = math.ceil(survey.dt / limit * (1 - 1e-9))
    return {
        "scheme": f"deepwave scalar, accuracy {ACCURACY}, PML {PML_CELLS} cells, "
        f"{ratio} internal steps of {survey.dt / ratio * 1e3:.4g} ms a sample, "
        f"{'free' if survey.free_surface else 'absorbing'} surface",
        "step_ratio": ratio,
        "internal_dt": survey.dt / ratio,
        "preroll": preroll(survey),
        "max_velocity": max_velocity,
    }


def _propagate(velocity: Any, survey: Survey, settings: dict[str, Any]) -> Any:
    """Run one batch: torch (model, depth, x) -> (model, source, time, receiver)."""
    import deepwave
    import torch

    n, shots, device = len(velocity), survey.n_sources, velocity.device
    before = settings["preroll"]
    # Deepwave injects -v^2 dt^2 f; the negated wavelet gives p'' = v^2 (laplacian p + f).
    wavelet = -torch.as_tensor(source_signature(survey, before), dtype=torch.float32, device=device)
    # Deepwave's free surface is the mirror plane one cell above the first row, so row 0 of the
    # simulated grid is the model's row 1 and depth 0 lies on the plane.
    top = 1 if survey.free_surface else 0
    boundary, pml = deepwave.boundaries(
        2, top="free" if survey.free_surface else "pml", width=PML_CELLS
    )

    # Positions off the grid are interpolated over the cells around them (Hicks, 2002). Near an
    # absorbing edge those cells are missing: repeat the edge, as the absorbing layer does anyway.
    pad = HICKS_HALF_WIDTH if _off_grid(survey) else 0
    above = 0 if survey.free_surface else pad
    model = torch.nn.functional.pad(velocity[:, top:], (pad, pad, above, pad), mode="replicate")

    def cells(depths: Any, xs: Any) -> Any:
        positions = np.stack([np.array(depths), np.array(xs)], axis=-1) / survey.grid_spacing
        positions += (above - top, pad)
        located = torch.as_tensor(positions, dtype=torch.float32, device=device)
        return located.reshape(shots, -1, 2).repeat(n, 1, 1)

    with warnings.catch_warnings():
        # Notes for users of older releases of Deepwave, who had other defaults.
        warnings.simplefilter("ignore", deepwave.MigrationWarning)
        result = deepwave.scalar(
            model.repeat_interleave(shots, dim=0),
            survey.grid_spacing,
            survey.dt,
            source_amplitudes=wavelet.expand(n * shots, 1, -1),
            source_locations=cells(survey.source_depth, survey.source_x),
            receiver_locations=cells(survey.receiver_depth, survey.receiver_x),
            accuracy=ACCURACY,
            boundary=boundary,
            pml_width=pml,
            pml_freq=survey.peak_frequency,
            max_vel=settings["max_velocity"],
            courant_number=COURANT,
        )
    record = result.receiver_amplitudes[..., before:]
    return record.reshape(n, shots, survey.n_receivers, survey.nt).transpose(2, 3)


def _off_grid(survey: Survey) -> bool:
    positions = np.concatenate(
        [
            np.ravel(p)
            for p in (
                survey.source_x,
                survey.source_depth,
                survey.receiver_x,
                survey.receiver_depth,
            )
        ]
    )
    cells = positions / survey.grid_spacing
    return bool((np.abs(cells - cells.round()) > 1e-3).any())


def _check_grid(velocity: xr.DataArray, survey: Survey) -> None:
    shape = (velocity.sizes["depth"], velocity.sizes["x"])
    if shape != survey.model_shape:
        raise SimulationError(
            f"the models have {shape[0]} x {shape[1]} cells (depth, x), the survey's grid has "
            f"{survey.model_shape[0]} x {survey.model_shape[1]}: interpolate the models, "
            "or make the survey with another grid_spacing or depth"
        )
    for axis in ("depth", "x"):
        if axis in velocity.coords:
            step = np.diff(velocity[axis].values)
            if not np.allclose(step, survey.grid_spacing, rtol=1e-3):
                raise SimulationError(
                    f"the models' {axis} steps are {step.min():g} to {step.max():g} m, "
                    f"the survey's grid spacing is {survey.grid_spacing:g} m"
                )
            start = float(velocity[axis][0])
            if abs(start) > 1e-3 * survey.grid_spacing:
                raise SimulationError(
                    f"the models' {axis} axis starts at {start:g} m, the survey's positions count "
                    f"from 0: shift it, models.assign_coords({axis}=models.{axis} - {start:g})"
                )


def _check_velocity(velocity: np.ndarray, survey: Survey, max_velocity: float) -> None:
    conventions.check_velocity(velocity)
    low, high = float(velocity.min()), float(velocity.max())
    if high > max_velocity:
        raise SimulationError(
            f"the models reach {high:g} m/s, above max_velocity={max_velocity:g}: "
            f"pass max_velocity={math.ceil(high / 100) * 100:g}"
        )
    cells = low / (2.5 * survey.peak_frequency * survey.grid_spacing)
    if cells < MIN_CELLS_PER_WAVELENGTH:
        best = low / (2.5 * survey.peak_frequency * MIN_CELLS_PER_WAVELENGTH)
        raise SimulationError(
            f"numerical dispersion: {low:g} m/s at {2.5 * survey.peak_frequency:g} Hz (2.5 times "
            f"the peak frequency) has {cells:.1f} cells a wavelength, at least "
            f"{MIN_CELLS_PER_WAVELENGTH:g} are needed: use grid_spacing <= {best:.3g} m or "
            f"peak_frequency <= {survey.peak_frequency * cells / MIN_CELLS_PER_WAVELENGTH:.3g} Hz"
        )
