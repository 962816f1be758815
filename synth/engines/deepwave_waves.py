"""Deepwave's wave equations on tensors, all scaled alike."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from seisgeo.errors import SimulationError
from seisgeo.synth.engines.deepwave_layout import Layout
from seisgeo.synth.engines.deepwave_scheme import (
    ACCURACY,
    COURANT,
    HEADROOM,
    RELAXATIONS,
    physics_of,
    plan,
    q_band,
)
from seisgeo.synth.survey import Survey
from seisgeo.synth.wavelets import source_signature

if TYPE_CHECKING:
    import torch

__all__ = ["propagate"]


def propagate(
    velocity: torch.Tensor,
    survey: Survey,
    *,
    density: torch.Tensor | None = None,
    vs: torch.Tensor | None = None,
    q: torch.Tensor | None = None,
    component: str = "pressure",
    max_velocity: float = 4500.0,
) -> torch.Tensor:
    """Simulate one batch of models on tensors, keeping gradients where the inputs ask for them.

    Parameters
    ----------
    velocity : torch.Tensor
        Models (m/s), shape (model, depth, x) or (model, depth, y, x), on any device.
    survey : Survey
        Positions, wavelet and sampling.
    density, vs, q : torch.Tensor, optional
        As for :func:`seisgeo.synth.engines.deepwave.simulate_array`.
    component, max_velocity
        As for :func:`seisgeo.synth.simulate`.

    Returns
    -------
    torch.Tensor
        Gathers, shape (model, source, time, receiver). Nothing is checked:
        :func:`seisgeo.synth.engines.deepwave.simulate_array` does that.

    Examples
    --------
    >>> import torch, dataclasses
    >>> from seisgeo.synth import Survey
    >>> survey = dataclasses.replace(Survey.openfwi(), nt=200)
    >>> velocity = torch.full((1, 70, 70), 2000.0, requires_grad=True)
    >>> propagate(velocity, survey).square().sum().backward()
    >>> velocity.grad.shape
    torch.Size([1, 70, 70])
    """
    import deepwave
    import torch

    physics = physics_of(density, vs, q)
    n = len(velocity)
    if physics == "viscoacoustic" and n > 1:
        # Several relaxations go with one model at a time (Deepwave 0.1).
        given: dict[str, Any] = {"component": component, "max_velocity": max_velocity}
        models = zip(velocity.split(1), density.split(1), q.split(1), strict=True)  # type: ignore[union-attr]
        return torch.cat([propagate(v, survey, density=d, q=f, **given) for v, d, f in models])

    settings = plan(survey, max_velocity, physics)
    before = settings["preroll"]
    layout = Layout(survey, physics, component, n, velocity.device)
    signature = source_signature(survey, before)
    if physics == "elastic":
        # A solid keeps what a source leaves behind: without this, the little that cutting the
        # wavelet takes from its sum would press on the source's surroundings ever more.
        emitted = signature != 0
        signature[emitted] -= signature[emitted].mean()
    # A rate of injection whose time derivative is the signature of the scalar equation. It acts
    # half an internal step after its sample.
    rate = (np.cumsum(signature) - 0.5 * signature) * survey.dt
    rate += 0.5 * settings["internal_dt"] * signature
    options: dict[str, Any] = {
        "accuracy": ACCURACY,
        "pml_freq": survey.peak_frequency,
        "max_vel": HEADROOM[physics] * max_velocity,
        "courant_number": COURANT[physics],
        **layout.edges(),
    }
    with warnings.catch_warnings(), _stable(physics, max_velocity):
        # Notes for users of older releases of Deepwave, who had other defaults.
        warnings.simplefilter("ignore", deepwave.MigrationWarning)
        # Meant for runs whose first row is rock: here it is the vacuum of a free surface.
        warnings.simplefilter("ignore", deepwave.ZeroWidthFaceWarning)
        if physics == "scalar":
            result = _scalar(layout, velocity, signature, options)
        elif physics == "acoustic":
            result = _acoustic(layout, velocity, density, rate, options)
        elif physics == "viscoacoustic":
            result = _viscoacoustic(layout, velocity, density, q, rate, options)
        else:
            result = _elastic(layout, velocity, density, vs, rate, options)
    ratio = result.info.step_ratio
    if ratio != settings["step_ratio"]:
        raise SimulationError(
            f"Deepwave took {ratio} internal steps a sample where {settings['step_ratio']} were "
            "planned; this version of Deepwave has another stability rule"
        )
    if physics == "scalar":
        record = result.receiver_amplitudes
    else:
        record = getattr(result, f"receiver_amplitudes_{_channel(layout)}")
    if component != "pressure":
        # Particle velocity stands half an internal step early: one term of Taylor's series.
        record = record + 0.5 / ratio * torch.gradient(record, dim=-1)[0]
    record = record[..., before:]
    return record.reshape(n, survey.n_sources, survey.n_receivers, survey.nt).transpose(2, 3)


def _scalar(layout: Layout, velocity: Any, signature: np.ndarray, options: dict[str, Any]) -> Any:
    import deepwave

    model = layout.grid(velocity)
    # Deepwave injects -v^2 dt^2 f; the negated wavelet gives p'' = v^2 (laplacian p + f).
    return deepwave.scalar(
        model,
        layout.survey.grid_spacing,
        layout.survey.dt,
        source_amplitudes=-layout.amplitudes(signature),
        source_locations=layout.sources(model.shape[1:]),
        receiver_locations=layout.receivers(model.shape[1:]),
        **options,
    )


def _acoustic(
    layout: Layout, velocity: Any, density: Any, rate: np.ndarray, options: dict[str, Any]
) -> Any:
    import deepwave

    model = layout.grid(velocity)
    shape = model.shape[1:]
    injected = layout.amplitudes(rate) / layout.at_sources(density)
    return deepwave.acoustic(
        model,
        layout.grid(density),
        layout.survey.grid_spacing,
        layout.survey.dt,
        sources={"volume_rate": (injected, layout.sources(shape))},
        receivers={_channel(layout): layout.receivers(shape)},
        **options,
    )


def _viscoacoustic(
    layout: Layout, velocity: Any, density: Any, q: Any, rate: np.ndarray, options: dict[str, Any]
) -> Any:
    """Waves in standard linear solids whose Q hardly depends on the frequency.

    Their modulus is K (1 + m(f) / target), K at frequency zero and m(f) the same for every rock
    (Blanch, Robertsson and Symes, 1995, doi 10.1190/1.1443744). K and target are chosen so that
    velocity and Q are those asked for at the peak frequency.
    """
    import deepwave
    import torch
    from deepwave.attenuation import response

    survey = layout.survey
    band: dict[str, Any] = {"q_n_mechanisms": RELAXATIONS, "q_band": q_band(survey)}
    one, peak = torch.ones(1, dtype=torch.float64), torch.tensor([survey.peak_frequency])
    m = complex(response(one, peak, **band).item()) - 1
    # Q is the modulus' real part over its imaginary one, (target + Re m) / Im m.
    target = q * m.imag - m.real
    modulus = torch.complex(1 + m.real / target, m.imag / target)
    # The phase velocity of a wave is that at frequency zero over the real part of 1 / sqrt(M).
    relaxed = velocity * modulus.pow(-0.5).real
    model = layout.grid(relaxed)
    # Deepwave injects pressure, and an injected volume makes as much as the modulus says at each
    # frequency. Twice the length: what the relaxations keep must not come back at the beginning.
    emitted = layout.amplitudes(rate)
    length = 2 * emitted.shape[-1]
    frequencies = torch.fft.rfftfreq(length, survey.dt, device=layout.device)
    stiffness = response(layout.at_sources(target)[:, 0, 0], frequencies, **band)[:, None]
    injected = torch.fft.irfft(torch.fft.rfft(emitted, length) * stiffness, length)
    injected = injected[..., : length // 2] * layout.at_sources(relaxed) ** 2
    return deepwave.viscoacoustic(
        model,
        layout.grid(density),
        layout.grid(target),
        survey.grid_spacing,
        survey.dt,
        sources={"pressure_rate": (injected, layout.sources(model.shape))},
        receivers={_channel(layout): layout.receivers(model.shape)},
        **band,
        **options,
    )


def _elastic(
    layout: Layout, velocity: Any, density: Any, vs: Any, rate: np.ndarray, options: dict[str, Any]
) -> Any:
    import deepwave

    model = layout.grid(velocity)
    shape = model.shape[1:]
    injected = layout.amplitudes(rate) * layout.at_sources(velocity) ** 2
    return deepwave.elastic(
        *deepwave.vpvsrho_to_lambmubuoyancy(model, layout.grid(vs), layout.grid(density)),
        layout.survey.grid_spacing,
        layout.survey.dt,
        sources={"pressure_rate": (injected, layout.sources(shape))},
        receivers={_channel(layout): layout.receivers(shape)},
        **options,
    )


def _channel(layout: Layout) -> str:
    """Deepwave's name of what is recorded."""
    axes = layout.survey.axes
    names = dict(zip(axes, "zyx" if layout.ndim == 3 else "yx", strict=True))
    return "p" if layout.component == "pressure" else names[layout.component]


@contextlib.contextmanager
def _stable(physics: str, max_velocity: float) -> Iterator[None]:
    """Say what to pass where Deepwave's bound of stability is beyond the planned time step."""
    import deepwave

    try:
        yield
    except deepwave.DeepwaveValueError as error:
        if not str(error).startswith(("max_vel=", "viscoacoustic: max_vel")):
            raise
        low = ", or Q is too low," if physics == "viscoacoustic" else ""
        raise SimulationError(
            f"{physics} waves: stiffness and density vary too strongly{low} for the time step that "
            f"max_velocity={max_velocity:g} gives; pass max_velocity={1.5 * max_velocity:g}"
        ) from error
