"""One HTML file that shows what a run found, and opens anywhere without a network."""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from io import BytesIO
from numbers import Integral, Number, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seisgeo._version import __version__
from seisgeo.errors import ConventionError, FormatError
from seisgeo.files import whole_output

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Picture", "Section", "Table", "write_report"]

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: Image pixels to one of the page: figures are drawn at 150 to the inch, sharp on fine screens.
_PIXELS = 1.5
#: A picture wider than this (pixels of the page) scrolls on a phone rather than shrinks to a stamp.
_SHEET = 900
#: Characters that turn the reading direction of what follows them (Unicode Bidi controls).
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True)
class Picture:
    """A picture of a report.

    Parameters
    ----------
    image : matplotlib.figure.Figure, bytes or path-like
        The figure, or a PNG image.
    caption : str, default ""
        Stands below it.
    alt : str, default ""
        What it shows, for those who cannot see it; by default the caption.
    """

    image: Figure | bytes | str | os.PathLike[str]
    caption: str = ""
    alt: str = ""


@dataclass(frozen=True)
class Table:
    """A table of a report.

    Parameters
    ----------
    rows : mapping, sequence of mappings, or sequence of sequences
        A mapping is a table of names and values; mappings are rows under their own keys;
        sequences are rows under `header`.
    caption : str, default ""
        Stands above it.
    header : sequence of str, optional
        Names of the columns.
    """

    rows: Mapping[str, Any] | Sequence[Mapping[str, Any]] | Sequence[Sequence[Any]]
    caption: str = ""
    header: Sequence[str] = ()


@dataclass(frozen=True)
class Section:
    """A section of a report; its parts stand in the order of the parameters.

    Parameters
    ----------
    heading : str
        Title of the section.
    text : str or sequence of str, default ()
        Paragraphs.
    tables : sequence of Table (or what :class:`Table` takes as rows), default ()
        Tables.
    figures : sequence of Picture (or what :class:`Picture` takes as image), default ()
        Pictures.
    preformatted : str, default ""
        Shown as it is, in type of one width: a SEG-Y text header.
    """

    heading: str
    text: str | Sequence[str] = ()
    tables: Sequence[Any] = ()
    figures: Sequence[Any] = ()
    preformatted: str = ""


def write_report(
    path: str | os.PathLike[str],
    *,
    title: str,
    sections: Sequence[Section | Mapping[str, Any]],
    overwrite: bool = False,
) -> Path:
    """Write a self-contained HTML report: pictures embedded, nothing fetched, no scripts.

    Everything that is shown is escaped: file names and SEG-Y text headers come from strangers.

    Parameters
    ----------
    path : path-like
        The file, usually ``report.html``.
    title : str
        Title of the page.
    sections : sequence of Section or mapping
        What it shows; a mapping holds the parameters of :class:`Section`.
    overwrite : bool, default False
        Replace a file that is there.

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    OutputExistsError
        If `path` is there and `overwrite` is False.
    ConventionError
        If a section or a picture is not what it should be.
    FormatError
        If a picture is not a PNG image.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "report.html"
    >>> survey = Section("Survey", text="Four shots.", tables=[{"channels": 120, "fold": 4}])
    >>> _ = write_report(target, title="Line 7", sections=[survey])
    >>> "Four shots." in target.read_text(encoding="utf-8")
    True
    """
    parts = [_as_section(section) for section in sections]
    body = "\n".join(_section(part, f"section-{i}") for i, part in enumerate(parts, 1))
    links = "".join(
        f'<li><a href="#section-{i}">{_text(part.heading)}</a></li>'
        for i, part in enumerate(parts, 1)
    )
    page = _PAGE.format(
        title=_text(title), links=links, body=body, version=_text(__version__), style=_STYLE
    )
    with whole_output(path, overwrite=overwrite) as part:
        part.write_text(page, encoding="utf-8")
    return Path(path)


def _as_section(section: Section | Mapping[str, Any]) -> Section:
    if isinstance(section, Section):
        return section
    known = [field.name for field in fields(Section)]
    if not isinstance(section, Mapping) or not {"heading"} <= set(section) <= set(known):
        found = sorted(section) if isinstance(section, Mapping) else type(section).__name__
        raise ConventionError(
            f"report section: expected a Section or a mapping with 'heading' and any of "
            f"{', '.join(known[1:])}; found {found}"
        )
    return Section(**section)


def _text(value: Any) -> str:
    """Escape a value for HTML; what no page should hold (controls, surrogates) shows as U+FFFD."""
    kept = (
        char
        if char in "\n\t" or not (ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in _BIDI)
        else "\ufffd"
        for char in str(value).replace("\r\n", "\n")
    )
    clean = "".join(kept).encode("utf-8", errors="replace").decode("utf-8")
    return html.escape(clean, quote=True)


def _section(section: Section, anchor: str) -> str:
    paragraphs = [section.text] if isinstance(section.text, str) else section.text
    tables = [t if isinstance(t, Table) else Table(t) for t in section.tables]
    pictures = [p if isinstance(p, Picture) else Picture(p) for p in section.figures]
    parts = [f'<section id="{anchor}"><h2>{_text(section.heading)}</h2>']
    parts += [f"<p>{_text(paragraph)}</p>" for paragraph in paragraphs if paragraph]
    parts += [_table(table) for table in tables]
    parts += [_picture(picture, section.heading) for picture in pictures]
    if section.preformatted:
        parts.append(f'<pre tabindex="0">{_text(section.preformatted)}</pre>')
    return "\n".join([*parts, "</section>"])


