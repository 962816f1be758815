"""Asked by descriptors, uncertain or in part; and without embeddings, for comparison."""

from __future__ import annotations

import numpy as np
from seisbind_rows import Run, Table, embedding_row, recall_row

#: Standard deviations of errors in all descriptors, over those that the descriptors have.
ERRORS = (0.1, 0.3)
#: Descriptors that are known, drawn for each query.
KNOWN = (10, 5, 3)
SEED = 0


def asked_by_physics(run: Run) -> Table:
    """Recalls of models and of gathers by what is known of the earth, gallery of 1 000.

    Rows "by descriptors" compare with descriptors instead of embeddings: those of the models, or
    those that the head reads off the gathers; the squared differences are over the variances of
    the errors on both sides.
    """
    cube = run.queries[["descriptor_value"]].isel(sample=run.some).load()
    cube = cube.sel(descriptor=run.model.descriptors_)
    true = cube["descriptor_value"].values
    galleries = {"models": run.query("velocity"), "gathers": run.query("seismic")}
    told = {"models": (true, np.zeros_like(true))}
    if run.model.head_ is not None:
        read = run.read_off.sel(descriptor=run.model.descriptors_)
        wide = read["descriptor_high"].values - read["descriptor_low"].values
        told["gathers"] = (read["descriptor_value"].values, wide / (2 * 1.645))  # nine in ten
    rows: Table = {}
    for name, values, std in queries(true):
        dims = ("sample", "descriptor")
        embedding = run.embed(
            cube.assign(descriptor_value=(dims, values), descriptor_std=(dims, std)), "physics"
        )
        for kind, gallery in galleries.items():
            rows[f"{name} -> {kind}"] = embedding_row(embedding, gallery[run.some])
            if kind in told:
                ranks = descriptor_ranks(values, std, *told[kind])
                rows[f"{name} -> {kind}, by descriptors"] = recall_row(ranks, len(true))
    return rows


def queries(true: np.ndarray) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Name, values and standard deviations of each way to ask; NaN is unknown."""
    random = np.random.default_rng(SEED)
    spread = np.broadcast_to(true.std(axis=0), true.shape)
    none = np.zeros_like(true)
    found = [("all known", true, none)]
    for size in ERRORS:
        wrong = true + size * spread * random.standard_normal(true.shape)
        found.append((f"errors of {size:g}", wrong.astype(np.float32), size * spread))
    for count in KNOWN:
        unknown = random.random(true.shape).argsort(axis=1) >= count
        values = np.where(unknown, np.nan, true).astype(np.float32)
        found.append((f"{count} of {true.shape[1]} known", values, none))
    return found


def descriptor_ranks(
    values: np.ndarray, std: np.ndarray, told: np.ndarray, doubt: np.ndarray
) -> np.ndarray:
    """Rank of each query's own sample by its descriptors; ties count against it."""
    scale = told.std(axis=0)
    floor = 1e-3  # of what is told exactly
    ranks = []
    for i, (value, error) in enumerate(zip(values, std, strict=True)):
        known = ~np.isnan(value)
        variance = ((doubt / scale) ** 2 + (error / scale) ** 2 + floor**2)[:, known]
        apart = ((value - told) / scale)[:, known] ** 2 / variance
        distance = (apart + np.log(variance)).sum(axis=1)
        ranks.append(int((distance <= distance[i]).sum()))
    return np.array(ranks)
