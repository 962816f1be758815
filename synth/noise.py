"""Field-like noise and acquisition faults on shot gathers.

Every function takes a floating-point torch tensor of shape ``(..., time, receiver)``, one gather in
its last two dimensions (OpenFWI's ``(sample, source, time, receiver)`` is a stack of them), works
on the tensor's own device, and returns a new tensor: the input is never changed. What is random
comes from an explicit ``torch.Generator`` on the same device. Strengths may be one number or a
tensor of shape ``gathers.shape[:-2]``, one for each gather.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from seisgeo.errors import SimulationError

if TYPE_CHECKING:
    import torch

__all__ = [
    "add_noise",
    "add_spikes",
    "clip_traces",
    "delay_traces",
    "gain_in_time",
    "kill_traces",
    "reverse_traces",
    "scale_traces",
    "shift_traces",
]

# Part of the band over which the spectrum of band-limited noise rises, and falls, to avoid ringing.
_TAPER = 0.1


def add_noise(
    gathers: torch.Tensor,
    snr_db: float | torch.Tensor,
    *,
    dt: float,
    band: tuple[float, float] | None = None,
    color: float = 0.0,
    generator: torch.Generator,
) -> torch.Tensor:
    """Add Gaussian noise, band-limited and coloured, at a given signal-to-noise ratio.

    Parameters
    ----------
    gathers : Tensor, shape (..., time, receiver)
        Clean gathers.
    snr_db : float or Tensor of shape (...)
        Signal-to-noise ratio of each gather (dB): 10 log10 of the mean square of the gather over
        the mean square of its noise. The noise is scaled to have exactly that power, so a gather
        of zeros gets none. NaN (missing traces) stays NaN and is left out of both means.
    dt : float
        Sampling interval (s).
    band : (float, float), optional
        Lowest and highest frequency of the noise (Hz); its spectrum tapers to zero inside the band,
        so that there is none outside. By default all frequencies.
    color : float, default 0.0
        Power falls with frequency as f**-color: 0 white, 1 pink, 2 red.
    generator : torch.Generator
        Source of randomness, on the device of `gathers`.

    Returns
    -------
    Tensor
        Noisy gathers, same shape, type and device.

    Raises
    ------
    SimulationError
        If the sampling interval, the band, a shape, a type or a device does not fit.

    Examples
    --------
    >>> import torch
    >>> clean = torch.sin(torch.arange(500.0))[:, None].expand(500, 8)
    >>> noisy = add_noise(clean, 10.0, dt=0.002, band=(5, 60), generator=torch.Generator())
    >>> round(float(10 * torch.log10(clean.square().mean() / (noisy - clean).square().mean())), 2)
    10.0
    """
    import torch

    _check(gathers, generator)
    _check_dt(dt)
    snr = _per_gather(snr_db, gathers, "snr_db")
    n_time = gathers.shape[-2]
    shaping = _spectrum(n_time, dt, band, color).to(gathers)
    white = _randn(gathers.shape, gathers, generator)
    noise = torch.fft.irfft(torch.fft.rfft(white, dim=-2) * shaping[:, None], n=n_time, dim=-2)
    noise = torch.where(gathers.isnan(), torch.nan, noise)
    dims = (-2, -1)
    ratio = torch.sqrt(
        gathers.square().nanmean(dims, keepdim=True) / noise.square().nanmean(dims, keepdim=True)
    )
    return gathers + noise * (ratio * 10 ** (-snr / 20))


def kill_traces(
    gathers: torch.Tensor, fraction: float | torch.Tensor, *, generator: torch.Generator
) -> torch.Tensor:
    """Set traces to zero, as dead channels are.

    Parameters
    ----------
    gathers : Tensor, shape (..., time, receiver)
        Gathers.
    fraction : float or Tensor of shape (...)
        Part of each gather's traces (0 to 1); the nearest whole number of them is chosen.
    generator : torch.Generator
        Source of randomness, on the device of `gathers`.

    Returns
    -------
    Tensor
        Gathers with dead traces.

    Raises
    ------
    SimulationError
        If a fraction is not between 0 and 1, or a shape, type or device does not fit.
    """
    import torch

    chosen = _choose_traces(gathers, fraction, generator)
    return torch.where(chosen, torch.zeros_like(gathers), gathers)


def reverse_traces(
    gathers: torch.Tensor, fraction: float | torch.Tensor, *, generator: torch.Generator
) -> torch.Tensor:
    """Flip the polarity of traces, as wrongly wired geophones do.

    Parameters, return value and errors are those of :func:`kill_traces`.
    """
    import torch

    return torch.where(_choose_traces(gathers, fraction, generator), -gathers, gathers)


def clip_traces(
    gathers: torch.Tensor,
    fraction: float | torch.Tensor,
    *,
    level: float = 0.5,
    generator: torch.Generator,
) -> torch.Tensor:
    """Clip traces, as an overdriven channel does.

    Parameters
    ----------
    gathers : Tensor, shape (..., time, receiver)
        Gathers.
    fraction : float or Tensor of shape (...)
        Part of each gather's traces (0 to 1); the nearest whole number of them is chosen.
    level : float, default 0.5
        Largest amplitude kept, relative to the trace's own peak (0 to 1).
    generator : torch.Generator
        Source of randomness, on the device of `gathers`.

    Returns
    -------
    Tensor
        Gathers with clipped traces.

    Raises
    ------
    SimulationError
        If `level` or a fraction is not between 0 and 1, or a shape, type or device does not fit.
    """
    import torch

    if not 0 <= level <= 1:
        raise SimulationError(f"level: expected 0 to 1 of the trace's peak, found {level!r}")
    chosen = _choose_traces(gathers, fraction, generator)
    limit = level * gathers.abs().amax(dim=-2, keepdim=True)
    return torch.where(chosen, gathers.clamp(min=-limit, max=limit), gathers)


def add_spikes(
    gathers: torch.Tensor,
    fraction: float | torch.Tensor,
    *,
    amplitude: float = 2.0,
    generator: torch.Generator,
) -> torch.Tensor:
    """Add one spike, a single sample of either sign at a random time, to some traces.

    Parameters
    ----------
    gathers : Tensor, shape (..., time, receiver)
        Gathers.
    fraction : float or Tensor of shape (...)
        Part of each gather's traces (0 to 1); the nearest whole number of them is chosen.
    amplitude : float, default 2.0
        Height of a spike relative to the gather's peak.
    generator : torch.Generator
        Source of randomness, on the device of `gathers`.

    Returns
    -------
    Tensor
        Gathers with spikes.

    Raises
    ------
    SimulationError
        If a fraction is not between 0 and 1, or a shape, type or device does not fit.
    """
    import torch

    chosen = _choose_traces(gathers, fraction, generator)
    at = torch.randint(gathers.shape[-2], chosen.shape, generator=generator, device=gathers.device)
    coin = torch.randint(2, chosen.shape, generator=generator, device=gathers.device)
    peak = gathers.nan_to_num(nan=0.0).abs().amax(dim=(-2, -1), keepdim=True)
    height = amplitude * peak * (2 * coin - 1) * chosen
    # The amplitude of every trace's spike is added at its sample; it is zero where none is wanted.
    return gathers.scatter_add(-2, at, height.to(gathers.dtype))


def scale_traces(
    gathers: torch.Tensor, std_db: float | torch.Tensor, *, generator: torch.Generator
) -> torch.Tensor:
    """Multiply each trace by a random gain, as uneven coupling does.

    Parameters
    ----------
    gathers : Tensor, shape (..., time, receiver)
        Gathers.
    std_db : float or Tensor of shape (...)
        Standard deviation of the gains (dB), which are normally distributed around 0 dB.
    generator : torch.Generator
        Source of randomness, on the device of `gathers`.

    Returns
    -------
    Tensor
        Gathers with uneven traces.

    Raises
    ------
    SimulationError
        If a shape, type or device does not fit.
    """
    _check(gathers, generator)
    std = _per_gather(std_db, gathers, "std_db")
    gain_db = std * _randn((*gathers.shape[:-2], 1, gathers.shape[-1]), gathers, generator)
    return gathers * 10 ** (gain_db / 20)


def shift_traces(
    gathers: torch.Tensor, std: float | torch.Tensor, *, dt: float, generator: torch.Generator
) -> torch.Tensor:
    """Delay each trace by a random static.

    Parameters
    ----------
    gathers : Tensor, shape (..., time, receiver)
        Gathers.
    std : float or Tensor of shape (...)
        Standard deviation of the statics (s), which are normally distributed around zero.
    dt : float
        Sampling interval (s).
    generator : torch.Generator
        Source of randomness, on the device of `gathers`.

    Returns
    -------
    Tensor
        Gathers with statics; see :func:`delay_traces`.

    Raises
    ------
    SimulationError
        If the sampling interval, a shape, a type or a device does not fit.
    """
    _check(gathers, generator)
    scale = _per_gather(std, gathers, "std")
    statics = scale * _randn((*gathers.shape[:-2], 1, gathers.shape[-1]), gathers, generator)
    return delay_traces(gathers, statics[..., 0, :], dt=dt)


def delay_traces(gathers: torch.Tensor, delay: float | torch.Tensor, *, dt: float) -> torch.Tensor:
    """Delay traces by any time, also by fractions of a sample, through their Fourier transform.

    Parameters
    ----------
    gathers : Tensor, shape (..., time, receiver)
        Gathers.
    delay : float or Tensor that broadcasts to shape (..., receiver)
        Delay of each trace (s); negative values advance it. What leaves the record is lost, and
        zeros come in at the other end.
    dt : float
        Sampling interval (s).

    Returns
    -------
    Tensor
        Delayed gathers. Exact for signals below the Nyquist frequency that start and end near zero.

    Raises
    ------
    SimulationError
        If the sampling interval, the type or the shape of `delay` does not fit.

    Examples
    --------
    >>> import torch
    >>> spike = torch.zeros(100, 2)
    >>> spike[40] = 1.0
    >>> delay_traces(spike, torch.tensor([0.012, -0.02]), dt=0.004).argmax(0)
    tensor([43, 35])
    """
    import torch

    _check(gathers)
    _check_dt(dt)
    delay = torch.as_tensor(delay, dtype=gathers.dtype, device=gathers.device)
    traces = (*gathers.shape[:-2], gathers.shape[-1])
    try:
        delay = delay.expand(traces)
    except RuntimeError:
        raise SimulationError(
            f"delay: expected a number or a shape that fits (..., receiver) = {traces}, "
            f"found {tuple(delay.shape)}"
        ) from None
    n_time = gathers.shape[-2]
    # Zeros after the record take what would otherwise wrap around from one end to the other; a
    # delay longer than the record leaves nothing of it, so it need not be longer than that.
    delay = delay.clamp(-n_time * dt, n_time * dt)
    n_padded = 2 * n_time
    frequency = torch.fft.rfftfreq(n_padded, dt, dtype=gathers.dtype, device=gathers.device)
    phase = -2 * math.pi * frequency[:, None] * delay[..., None, :]
    spectrum = torch.fft.rfft(gathers, n=n_padded, dim=-2) * torch.exp(1j * phase)
    return torch.fft.irfft(spectrum, n=n_padded, dim=-2)[..., :n_time, :]


def gain_in_time(gathers: torch.Tensor, power: float | torch.Tensor, *, dt: float) -> torch.Tensor:
    """Multiply by t**power: spreading is undone by a positive power, imitated by a negative one.

    Parameters
    ----------
    gathers : Tensor, shape (..., time, receiver)
        Gathers whose first sample is at time zero.
    power : float or Tensor of shape (...)
        Exponent. The time t is in seconds; the first sample uses t = `dt` in place of 0.
    dt : float
        Sampling interval (s).

    Returns
    -------
    Tensor
        Gathers with gain.

    Raises
    ------
    SimulationError
        If the sampling interval, the type or the shape of `power` does not fit.
    """
    import torch

    _check(gathers)
    _check_dt(dt)
    time = dt * torch.arange(gathers.shape[-2], dtype=gathers.dtype, device=gathers.device)
    return gathers * time.clamp(min=dt)[:, None] ** _per_gather(power, gathers, "power")


def _spectrum(
    n_time: int, dt: float, band: tuple[float, float] | None, color: float
) -> torch.Tensor:
    """Amplitude of the noise at each frequency of a record, shape (n_time // 2 + 1,)."""
    import torch

    frequency = torch.fft.rfftfreq(n_time, dt, dtype=torch.float64)
    amplitude = torch.ones_like(frequency)
    if color:
        amplitude = frequency.clamp(min=float(frequency[1])) ** (-color / 2)
        amplitude[0] = 0.0
    if band is None:
        return amplitude
    low, high = band
    nyquist = 0.5 / dt
    if not 0 <= low < high or high > nyquist * (1 + 1e-9):
        raise SimulationError(
            f"band: expected 0 <= low < high <= {nyquist:g} Hz, the Nyquist frequency of "
            f"dt = {dt:g} s; found ({low:g}, {high:g})"
        )
    # Distance to the nearer edge of the band, in tapers. At zero and at the Nyquist frequency the
    # spectrum ends by itself.
    ramp = torch.minimum(
        torch.full_like(frequency, torch.inf) if low == 0 else frequency - low,
        torch.full_like(frequency, torch.inf) if high >= nyquist else high - frequency,
    ) / (_TAPER * (high - low))
    amplitude = amplitude * torch.sin(0.5 * math.pi * ramp.clamp(0, 1))
    if not (amplitude > 1e-6).any():
        raise SimulationError(
            f"band: no frequency of a record of {n_time} samples of {dt:g} s "
            f"(steps of {1 / (n_time * dt):g} Hz) lies within ({low:g}, {high:g}) Hz; widen it"
        )
    return amplitude


def _choose_traces(
    gathers: torch.Tensor, fraction: float | torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Mask of the chosen traces, shape (..., 1, receiver)."""
    import torch

    _check(gathers, generator)
    part = _per_gather(fraction, gathers, "fraction")
    if not bool(((part >= 0) & (part <= 1)).all()):
        raise SimulationError(f"fraction: expected 0 to 1 of the traces, found {fraction}")
    n_receivers = gathers.shape[-1]
    shape = (*gathers.shape[:-2], 1, n_receivers)
    # The rank of a random number is a random permutation: exactly so many are below a limit.
    order = torch.rand(shape, generator=generator, device=gathers.device).argsort(dim=-1)
    return order.argsort(dim=-1) < torch.round(part * n_receivers)


def _randn(shape: tuple[int, ...], like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    import torch

    return torch.randn(shape, generator=generator, dtype=like.dtype, device=like.device)


def _per_gather(value: float | torch.Tensor, gathers: torch.Tensor, name: str) -> torch.Tensor:
    """`value` with shape (..., 1, 1), one for each gather."""
    import torch

    tensor = torch.as_tensor(value, dtype=gathers.dtype, device=gathers.device)
    if tensor.ndim and tensor.shape != gathers.shape[:-2]:
        raise SimulationError(
            f"{name}: expected a number or one for each gather, shape {tuple(gathers.shape[:-2])}; "
            f"found shape {tuple(tensor.shape)}"
        )
    return tensor[..., None, None]


def _check(gathers: torch.Tensor, generator: torch.Generator | None = None) -> None:
    import torch

    if not isinstance(gathers, torch.Tensor):
        raise SimulationError(
            f"gathers: expected a torch tensor (..., time, receiver), found "
            f"{type(gathers).__name__}; use torch.as_tensor"
        )
    if gathers.dtype not in (torch.float32, torch.float64):
        raise SimulationError(
            f"gathers: expected float32 or float64, found {gathers.dtype}; use .float()"
        )
    if gathers.ndim < 2 or 0 in gathers.shape:
        raise SimulationError(
            f"gathers: expected (..., time, receiver), found shape {tuple(gathers.shape)}"
        )
    if generator is not None and generator.device.type != gathers.device.type:
        raise SimulationError(
            f"generator: expected one on {gathers.device}, where the gathers are, found "
            f"{generator.device}; use torch.Generator(device={str(gathers.device)!r})"
        )


def _check_dt(dt: float) -> None:
    if not (math.isfinite(dt) and dt > 0):
        raise SimulationError(f"dt: expected seconds above zero, found {dt!r}")
