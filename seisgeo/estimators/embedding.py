"""Samples through an encoder, block by block, and the cube that comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.devices import CPU_BATCH, default_device
from seisgeo.errors import ConventionError
from seisgeo.estimators.matching import is_even, positions_of, reads_any_positions
from seisgeo.estimators.physics_rows import physics_rows
from seisgeo.estimators.views import MODALITIES, Views, thin, views_of

if TYPE_CHECKING:
    import torch

    from seisgeo.estimators.binding import Binding

__all__ = [
    "batches_of",
    "coherence_of",
    "embed",
    "embed_samples",
    "embedding_cube",
    "features_of",
    "features_of_samples",
    "sample_coords",
    "side_by_side",
]

#: Rows read and sent to the device at once.
BATCH = 256
#: What is read of lazy samples at once, at most.
BLOCK_BYTES = 2**30


def embed(
    encoder: Any,
    batches: Iterable[np.ndarray],
    device: str | None,
    *,
    call: str = "forward",
    given: tuple[Any, ...] = (),
) -> np.ndarray:
    """What an encoder's method `call` makes of all rows, shape (row, feature), float32.

    Parameters
    ----------
    encoder : torch.nn.Module
        Left on the CPU.
    batches : iterable of numpy.ndarray
        Rows, float32.
    device : str or None
        Where to compute; None takes the default.
    call : str, default "forward"
        Method of the encoder.
    given : tuple of torch.Tensor, optional
        Further arguments of it, the same for every row.
    """
    import torch

    place = default_device(device)
    size = CPU_BATCH if place == "cpu" else BATCH
    encoder = encoder.to(place).eval()
    given = tuple(values.to(place) for values in given)
    parts = []
    with torch.inference_mode():
        for rows in batches:
            # Features stay on the device: the next batch is read while this one is computed.
            for values in torch.from_numpy(rows).to(place).split(size):
                parts.append(getattr(encoder, call)(values, *given).float())
        found = torch.cat(parts).cpu().numpy()
    encoder.to("cpu")
    return found


def batches_of(views: Views, modality: str) -> Iterator[np.ndarray]:
    """Rows of one of the views, in order."""
    for start in range(0, len(views), BATCH):
        yield views[range(start, min(start + BATCH, len(views)))][modality]


def embed_samples(model: Binding, ds: xr.Dataset, modality: str) -> np.ndarray:
    """Embed samples of a dataset; what is lazy is read block by block, and never whole.

    Parameters
    ----------
    model : Binding
        Fitted.
    ds : xarray.Dataset
        Samples that :func:`~seisgeo.estimators.matching.prepare` has let pass.
    modality : str
        What to embed.

    Returns
    -------
    numpy.ndarray
        Shape (sample, feature), unit vectors.

    Raises
    ------
    ConventionError
        If values are not finite or shapes differ from the training set's.
    """
    batches, given = _asked(model, ds, modality)
    return embed(model.encoders_[modality], batches, model.device, given=given)


def features_of_samples(model: Binding, ds: xr.Dataset) -> np.ndarray:
    """As :func:`features_of`, of the gathers of a dataset, read as by :func:`embed_samples`."""
    return features_of(model, *_asked(model, ds, "seismic"))


def features_of(
    model: Binding, batches: Iterable[np.ndarray], given: tuple[Any, ...] = ()
) -> np.ndarray:
    """Features of gathers, and of their mirror images where these are gathers of the survey, too.

    Features are the embedding before its length is made one. A mirrored earth has the same
    descriptors, and what is read off twice is known better.

    Parameters
    ----------
    model : Binding
        Fitted.
    batches : iterable of numpy.ndarray
        Gathers as the encoder sees them, float32.
    given : tuple of torch.Tensor, optional
        Further arguments of the encoder.

    Returns
    -------
    numpy.ndarray
        Shape (sample, copy, feature); the first copy is the gathers themselves.
    """
    survey, encoder = model.survey_, model.encoders_["seismic"]
    even = survey is not None and is_even(xr.Dataset(coords=survey.coords()))
    turned = even and not reads_any_positions(model)

    def both() -> Iterator[np.ndarray]:
        for batch in batches:
            yield batch
            if turned:
                yield np.ascontiguousarray(batch[:, ::-1, :, ::-1])
            sizes.append(len(batch))

    sizes: list[int] = []
    found = embed(encoder, both(), model.device, call="features", given=given)
    copies = 1 + turned
    ends = copies * np.cumsum(sizes)[:-1]
    parts = [part.reshape(copies, -1, part.shape[1]) for part in np.split(found, ends)]
    return np.concatenate(parts, axis=1).transpose(1, 0, 2)


def _asked(
    model: Binding, ds: xr.Dataset, modality: str
) -> tuple[Iterator[np.ndarray], tuple[Any, ...]]:
    """Batches of one modality, and what its encoder is given besides."""
    given: tuple[Any, ...] = ()
    if modality == "seismic" and reads_any_positions(model):
        given = positions_of(ds)
    variable = MODALITIES[modality][0]
    kept = [variable]
    if modality == "physics":
        kept = [variable, "descriptor_std"] if variable in ds else ["velocity"]
    if kept[0] in ds:
        ds = ds[[name for name in kept if name in ds]]
    return _checked(model, ds, modality, any_positions=bool(given)), given


def _checked(
    model: Binding, ds: xr.Dataset, modality: str, *, any_positions: bool
) -> Iterator[np.ndarray]:
    """Batches of one modality, each read and checked as it is due."""
    n = ds.sizes.get("sample", 0)
    # A chunk is read once, where it is not larger than memory should be.
    most = max(1, BLOCK_BYTES * n // max(1, ds.nbytes))
    # Of the samples alone: coordinates of a Zarr store have chunks of their own.
    chunks = ds[next(iter(ds.data_vars))].variable.chunksizes if ds.data_vars else {}
    block = min(most, max(BATCH, chunks.get("sample", (0,))[0]))
    for start in range(0, max(n, 1), block):
        part = ds.isel(sample=slice(start, start + block)) if "sample" in ds.dims else ds
        try:
            if modality == "physics":
                yield physics_rows(model, part)
                continue
            views = views_of(part, [modality])
        except ConventionError as error:
            if n <= block:
                raise
            raise ConventionError(
                f"samples from {start} to {start + block - 1}: {error}"
            ) from error
        expected, found = model.shapes_[modality], views.shapes[modality]
        same = found[1] == expected[1] if any_positions else found == expected
        if not same:
            raise ConventionError(
                f"the model embeds {modality} samples of shape {expected}, found {found}"
            )
        rows = np.ascontiguousarray(views.arrays[modality], dtype=np.float32)
        for first in range(0, len(rows), BATCH):
            batch = rows[first : first + BATCH]
            yield thin(batch, model.thinning_) if modality == "seismic" else batch


def coherence_of(model: Binding, ds: xr.Dataset) -> np.ndarray:
    """Coherence of each sample's gathers as the encoder sees them, shape (sample,)."""
    from seisgeo.retrieval.confidence import coherence

    variable, dims = MODALITIES["seismic"]
    gathers = ds[variable].transpose(*dims)
    receiver = positions_of(ds)[1] if reads_any_positions(model) else None
    blocks = (gathers[start : start + BATCH].values for start in range(0, len(gathers), BATCH))
    return np.concatenate(
        [coherence(side_by_side(thin(block, model.thinning_), receiver)) for block in blocks]
    )


