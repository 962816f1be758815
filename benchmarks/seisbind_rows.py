"""Rows of the SeisBind benchmark: what a model finds, with bootstrap intervals."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import seisbind_data as data
import xarray as xr

MODALITIES = ("seismic", "velocity", "physics")
#: Rows of all descriptors together.
MEAN, MEDIAN = "mean of all", "median of all"
#: Shares of a descriptor's interquartile range below which it might count as zero.
ZEROS = (0.001, 0.05, 0.1, 0.25)
Row = dict[str, Any]
Table = dict[str, Row]


def recall_row(ranks: np.ndarray, gallery: int) -> Row:
    """Recalls, ranks and their 95 % intervals."""
    from seisgeo.metrics import bootstrap_interval, recall_at_k

    row: Row = {"queries": len(ranks), "gallery": gallery}
    for k in (1, 5, 10):
        row[f"recall_{k}"] = recall_at_k(ranks, k)
        row[f"recall_{k}_interval"] = bootstrap_interval(ranks <= k)
    row["median_rank"] = float(np.median(ranks))
    row["median_rank_interval"] = bootstrap_interval(ranks, np.median)
    row["mean_reciprocal_rank"] = float((1 / ranks).mean())
    row["mean_reciprocal_rank_interval"] = bootstrap_interval(1 / ranks)
    return row


def embedding_row(query: np.ndarray, gallery: np.ndarray) -> Row:
    """A row for embeddings whose first rows are pairs, with the similarities."""
    from seisgeo.metrics import bootstrap_interval, pair_ranks

    n, size = len(query), len(gallery)
    pairs = (query * gallery[:n]).sum(axis=1)
    # Mean over the others: the sum over all of the gallery, less the pair.
    others = (query @ gallery.sum(axis=0) - pairs) / max(1, size - 1)
    return recall_row(pair_ranks(query, gallery), size) | {
        "pair_similarity": float(pairs.mean()),
        "pair_similarity_interval": bootstrap_interval(pairs),
        "other_similarity": float(others.mean()),
        "other_similarity_interval": bootstrap_interval(others),
    }


class Run:
    """A trained model's answers to the queries.

    Parameters
    ----------
    model : SeisBind
        The model.
    queries : xarray.Dataset
        Pairs that are asked with.
    size : seisbind_data.Size
        How many there are, and how large galleries are.
    folder : pathlib.Path
        Keeps embeddings of drawn models, block by block.
    """

    def __init__(self, model: Any, queries: xr.Dataset, size: data.Size, folder: Path) -> None:
        self.model, self.queries, self.size = model, queries, size
        self.folder = folder / model.model_id_[:16]
        self.family = queries["family"].values
        self.some = self.first_hundred(queries)
        self._kept: dict[str, np.ndarray] = {}
        self._inferred: dict[int | None, Any] = {}

    @staticmethod
    def first_hundred(queries: xr.Dataset) -> np.ndarray:
        """Rows of the first hundred queries of each family: those of galleries of 1 000."""
        family = queries["family"].values
        return np.concatenate([np.flatnonzero(family == f)[:100] for f in data.FAMILIES])

    def embed(self, ds: xr.Dataset, modality: str) -> np.ndarray:
        return self.model.transform(ds, modality)["embedding"].values

    def query(self, modality: str) -> np.ndarray:
        """Embeddings of all queries."""
        if modality not in self._kept:
            self._kept[modality] = self.embed(self.queries, modality)
        return self._kept[modality]

    def embed_models(self, velocity: np.ndarray) -> np.ndarray:
        return self.embed(data.as_cube(velocity, self.queries), "velocity")

    def block(self, number: int) -> np.ndarray:
        """Embeddings of a block of drawn models, kept."""
        file = self.folder / f"{number:06d}.npy"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_suffix(f".part{os.getpid()}")
            with partial.open("wb") as opened:
                np.save(opened, self.embed_models(data.drawn_block(number)[0]))
            partial.replace(file)
        return np.load(file, allow_pickle=False)

    def gallery(self, models: int) -> tuple[np.ndarray, np.ndarray]:
        """Embeddings and families of that many models of each family, the queries' own first."""
        from tqdm.auto import tqdm

        parts, families = [self.query("velocity")], [self.family]
        numbers = range(self.size.queries // data.BLOCK, -(-models // data.BLOCK))
        index = np.tile(np.arange(data.BLOCK), len(data.FAMILIES))
        family = np.repeat(np.array(data.FAMILIES, dtype=object), data.BLOCK)
        for number in tqdm(numbers, "gallery", disable=len(numbers) < 10):
            at = number * data.BLOCK + index
            inside = (self.size.queries <= at) & (at < models)
            parts.append(self.block(number)[inside])
            families.append(family[inside])
        return np.concatenate(parts), np.concatenate(families)

    def mixed(self, seismic: np.ndarray | None = None) -> Row:
        """A hundred queries of each family against their own models, the gallery of 1 000."""
        if seismic is None:
            seismic = self.query("seismic")[self.some]
        return embedding_row(seismic, self.query("velocity")[self.some])

    def among(self, models: int) -> Row:
        """All queries against that many models of each family."""
        return embedding_row(self.query("seismic"), self.gallery(models)[0])

    def of_families(self, chosen: Sequence[str], models: int) -> dict[str, Row]:
        """Queries and gallery of one family after the other, that many models of each."""
        gallery, families = self.gallery(models)
        asked = self.query("seismic")
        return {
            family: embedding_row(asked[self.family == family], gallery[families == family])
            for family in chosen
        }

    def directions(self) -> Table:
        """Every modality asked with every other, gallery of 1 000."""
        z = {m: self.query(m)[self.some] for m in MODALITIES}
        pairs = [(a, b) for a in MODALITIES for b in MODALITIES if a != b]
        return {f"{a} -> {b}": embedding_row(z[a], z[b]) for a, b in pairs}

    def twins(self) -> Row:
        """Ten galleries, each of a tenth of the queries' models with their near-twins."""
        from seisgeo.metrics import bootstrap_interval, pair_ranks

        velocity = self.queries["velocity"].isel(sample=self.some).values
        twins = data.near_twins(velocity)
        embedded = self.embed_models(twins.reshape(-1, *velocity.shape[1:]))
        embedded = embedded.reshape(len(velocity), data.TWINS, -1)
        own, seismic = self.query("velocity")[self.some], self.query("seismic")[self.some]
        ranks, sizes = [], []
        for first in range(min(10, len(own))):
            rows = np.arange(first, len(own), 10)  # as many of each family
            gallery = np.concatenate([own[rows], embedded[rows].reshape(-1, own.shape[1])])
            ranks.append(pair_ranks(seismic[rows], gallery))
            sizes.append(len(gallery))
        near = np.einsum("qf,qtf->qt", seismic, embedded).mean(axis=1)
        return recall_row(np.concatenate(ranks), max(sizes)) | {
            "twin_similarity": float(near.mean()),
            "twin_similarity_interval": bootstrap_interval(near),
        }

    def field(self, folder: Path, *, only: str | None = None) -> Table:
        """Field conditions, gallery of 1 000."""
        queries = self.queries.isel(sample=self.some).load()
        rows = {}
        for name, gathers in data.conditions(queries, only=only):
            rows[name] = self.mixed(self.embed(with_gathers(queries, gathers), "seismic"))
        if only is None:
            count = min(100, self.size.queries)
            for frequency in data.WAVELETS:
                other = data.other_wavelet(folder, frequency, count, self.model.device)
                changed = with_gathers(queries, other["amplitude"].transpose(*DIMS).values)
                name = f"wavelet of {frequency:g} Hz"
                rows[name] = self.mixed(self.embed(changed, "seismic"))
        return rows

    def descriptors(self, models: int | None = None) -> Table:
        """Errors of descriptors by five neighbours without the true model, with floor and head.

        The gallery has that many models of each family, or the queries' own alone.
        """
        inferred, true, inside, gallery = self.inferred(models)
        names = self.model.descriptors_
        table = descriptor_table(inferred, true, names)
        if inside is not None:
            for name, share in zip(names, inside, strict=True):
                table[name]["coverage"] = float(share)
        for row in table.values():
            row |= {"gallery": gallery, "queries": len(true)}
        return table

    @functools.cached_property
    def read_off(self) -> xr.Dataset:
        """Descriptors that the head reads off the queries' gathers."""
        return self.model.infer_descriptors(self.queries[["amplitude"]].isel(sample=self.some))

    def inferred(
        self, models: int | None
    ) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray | None, int]:
        """Descriptors by each way, true ones, shares in the intervals, size of the gallery."""
        if models in self._inferred:
            return self._inferred[models]
        from seisgeo import descriptors
        from seisgeo.evaluation import nearest_by_value, nearest_others

        names = self.model.descriptors_
        every = self.queries["descriptor_value"].sel(descriptor=names).values
        true, known = every[self.some], every[self.some]
        gallery = self.query("velocity")[self.some]
        if models is not None:
            rest = np.setdiff1d(np.arange(len(every)), self.some)
            velocity, _ = data.drawn_models(self.size.queries, models)
            physics = descriptors.compute(data.as_cube(velocity, self.queries))
            drawn = physics["descriptor_value"].sel(descriptor=names).values
            known = np.concatenate([true, every[rest], drawn])
            others = self.gallery(models)[0]
            gallery = np.concatenate([gallery, others[rest], others[len(every) :]])
        k = min(5, len(gallery) - 1)
        seismic = self.query("seismic")[self.some]
        inferred = {
            "neighbours": known[nearest_others(seismic, gallery, k)].mean(axis=1),
            "floor": known[nearest_by_value(true, known, k)].mean(axis=1),
        }
        inside = None
        if self.model.head_ is not None:
            read = self.read_off
            inferred["head"] = read["descriptor_value"].sel(descriptor=names).values
            ends = [read[f"descriptor_{e}"].sel(descriptor=names).values for e in ("low", "high")]
            inside = ((ends[0] <= true) & (true <= ends[1])).mean(axis=0)
        self._inferred[models] = inferred, true, inside, len(gallery)
        return self._inferred[models]

    def near_zero(self, models: int) -> Table:
        """Mean relative errors, by what counts as zero."""
        inferred, true, _, _ = self.inferred(models)
        return {
            f"{share:g} of the interquartile range": relative_row(inferred, true, share=share)
            for share in ZEROS
        }

    def descriptors_by_family(self, models: int) -> Table:
        """Mean relative errors of the models of each family."""
        inferred, true, _, _ = self.inferred(models)
        family = self.family[self.some]
        return {f: relative_row(inferred, true, rows=family == f) for f in data.FAMILIES}

    def trust(self) -> Table:
        """What the best hit's probability is worth, with and without the own model, and flags.

        The last row is of records that are no gathers, all of which should be flagged.
        """
        from seisgeo.estimators.embedding import coherence_of
        from seisgeo.evaluation import best_hits
        from seisgeo.metrics import bootstrap_interval, expected_calibration_error
        from seisgeo.retrieval.confidence import strangers_of

        confidence = self.model.confidence_
        if confidence is None:
            return {}
        queries = self.queries.isel(sample=self.some).load()
        velocity = self.query("velocity")[self.some]

        def calibration(rows: np.ndarray) -> float:
            return expected_calibration_error(rows[:, 0], rows[:, 1])

        def row(gathers: np.ndarray | None, *, known: bool = True) -> Row:
            asked = queries if gathers is None else with_gathers(queries, gathers)
            seismic = self.embed(asked, "seismic")
            flagged = confidence.is_stranger(seismic, coherence_of(self.model, asked))
            found: Row = {}
            if known:
                probability, right = best_hits(confidence, seismic, velocity)
                both = np.column_stack([probability, right])
                found = {
                    "probability": float(probability.mean()),
                    "right": float(right.mean()),
                    "calibration_error": calibration(both),
                    "calibration_error_interval": bootstrap_interval(both, calibration, draws=200),
                }
            return found | {
                "flagged": float(flagged.mean()),
                "flagged_interval": bootstrap_interval(flagged),
                "queries": len(flagged),
            }

        rows = {"ours": row(None)}
        for condition in ("noise, 10 dB", "noise, 0 dB", data.NOISY_AND_DEAD):
            ((_, gathers),) = data.conditions(queries, only=condition)
            rows[condition] = row(gathers)
        strange = strangers_of(queries["amplitude"].values, np.random.default_rng(0))
        rows["no gathers"] = row(strange, known=False)
        return rows

    def speed(self) -> Row:
        """Gathers and models embedded in a second, from memory, checks included."""
        asked = self.queries.isel(sample=self.some[:512]).load()
        row: Row = {"batch": asked.sizes["sample"]}
        for modality in ("seismic", "velocity"):
            self.embed(asked, modality)  # what is made once
            wall, cpu = time.perf_counter(), time.process_time()
            self.embed(asked, modality)
            row[f"{modality}_per_second"] = row["batch"] / (time.perf_counter() - wall)
            row[f"{modality}_per_cpu_second"] = row["batch"] / (time.process_time() - cpu)
        return row