def _table(table: Table) -> str:
    rows, header, row_names = table.rows, list(table.header), False
    body: list[list[Any]]
    if isinstance(rows, Mapping):
        body, row_names = [[name, value] for name, value in rows.items()], True
    elif rows and all(isinstance(row, Mapping) for row in rows):
        header = header or list(dict.fromkeys(str(name) for row in rows for name in row))
        body = [[row.get(name, "") for name in header] for row in rows]  # type: ignore[union-attr]
    else:
        body = [list(row) for row in rows]
    parts = ['<div class="wide"><table>']
    if table.caption:
        parts.append(f"<caption>{_text(table.caption)}</caption>")
    if header:
        numeric = [_is_number(value) for value in body[0]] if body else []
        numeric += [False] * (len(header) - len(numeric))
        cells = "".join(
            f'<th scope="col"{" class=number" if right else ""}>{_text(name)}</th>'
            for name, right in zip(header, numeric, strict=False)
        )
        parts.append(f"<thead><tr>{cells}</tr></thead>")
    parts.append("<tbody>")
    for row in body:
        if row_names:  # names and values read as text, side by side
            cells = f'<th scope="row">{_text(row[0])}</th><td>{_text(_value(row[1]))}</td>'
        else:
            cells = "".join(_cell(value) for value in row)
        parts.append(f"<tr>{cells}</tr>")
    return "\n".join([*parts, "</tbody></table></div>"])


def _cell(value: Any) -> str:
    return f"<td{' class=number' if _is_number(value) else ''}>{_text(_value(value))}</td>"


def _is_number(value: Any) -> bool:
    return isinstance(value, Number) and not isinstance(value, bool)


def _value(value: Any) -> str:
    """Six significant digits tell enough of a fraction; a northing keeps its centimetres."""
    if not isinstance(value, Real) or isinstance(value, Integral):
        return str(value)
    return f"{value:.2f}" if 1e5 <= abs(float(value)) < 1e12 else f"{value:.6g}"


def _picture(picture: Picture, heading: str) -> str:
    png = _png(picture.image)
    width = round(int.from_bytes(png[16:20], "big") / _PIXELS)  # of the IHDR chunk
    sheet = ' class="sheet"' if width > _SHEET else ""
    data = base64.b64encode(png).decode("ascii")
    alt = _text(picture.alt or picture.caption or heading)
    caption = f"<figcaption>{_text(picture.caption)}</figcaption>" if picture.caption else ""
    image = f'<img{sheet} alt="{alt}" width="{width}" src="data:image/png;base64,{data}">'
    return f'<figure><div class="wide">{image}</div>{caption}</figure>'


def _png(image: Any) -> bytes:
    """Bytes of a PNG image, from a figure, bytes or a file."""
    if hasattr(image, "savefig"):
        buffer = BytesIO()
        image.savefig(buffer, format="png", dpi=150, facecolor="white")
        return buffer.getvalue()
    name = "picture"
    if isinstance(image, str | os.PathLike):
        name = str(image)
        try:
            image = Path(image).read_bytes()
        except OSError as error:
            raise FormatError(f"{name}: cannot read the picture: {error.strerror}") from error
    if not isinstance(image, bytes | bytearray):
        raise ConventionError(
            "report picture: expected a matplotlib Figure, PNG bytes or the path of a PNG file, "
            f"found {type(image).__name__}"
        )
    if not image.startswith(_PNG_SIGNATURE):
        raise FormatError(f"{name}: expected a PNG image, found the bytes {bytes(image[:8])!r}")
    return bytes(image)


# The policy is a second lock behind the escaping: nothing may run, nothing may be fetched.
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header><h1>{title}</h1>
<nav><ul>{links}</ul></nav></header>
<main>
{body}
</main>
<footer>Made with seisgeo {version}</footer>
</body>
</html>
"""

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5b6675; --line: #d9dee5;
  --page: #fbfbfa; --block: #f1f3f5; --link: #1b5e9b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --soft: #9aa5b4; --line: #353d49;
  --page: #14181e; --block: #1d232b; --link: #7db8ee; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.2rem; max-width: 72rem; background: var(--page);
  color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif;
  overflow-wrap: break-word; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .4rem 0 .8rem; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem; padding-top: 1rem;
  border-top: 1px solid var(--line); }
p { max-width: 46rem; margin: .6rem 0; white-space: pre-line; }
a { color: var(--link); }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; padding: 0;
  margin: 0; }
.wide { overflow-x: auto; margin: .8rem 0; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .3rem; }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
thead th { color: var(--soft); font-weight: 600; }
tbody th { font-weight: 500; color: var(--soft); }
th.number, td.number { text-align: right; }
figure { margin: 1.1rem 0; }
img { display: block; max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
@media (max-width: 44rem) { img.sheet { max-width: none; width: 52rem; } }
figcaption { color: var(--soft); font-size: .92rem; margin-top: .4rem; max-width: 46rem; }
pre { background: var(--block); padding: .8rem; border-radius: 4px; overflow-x: auto;
  font-size: .78rem; line-height: 1.4; }
footer { color: var(--soft); font-size: .85rem; margin-top: 3rem; }
@media print { h2 { break-after: avoid; } figure, tr { break-inside: avoid; } }
"""
