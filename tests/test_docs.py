"""The pages in docs/ tell what is there."""

import importlib
import re
from pathlib import Path

import pytest

from seisgeo.adapters.segy.geometry import LAYOUTS

DOCS = Path(__file__).resolve().parents[1] / "docs"
NAMES = re.findall(r"^   (\w[\w.]*)$", (DOCS / "api.rst").read_text(encoding="utf-8"), re.M)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_the_api_page_is_there_and_explained(name):
    *path, last = ("seisgeo." + name).split(".")
    found = importlib.import_module(path[0])
    for i, part in enumerate(path[1:], start=2):
        found = getattr(found, part, None) or importlib.import_module(".".join(path[:i]))
    assert getattr(found, last).__doc__


def test_the_page_on_segy_lists_every_layout():
    text = (DOCS / "segy.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text, re.M) == list(LAYOUTS)


def test_pages_of_the_index_are_there():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    pages = re.search(r"```{toctree}\n:maxdepth: 2\n\n(.*?)\n```", index, re.S)[1].split()
    made = {"auto_gallery/index"}  # by the build
    assert {p for p in pages if not any(DOCS.glob(f"{p}.*"))} <= made
    assert made < set(pages)
