"""One way to simulate, whatever the engine."""

from __future__ import annotations

import importlib
from typing import Any, Final

import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ParameterError, SimulationError
from seisgeo.synth.engines.preparation import check_grid
from seisgeo.synth.survey import Survey

__all__ = ["ENGINES", "engine_module", "simulate"]

#: Engines, and what each is for.
ENGINES: Final = {
    "deepwave": "any survey: free surface, positions between cells, inner time steps",
    "openfwi": "the scheme that OpenFWI was made with, to the digit",
}


#: Variables beside the velocity that each wave equation needs.
MATERIALS: Final[dict[str, tuple[str, ...]]] = {
    "scalar": (),
    "acoustic": ("density",),
    "viscoacoustic": ("q", "density"),
    "elastic": ("vs", "density"),
}


def engine_module(engine: str) -> Any:
    """Module of an engine.

    It has ``check_physics``, ``plan``, ``simulate_array`` and ``simulate_batches``.

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
    physics: str = "scalar",
    component: str = "pressure",
    device: str | None = None,
    batch_size: int | None = None,
    max_velocity: float = 4500.0,
    progress: bool = False,
) -> xr.Dataset:
    """Gathers that a survey would record over velocity models.

    Second order in time and fourth in space.

    Parameters
    ----------
    models : xarray.Dataset
        Velocity cube on the survey's grid, ``velocity (sample, depth, x)`` or
        ``(sample, depth, y, x)`` in m/s; a single model without ``sample`` works too. What
        `physics` needs stands beside it: ``density`` (kg/m3), ``q`` (1), ``vs`` (m/s).
    survey : Survey
        Positions, wavelet and sampling.
    engine : {"deepwave", "openfwi"}, default "deepwave"
        ``"deepwave"`` works in two and three dimensions, has a perfectly matched layer at every
        edge that is not a free surface, takes positions between cells, and smaller time steps
        inside where `max_velocity` needs them. ``"openfwi"`` is the scheme that the released
        OpenFWI data were made with, sponge and periodic outer edge included: for more data of that
        kind. It has scalar waves in two dimensions; its sources and receivers lie
        on cells, every edge absorbs, and the record's time step must be stable.
    physics : {"scalar", "acoustic", "viscoacoustic", "elastic"}, default "scalar"
        Waves of constant density; of pressure with ``density``; of pressure that rock of quality
        factor ``q`` absorbs, with ``density``; of stress with ``vs`` and ``density``. All are
        scaled alike: in a homogeneous fluid without losses they record the same. Viscoacoustic
        waves have the velocity and the Q of the models at the survey's peak frequency; Q is
        constant within 3 % from 0.3 to 2 times that frequency (8 % at Q = 10), and the higher
        frequencies are faster, as they must be.
    component : {"pressure", "x", "y", "depth"}, default "pressure"
        What the receivers record: pressure, or, with acoustic and elastic waves, particle velocity
        along an axis.
    device : str, optional
        ``"cpu"``, ``"cuda"``, ...; by default CUDA where there is one.
    batch_size : int, optional
        Models simulated at once: by default 64 on a GPU, and on a CPU a few, so that what a call
        costs beside the waves is little.
        The result does not depend on it. Where the GPU's memory is too small, fewer are.
    max_velocity : float, default 4500
        Highest velocity (m/s) of any model. It fixes the internal time step, so that all models
        see the same numerical dispersion.
    progress : bool, default False
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        `models` with ``amplitude (sample, source, time, receiver)`` and the survey's coordinates.
        ``attrs["scheme"]`` says what was run, internal time steps included.

    Raises
    ------
    SimulationError
        If the grids disagree, a velocity is above `max_velocity`, a wavelength is too short for
        the grid, a variable is missing, or the engine cannot do what the survey asks; the message
        says what would do.
    ParameterError
        If there is no such engine, physics or component.
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
    module.check_physics(physics, component, survey)
    velocity = models["velocity"]
    if "sample" not in velocity.dims:
        models = models.expand_dims("sample")
        velocity = models["velocity"]
    check_grid(velocity, survey)
    materials: dict[str, Any] = {}
    for name in MATERIALS[physics]:
        if name not in models:
            raise SimulationError(
                f"physics={physics!r} needs the variable {name!r} beside the velocity, found "
                f"{', '.join(map(str, models.data_vars))}: models[{name!r}] = seisgeo.synth."
                f"{name}_from_velocity(models['velocity']) makes it, or use physics='scalar'"
            )
        materials[name] = models[name].transpose("sample", *survey.axes).values
    if component != "pressure":
        materials["component"] = component
    amplitude = module.simulate_array(
        velocity.transpose("sample", *survey.axes).values,
        survey,
        **materials,
        device=device,
        batch_size=batch_size,
        max_velocity=max_velocity,
        progress=progress,
    )
    coords = {k: v for k, v in survey.coords().items() if k not in models.coords}
    dims = ("sample", "source", "time", "receiver")
    result = models.assign(amplitude=(dims, amplitude)).assign_coords(coords)
    result.attrs |= conventions.provenance(
        engine=engine,
        scheme=module.plan(survey, max_velocity, physics)["scheme"],
        component=component,
        survey=survey.to_json(),
    )
    return conventions.describe(result)
