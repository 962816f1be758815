"""``seisgeo cluster``: kinds of events without labels, or from a few."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter, validators

from seisgeo.cli.base import Count, Flag, Split, app
from seisgeo.cli.event_tables import event_table, read_labels, write_table
from seisgeo.cli.inputs import load_model, open_records
from seisgeo.cli.outputs import PICTURES, require_free, require_suffix, write_picture


@app.command(sort_key=6.3)
def cluster(
    model: Path,
    data: Path,
    /,
    *,
    out: Path,
    method: Literal["kmeans", "hdbscan"] = "kmeans",
    clusters: Annotated[Count | None, Parameter(name=["-n", "--clusters"])] = None,
    smallest: Annotated[int, Parameter(validator=validators.Number(gte=2))] = 10,
    labels: Path | None = None,
    plot: Path | None = None,
    split: Split = None,
    overwrite: Flag = False,
) -> None:
    """Group seismograms by their embeddings, and write which is in which group.

    From continuous data to kinds of events it takes three commands:

        seisgeo detect day.mseed --out triggers.csv --windows triggers.zarr
        seisgeo fit triggers.zarr --model simclr --out day.simclr
        seisgeo cluster day.simclr triggers.zarr --out clusters.csv --plot clusters.png

    Whoever writes a kind into a column "label" of some lines of that table, and gives it as
    --labels, gets labels of all records.

    Parameters
    ----------
    model
        Model file of `seisgeo fit --model simclr`.
    data
        Seismograms, as long and sampled as those of the training set.
    out
        NAME.csv: a line for each record, with its cluster (0 is the largest, -1 none) and what
        else is known of it.
    method
        kmeans makes so many clusters of all records; hdbscan finds how many there are, and leaves
        stragglers out.
    clusters
        Clusters of kmeans; by default as many, of 2 to 10, as halves of the records agree on most.
    smallest
        Records that a cluster of hdbscan has at least.
    labels
        CSV with the columns event (as in NAME.csv) and label, for some of the records: adds the
        columns label and probability for all of them.
    plot
        Cluster cards (mean spectrum, examples, time of day): NAME.png, .pdf, .svg or .jpg.
    split
        Records of this split alone, of a data set in SeisBench's format; by default all.
    overwrite
        Replace the files.
    """
    from seisgeo import plotting

    require_suffix(out, ".csv")
    require_free(out, overwrite)
    if plot:
        require_suffix(plot, *PICTURES)
        require_free(plot, overwrite)
    estimator = load_model(model, "SeisSimCLR")
    records = open_records(data, split)
    given = read_labels(labels, records.sizes["event"]) if labels else None
    found = estimator.cluster(
        records, method=method, n_clusters=clusters, min_cluster_size=smallest
    )
    table = event_table(found)
    if given is not None:
        spread = estimator.propagate_labels(records, given)
        for name in ("label", "probability"):
            table[name] = spread[name].values
    if plot:
        write_picture(plotting.plot_clusters(found), plot, overwrite)
    write_table(table, out, overwrite)
    names, counts = np.unique(found["cluster"].values, return_counts=True)
    made = int((names >= 0).sum())
    print(f"wrote {out}: {len(table)} records, {made} cluster{'s' if made != 1 else ''}")
    for name, count in zip(names.tolist(), counts.tolist(), strict=True):
        print(f"  {'none' if name < 0 else name!s:<12} {count}")
    if given is not None:
        for name, count in table["label"].value_counts().items():
            print(f"  {name:<12} {count}")
