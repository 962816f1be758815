"""The report: everything shown, nothing fetched, nothing run."""

import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.figure import Figure

from seisgeo.errors import ConventionError, FormatError, OutputExistsError
from seisgeo.report import Picture, Section, Table, write_report

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """What a browser would find: tags, attributes, text; it refuses tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attrs, self.text, self._open = [], [], [], []
        self.feed(text)
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attrs += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def values(self, tag, name):
        return [v for t, n, v in self.attrs if (t, n) == (tag, name)]


def figure():
    result = Figure(figsize=(2, 1))
    result.subplots().plot([0, 1], [1, 0])
    return result


def page_of(path):
    return Page(path.read_text(encoding="utf-8"))


def test_report_shows_all_parts_in_order(tmp_path):
    path = write_report(
        tmp_path / "report.html",
        title="Line 7",
        sections=[
            Section(
                "Survey",
                text=["Four shots.", "One cable."],
                tables=[
                    Table({"channels": 120, "interval (m)": np.float64(12.5)}, caption="Spread"),
                    [{"shot": 1, "live": True}, {"shot": 2, "note": "noisy"}],
                    Table([["a", 1 / 3]], header=["name", "value"]),
                ],
                figures=[Picture(figure(), caption="A line", alt="falls to the right")],
                preformatted="C 1 CLIENT\nC 2 LINE",
            ),
            {"heading": "Training", "text": "Converged.", "figures": [figure()]},
        ],
    )
    page = page_of(path)
    text = "\n".join(page.text)
    order = [
        "Line 7", "Four shots.", "One cable.", "Spread", "channels", "120", "12.5", "noisy",
        "0.333333", "A line", "C 1 CLIENT\nC 2 LINE", "Converged.", "Made with seisgeo",
    ]  # fmt: skip
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert page.values("img", "alt") == ["falls to the right", "Training"]
    assert page.values("a", "href") == ["#section-1", "#section-2"]
    assert page.values("section", "id") == ["section-1", "section-2"]
    assert page.tags.count("table") == 3


def test_pictures_are_embedded_and_nothing_is_fetched(tmp_path):
    file = tmp_path / "gather.png"
    figure().savefig(file)
    path = write_report(
        tmp_path / "report.html",
        title="t",
        sections=[Section("s", figures=[figure(), file, str(file), file.read_bytes()])],
    )
    page = page_of(path)
    sources = page.values("img", "src")
    assert len(sources) == 4
    for source in sources:
        data = base64.b64decode(source.removeprefix("data:image/png;base64,"), validate=True)
        assert data.startswith(b"\x89PNG")
    assert base64.b64decode(sources[1].partition(",")[2]) == file.read_bytes()
    rest = re.sub(r"base64,[^\"]*", "", path.read_text(encoding="utf-8"))
    assert not re.search(r"https?://|//[a-z]|url\(|@import", rest)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert any("default-src 'none'" in v for v in page.values("meta", "content"))


HOSTILE = '</pre><script>alert(1)</script><img src=x onerror="alert(2)">&amp;\'"'


def test_everything_from_data_is_escaped(tmp_path):
    path = write_report(
        tmp_path / "report.html",
        title=HOSTILE,
        sections=[
            Section(
                HOSTILE,
                text=[HOSTILE],
                tables=[
                    Table({HOSTILE: HOSTILE}, caption=HOSTILE),
                    Table([{HOSTILE: HOSTILE}]),
                    Table([[HOSTILE]], header=[HOSTILE]),
                ],
                figures=[Picture(figure(), caption=HOSTILE, alt=HOSTILE)],
                preformatted=HOSTILE,
            )
        ],
    )
    page = page_of(path)
    assert "script" not in page.tags
    assert page.tags.count("img") == 1
    assert not [name for _, name, _ in page.attrs if name.startswith("on")]
    assert page.values("img", "alt") == [HOSTILE]
    # title and h1, link, h2, paragraph, table caption, 3 x 2 cells, figure caption, preformatted
    assert "\0".join(page.text).count(HOSTILE) == 14


def test_text_headers_with_nul_and_broken_characters_stay_readable(tmp_path):
    text = "C 1\x00\x1b[31m LINE\u202egnp.exe\ud800 é\r\nC 2\tend"
    path = write_report(tmp_path / "r.html", title="t", sections=[Section("s", preformatted=text)])
    written = path.read_bytes().decode("utf-8")
    assert "C 1\ufffd\ufffd[31m LINE\ufffdgnp.exe? é\nC 2\tend" in written


def test_hostile_file_name_and_overwriting(tmp_path):
    path = tmp_path / "<script>alert(1)<script>.html"
    assert write_report(path, title=path.name, sections=[]) == path
    before = path.read_bytes()
    assert b"<script>" not in before
    with pytest.raises(OutputExistsError, match="already exists"):
        write_report(path, title="other", sections=[])
    assert path.read_bytes() == before
    write_report(path, title="other", sections=[], overwrite=True)
    assert page_of(path).text.count("other") == 2


def test_nothing_is_left_when_the_disk_is_full(tmp_path, monkeypatch):
    def full(self, *args, **kwargs):
        self.write_bytes(b"<!DOCTYPE")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(tmp_path / "report.html", title="t", sections=[])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("section", "error", "match"),
    [
        ({"text": "x"}, ConventionError, r"a mapping with 'heading' .* found \['text'\]"),
        ({"heading": "h", "picture": 1}, ConventionError, r"found \['heading', 'picture'\]"),
        ("Survey", ConventionError, "expected a Section or a mapping .* found str"),
        (Section("h", figures=[b"GIF89a.."]), FormatError, "picture: expected a PNG image, found"),
        (Section("h", figures=["gone.png"]), FormatError, "gone.png: cannot read the picture: No"),
        (Section("h", figures=[3]), ConventionError, "expected a matplotlib Figure.* found int"),
    ],
)
def test_wrong_sections_are_named(section, error, match, tmp_path):
    with pytest.raises(error, match=match):
        write_report(tmp_path / "report.html", title="t", sections=[section])
    assert list(tmp_path.iterdir()) == []