DIMS = ("sample", "source", "time", "receiver")


def with_gathers(queries: xr.Dataset, gathers: np.ndarray) -> xr.Dataset:
    """The queries with other gathers in their place."""
    changed = queries.assign(amplitude=(DIMS, gathers))
    changed["amplitude"].attrs = queries["amplitude"].attrs
    return changed


def descriptor_table(inferred: dict[str, np.ndarray], true: np.ndarray, names: list[str]) -> Table:
    """Errors of each descriptor, and their mean, for each way in which they were inferred.

    The relative errors leave out samples whose true value is near zero, and count them.
    """
    from seisgeo.metrics import bootstrap_interval, sample_errors

    def cube(values: np.ndarray) -> xr.DataArray:
        return xr.DataArray(values, {"descriptor": names}, ("sample", "descriptor"))

    table: Table = {name: {} for name in (*names, MEAN, MEDIAN)}
    for way, values in inferred.items():
        errors = sample_errors(cube(values), cube(true))
        for measure in ("relative", "over_iqr"):
            e = errors[measure].values
            for i, name in enumerate(names):
                column = e[~np.isnan(e[:, i]), i]
                row = table[name]
                row[f"{way}_{measure}"] = float(column.mean()) if len(column) else None
                row[f"{way}_{measure}_interval"] = (
                    bootstrap_interval(column) if len(column) else None
                )
                if measure == "relative":
                    row["left_out"] = len(e) - len(column)
            for summary, of in ((MEAN, np.mean), (MEDIAN, np.median)):

                def overall(rows: np.ndarray, of: Any = of) -> float:
                    return float(of(mean_errors(rows)))

                table[summary][f"{way}_{measure}"] = overall(e)
                table[summary][f"{way}_{measure}_interval"] = bootstrap_interval(e, overall)
    return table


def relative_row(
    inferred: dict[str, np.ndarray],
    true: np.ndarray,
    *,
    rows: np.ndarray | slice = slice(None),
    share: float | None = None,
) -> Row:
    """Relative errors of some rows, meaned over descriptors, by a share that counts as zero."""
    from seisgeo.metrics import NEAR_ZERO, sample_errors

    dims = ("sample", "descriptor")
    row: Row = {}
    for way, values in inferred.items():
        cubes = (xr.DataArray(v, dims=dims) for v in (values, true))
        near_zero = NEAR_ZERO if share is None else share
        errors = sample_errors(*cubes, near_zero=near_zero)["relative"].values[rows]
        row[f"{way}_relative"] = float(mean_errors(errors).mean())
        row |= {"left out": int(np.isnan(errors).sum()), "values": int(errors.size)}
    return row


def mean_errors(errors: np.ndarray) -> np.ndarray:
    """Mean over samples, without NaN, of each descriptor that has any; (sample, descriptor)."""
    count = (~np.isnan(errors)).sum(axis=0)
    return np.nansum(errors, axis=0)[count > 0] / count[count > 0]
