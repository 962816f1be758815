"""Earthquakes, icequakes and labels that travel: the one command, results merged in one JSON.

    python benchmarks/seismology.py [--only icequakes,seisclip,lacim]
    python benchmarks/seismology.py --only seisclip --epochs 60 --head-seeds 3
    python benchmarks/seismology.py --table

Parts that are not asked for stay as they are in the JSON. --table fills the pages of docs/ from it.
Seeds are fixed, and events are made by seisgeo.synth; real records are those of --real.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import os
import platform
from pathlib import Path
from typing import Any

import seisbind_table
from machine import RESULTS, kept_as

#: Parts, their modules and the pages that show them.
PARTS = {
    "icequakes": ("seismology_icequakes", "docs/icequakes.md"),
    "seisclip": ("seismology_seisclip", "docs/earthquakes.md"),
    "lacim": ("lacim", "docs/labels_that_travel.md"),
}


def markdown(table: dict[str, Any]) -> str:
    """A table as it stands in the documentation."""
    if table["kind"] == "domains":
        from lacim import table as domains

        return domains(table["rows"])
    return seisbind_table.KINDS[table["kind"]](table["rows"])


def kept(path: Path) -> dict[str, Any]:
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    return {"parts": {}}


def merge(path: Path, machine: str, name: str, options: argparse.Namespace, found: Any) -> None:
    """Write a part's tables into the JSON; rows that were not measured again stay."""
    report = kept(path)
    tables = report["parts"].get(name, {}).get("tables", {})
    for title, table in found["tables"].items():
        rows = {**tables.get(title, {}).get("rows", {}), **table["rows"]}
        tables[title] = {"kind": table["kind"], "rows": rows}
    from seisgeo._version import __version__

    report["hardware"] = machine
    report["parts"][name] = {
        "date": datetime.date.today().isoformat(),
        "seisgeo": __version__,
        "python": platform.python_version(),
        "settings": {k: v for k, v in vars(options).items() if type(v) in (int, float)},
        "tables": tables,
    }
    RESULTS.mkdir(exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)


def write_pages(root: Path) -> None:
    """Fill the tables of the pages, between the markers of each part's name."""
    reports = [kept(path) for path in sorted(RESULTS.glob("seismology-*.json"))]
    for name, (_, page) in PARTS.items():
        path = root / page
        if not path.exists():
            continue
        texts = []
        for report in reports:
            if name in report["parts"]:
                part = report["parts"][name]
                settings = ", ".join(
                    f"{name.replace('_', ' ')} {value}" for name, value in part["settings"].items()
                )
                texts.append(
                    f"{report['hardware']}, {part['date']}; {settings}. In parentheses: 95 % "
                    "intervals."
                )
                for title, table in part["tables"].items():
                    texts += [f"**{title}**", markdown(table)]
        filled = seisbind_table.fill(
            path.read_text(encoding="utf-8"), name, "\n\n".join(texts) or "No results are kept yet."
        )
        path.write_text(filled, encoding="utf-8")


def chosen(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        raise argparse.ArgumentTypeError(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    return names


def main() -> None:
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--only", type=chosen, default=list(PARTS), help="parts, with commas")
    first.add_argument("--table", action="store_true", help="fill docs from the JSON, and stop")
    first.add_argument("--device", help="of the training; by default CUDA where there is one")
    first.add_argument("--workers", type=int, help="processes that make events")
    early, _ = first.parse_known_args()
    if early.table:
        write_pages(RESULTS.parents[1])
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0], parents=[first])
    modules = {name: importlib.import_module(PARTS[name][0]) for name in early.only}
    for name, module in modules.items():
        module.add_arguments(parser.add_argument_group(name))
    options = parser.parse_args()

    from seisgeo.devices import default_device, hardware

    machine = hardware(default_device(options.device))
    path = RESULTS / f"seismology-{kept_as(machine.split(',')[0])}.json"
    for name, module in modules.items():
        found = module.run(options)
        merge(path, machine, name, options, found)
        for title, table in found["tables"].items():
            print(f"\n{title}\n{seisbind_table.text(markdown(table))}", flush=True)
    print(f"\nkept as {path}")


if __name__ == "__main__":
    main()
