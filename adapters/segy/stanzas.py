"""Stanzas: the named sections of extended text headers and data trailers.

A stanza begins with ``((ORGANISATION: Name ver 1.0))`` and ends where the next one begins (SEG-Y
revision 2.1, section 6 and appendix D). Most hold lines of ``keyword = value``; the layout stanza
holds XML, and that of coordinate reference systems holds records of IOGP P1/11.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from seisgeo.adapters.segy.text import CARD

__all__ = ["Stanza", "find_stanzas"]

_HEADER = re.compile(r"\(\(\s*([A-Za-z][\w .&-]{0,30}?)\s*:\s*([^():]{1,80}?)\s*\)\)")
_VERSION = re.compile(r"^(.*?)[\s,]+ver(?:sion)?\.?\s*([\d.]+)$", re.IGNORECASE | re.DOTALL)
_KEY_VALUE = re.compile(r"^\s*([^=<>]{1,60}?)\s*=\s*(.*?)\s*$")
_LINE_END = re.compile(r"\r\n|\r|\n")


class Stanza(NamedTuple):
    """One section of the extended text.

    Attributes
    ----------
    organisation : str
        Who defined it: "SEG", "IOGP", a company.
    name : str
        Its name, as it is written: "Layout", "Bin Grid Definition", …
    version : str
        Its version, "" where none is stated.
    text : str
        Its characters as they stand in the file, without the stanza header.
    """

    organisation: str
    name: str
    version: str
    text: str

    def __str__(self) -> str:
        """Organisation, name and version, for a person."""
        return f"{self.organisation}: {self.name} {self.version}".strip()

    def __repr__(self) -> str:
        """What it is, and how much it holds."""
        return f"<Stanza {self}: {len(self.lines)} lines>"

    def named(self, name: str) -> bool:
        """Whether this is SEG's stanza of that name, whatever the case and blanks."""
        return (self.organisation.upper(), _plain(self.name)) == ("SEG", _plain(name))

    @property
    def lines(self) -> list[str]:
        """Its lines without trailing blanks; empty ones are left out."""
        lines = []
        for line in _LINE_END.split(self.text):
            cards = (line[i : i + CARD] for i in range(0, len(line), CARD))
            lines += [card.rstrip() for card in cards if card.strip()]
        return lines

    @property
    def values(self) -> dict[str, str]:
        """Its ``keyword = value`` lines; a keyword that stands there again adds a line."""
        values: dict[str, str] = {}
        for line in self.lines:
            if match := _KEY_VALUE.match(line):
                key, value = match.groups()
                values[key] = f"{values[key]}\n{value}" if key in values else value
        return values


def _plain(name: str) -> str:
    return "".join(name.split()).lower()


def find_stanzas(text: str) -> list[Stanza]:
    r"""Cut extended text into its stanzas.

    Parameters
    ----------
    text : str
        All characters of the extended text headers, as :func:`.text.decode_characters` gives them:
        lines of any length with line ends, or cards of 80 characters.

    Returns
    -------
    list of Stanza
        In the order of the file, up to the one that ends the text; what stands before the first is
        left out.

    Examples
    --------
    >>> stanza, = find_stanzas("((SEG: Measurement Units ver 1.0))\nData Sample = MILLIVOLT\n")
    >>> stanza.name, stanza.version, stanza.values
    ('Measurement Units', '1.0', {'Data Sample': 'MILLIVOLT'})
    """
    headers = list(_HEADER.finditer(text))
    stanzas = []
    for i, header in enumerate(headers):
        organisation, name = header.groups()
        name, version = " ".join(name.split()), ""
        if match := _VERSION.match(name):
            name, version = match.groups()
        end = headers[i + 1].start() if i + 1 < len(headers) else len(text)
        stanza = Stanza(organisation, name, version, _body(text, header.end(), end))
        if stanza.named("EndText"):
            break
        stanzas.append(stanza)
    return stanzas


def _body(text: str, start: int, end: int) -> str:
    """What follows a stanza header: from the next line on, or from the next card."""
    rest = text[start:end]
    if line_end := _LINE_END.match(rest.lstrip(" ")):
        return rest.lstrip(" ")[line_end.end() :]
    next_card = -start % CARD
    return rest if rest[:next_card].strip() else rest[next_card:]
