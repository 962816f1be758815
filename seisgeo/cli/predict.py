"""``seisgeo predict``: kinds, places and mechanisms of events."""

from __future__ import annotations

from pathlib import Path

from seisgeo.cli.base import Flag, Split, app
from seisgeo.cli.event_tables import event_table, write_table
from seisgeo.cli.inputs import load_model, open_records
from seisgeo.cli.outputs import require_free, require_suffix


@app.command(sort_key=6.6)
def predict(
    model: Path, data: Path, /, *, out: Path, split: Split = None, overwrite: Flag = False
) -> None:
    """Classify or locate events, or find their mechanisms, from seismograms.

    Records with the same event_id get one answer.

        seisgeo predict kinds.model day.zarr --out kinds.csv

    Parameters
    ----------
    model
        Model file of `seisgeo fit --model classifier`, locator, mechanism, erm, group-dro or lacim.
    data
        Seismograms, as long and sampled as those of the training set.
    out
        NAME.csv: a line for each record, with what is known of it and what was found: class and
        the probability of each; source_latitude, source_longitude, source_depth (m) and magnitude;
        or strike, dip and rake (degrees).
    split
        Records of this split alone, of a data set in SeisBench's format; by default all.
    overwrite
        Replace the file.
    """
    require_suffix(out, ".csv")
    require_free(out, overwrite)
    classifiers = ("EventClassifier", "DomainClassifier", "LaCIMClassifier")
    estimator = load_model(model, *classifiers, "EventLocator", "MechanismRegressor")
    records = open_records(data, split)
    if type(estimator).__name__ not in classifiers:
        table = event_table(estimator.predict(records))
        write_table(table, out, overwrite)
        print(f"wrote {out}: {len(table)} records")
        return
    table = event_table(records)
    odds = estimator.predict_proba(records)
    table["class"] = estimator.classes_[odds.argmax(axis=1)]
    for name, column in zip(estimator.classes_, odds.T, strict=True):
        table[f"probability_{name}"] = column
    write_table(table, out, overwrite)
    print(f"wrote {out}: {len(table)} records")
    for name, count in table["class"].value_counts().items():
        print(f"  {name:<12} {count}")
