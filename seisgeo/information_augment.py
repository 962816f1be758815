"""Augmentation of records together with what is known of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seisgeo.encoders.information import INFORMATION

__all__ = ["shift_with_times"]

#: Share of a record's length by which it is shifted at most.
REACH = 1 / 12
#: What goes around stays clear of arrivals by this share of the record (0.3 s of 60).
CLEAR = 0.005


def shift_with_times(
    waveforms: Tensor, information: Tensor, fields: Sequence[str], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Shift records by random times, and the times that are known of them along.

    What leaves a record at one end comes back at the other. A record is shifted to earlier times
    only as far as noise leaves, before its first known time, and to later times only as far as it
    leaves after ``coda_end``; where that is not known, not at all.

    Parameters
    ----------
    waveforms : torch.Tensor
        Shape (batch, component, time).
    information : torch.Tensor
        Scaled fields (batch, field), as :func:`seisgeo.estimators.records.information_of` makes
        them: times as shares of the record's length, 0 what is not known.
    fields : sequence of str
        Their names.
    generator : torch.Generator
        Draws the shifts, uniform in what is allowed.

    Returns
    -------
    waveforms, information : torch.Tensor
        The same shapes, shifted.
    """
    times = [i for i, name in enumerate(fields) if INFORMATION[name] is None]
    if not times:
        return waveforms, information
    nt = waveforms.shape[2]
    column = information[:, times]
    known = column != 0
    first = torch.where(known, column, torch.inf).amin(dim=1)
    earlier = torch.where(known.any(dim=1), first - CLEAR, 0.0).clamp(0.0, REACH)
    later = torch.zeros_like(earlier)
    if "coda_end" in fields:
        end = information[:, list(fields).index("coda_end")]
        last = torch.where(known, column, -torch.inf).amax(dim=1)
        later = torch.where(end > 0, 1 - CLEAR - last, 0.0).clamp(0.0, REACH)
    drawn = torch.rand(len(waveforms), generator=generator, device=waveforms.device)
    shift = torch.round((drawn * (earlier + later) - earlier) * nt)  # samples
    index = torch.arange(nt, device=waveforms.device) - shift[:, None]
    index = index.remainder(nt).long()[:, None].expand_as(waveforms)
    moved = information.clone()
    moved[:, times] = torch.where(known, column + shift[:, None] / nt, column)
    return waveforms.gather(2, index), moved
