"""One way to simulate, whatever the engine."""

from __future__ import annotations

import importlib
from typing import Any, Final

import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ParameterError
from seisgeo.synth.engines.preparation import check_grid
from seisgeo.synth.survey import Survey

__all__ = ["ENGINES", "engine_module", "simulate"]

#: Engines, and what each is for.
ENGINES: Final = {
    "deepwave": "any survey: free surface, positions between cells, inner time steps",
    "openfwi": "the scheme that OpenFWI was made with, to the digit",
}


def engine_module(engine: str) -> Any:
    """Module of an engine: it has ``plan`` and ``simulate_array``.

    Raises
    ------
    ParameterError
        If there is no such engine.
    """
    if engine not in ENGINES:
        listed = "; ".join(f"{name!r} ({what})" for name, what in ENGINES.items())
        raise ParameterError(f"no engine {engine!r}; there are {listed}")
    return importlib.import_module(f"seisgeo.synth.engines.{engine}")


def simulate(
    models: xr.Dataset,
    survey: Survey,
    *,
    engine: str = "deepwave",
    device: str | None = None,
    batch_size: int | None = None,
    max_velocity: float = 4500.0,
    progress: bool = False,
) -> xr.Dataset:
    """Gathers that a survey would record over velocity models.

    Constant-density acoustic (scalar) waves, second order in time and fourth in space.

    Parameters
    ----------
    models : xarray.Dataset
        Velocity cube, ``velocity (sample, depth, x)`` in m/s on the survey's grid; a single model
        ``(depth, x)`` works too.
    survey : Survey
        Positions, wavelet and sampling.
    engine : {"deepwave", "openfwi"}, default "deepwave"
        ``"deepwave"`` has a perfectly matched layer at every edge that is not a free surface, takes
        positions between cells, and smaller time steps inside where `max_velocity` needs them.
        ``"openfwi"`` is the scheme that the released OpenFWI data were made with, sponge and
        periodic outer edge included: for more data of that kind. Its sources and receivers lie on
        cells, every edge absorbs, and the record's time step must be stable.
    device : str, optional
        ``"cpu"``, ``"cuda"``, ...; by default CUDA where there is one.
    batch_size : int, optional
        Models simulated at once: by default 1 on a CPU (more gains nothing there) and 64 on a GPU.
        The result does not depend on it.
    max_velocity : float, default 4500
        Highest velocity (m/s) of any model. It fixes Deepwave's internal time step, so that all
        models see the same numerical dispersion.
    progress : bool, default False
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        `models` with ``amplitude (sample, source, time, receiver)`` and the survey's coordinates.

    Raises
    ------
    SimulationError
        If the grids disagree, a velocity is above `max_velocity`, the wavelet is too short for the
        grid, or the engine cannot do what the survey asks; the message says what would do.
    ParameterError
        If there is no such engine.
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
    module = engine_module(engine)
    conventions.validate(models, "velocity")
    velocity = models["velocity"]
    if "sample" not in velocity.dims:
        models = models.expand_dims("sample")
        velocity = models["velocity"]
    check_grid(velocity, survey)
    amplitude = module.simulate_array(
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
        engine=engine, scheme=module.plan(survey, max_velocity)["scheme"], survey=survey.to_json()
    )
    return conventions.describe(result)