def side_by_side(gathers: np.ndarray, receiver: torch.Tensor | None) -> np.ndarray:
    """Gathers (sample, source, time, receiver) with their traces in the order of x.

    Parameters
    ----------
    gathers : numpy.ndarray
        Their traces in any order.
    receiver : torch.Tensor or None
        Positions, (source, receiver, 2); None leaves them as they are.
    """
    if receiver is None:
        return gathers
    order = receiver[..., 0].argsort(dim=1, stable=True).numpy()
    return np.take_along_axis(gathers, order[None, :, None, :], axis=3)


def embedding_cube(
    ds: xr.Dataset, embedding: np.ndarray, modality: str, model_id: str, row: str = "event"
) -> xr.Dataset:
    """Embedding cube with the coordinates along `row` of what was embedded."""
    return conventions.describe(
        xr.Dataset(
            {"embedding": (("sample", "feature"), embedding)},
            coords={**sample_coords(ds, row), "modality": modality},
            attrs={
                **conventions.provenance(source=ds.attrs.get("source"), model=model_id),
                "modality": modality,
            },
        )
    )


def sample_coords(ds: xr.Dataset, row: str = "sample") -> dict[str, Any]:
    """Coordinates along `row`, as those of samples."""
    return {str(k): ("sample", v.values, v.attrs) for k, v in ds.coords.items() if v.dims == (row,)}
