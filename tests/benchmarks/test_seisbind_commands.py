"""The SeisBind benchmark's commands."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"


@pytest.mark.slow
def test_the_commands_make_and_merge_every_part(tmp_path):
    out = tmp_path / "out.json"

    def python(script, *more):
        command = [sys.executable, BENCHMARKS / script, "--size", "tiny", "--device", "cpu"]
        where = ["--data", tmp_path / "data", "--out", out.with_name(f"{Path(script).stem}.json")]
        subprocess.run([*command, *where, *more], check=True, timeout=1100)
        return json.loads(where[-1].read_text())

    python("seisbind.py", "--only", "ours,large,twins,descriptors,trust,speed,unet,baselines")
    again = python("seisbind.py", "--only", "paper,left-out")
    assert list(again["parts"])[:3] == ["ours", "large", "twins"]
    assert list(again["parts"])[-1] == "unet"
    tables = [table for part in again["parts"].values() for table in part["tables"].values()]
    rows = {name: row for table in tables for name, row in table["rows"].items()}
    wanted = {
        "mixed 1 000",
        "mixed 100 000",
        "near-twins",
        "paper's design, 1 000",
        "U-Net, L2, 1 000",
    }
    assert wanted | {"nearest raw gather, 1 000", "style-b left out"} <= set(rows)
    for row in rows.values():
        if "recall_1" in row:
            low, high = row["recall_1_interval"]
            assert 0 <= low <= row["recall_1"] <= high <= 1
    found = python("retrieval.py", "-n", "2000")
    table, _ = found["tables"].values()
    assert table["rows"]["exact, asked by gathers"]["recall_10"] == 1
    assert found["settings"]["n"] == 2000
