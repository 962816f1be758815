"""Text headers: EBCDIC or ASCII bytes to lines, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

__all__ = [
    "CARD",
    "TEXT_BYTES",
    "decode_characters",
    "decode_text",
    "encode_text",
    "is_end_text",
    "is_text_block",
    "looks_like_text",
    "revision_stamp",
    "swap_pairs",
]

TEXT_BYTES = 3200
#: Characters of a card image.
CARD = 80

# Brackets stand elsewhere in IBM's code page 1047, which mainframes used, than in Python's cp037.
_BRACKETS = str.maketrans({"Ý": "[", "¨": "]"})
_LINE_ENDS = "\r\n"
# The next-line character of EBCDIC, as cp037 decodes it.
_NEXT_LINE = "\x85"
_NO_LINE_ENDS = str.maketrans(dict.fromkeys(_LINE_ENDS, " "))
# How a card of a text header or a stanza begins.
_BEGINNING = re.compile(r"^C ?\d+\b|\(\((SEG|OGP|IOGP|JGI)\b", re.MULTILINE)


def decode_characters(raw: bytes, *, in_pairs: bool = False) -> str:
    """Characters of a text header, one for each byte.

    Parameters
    ----------
    raw : bytes
        3200 bytes of EBCDIC or ASCII; which of the two is found by itself.
    in_pairs : bool, default False
        Whether the bytes may be swapped in pairs; whether they are is found by itself.

    Returns
    -------
    str
        Of the same length. Line ends stay, as carriage returns and line feeds; what else cannot be
        printed is blank.
    """
    if in_pairs:
        plain, swapped = decode_characters(raw), decode_characters(swap_pairs(raw))
        better = len(_BEGINNING.findall(swapped)) > len(_BEGINNING.findall(plain))
        return swapped if better else plain
    codes = np.frombuffer(raw, np.uint8)
    ascii_like = np.count_nonzero((codes == 0x20) | ((codes >= 0x61) & (codes <= 0x7A)))
    ebcdic_like = np.count_nonzero((codes == 0x40) | (codes >= 0xC1))
    text = raw.decode("cp037").translate(_BRACKETS) if ebcdic_like > ascii_like else ""
    text = text.replace(_NEXT_LINE, "\n") or raw.decode("latin-1")
    return "".join(c if c.isprintable() or c in _LINE_ENDS else " " for c in text)


def decode_text(raw: bytes, *, in_pairs: bool = False) -> str:
    """Lines of a text header, without what is empty.

    Parameters
    ----------
    raw : bytes
        3200 bytes, as of :func:`decode_characters`.
    in_pairs : bool, default False
        Whether the bytes may be swapped in pairs.

    Returns
    -------
    str
        Lines without trailing blanks and without cards that hold only their number; "" when
        nothing is there.
    """
    text = decode_characters(raw, in_pairs=in_pairs).translate(_NO_LINE_ENDS)
    cards = (text[i : i + CARD].rstrip() for i in range(0, len(text), CARD))
    return "\n".join(c for c in cards if not re.fullmatch(r"(C ?\d+)?", c))


def encode_text(cards: Iterable[str], revision: tuple[int, int] = (1, 0)) -> bytes:
    """EBCDIC text header of up to 40 cards.

    Parameters
    ----------
    cards : iterable of str
        Texts without the leading card number; what is longer than a card goes on on the next.
    revision : tuple of int, default (1, 0)
        Revision of the file.

    Returns
    -------
    bytes
        3200 bytes; cards 39 and 40 are those that the revision asks for.
    """
    room = CARD - 4
    lines: list[str] = []
    for card in cards:
        plain = card.encode("ascii", "replace").decode()
        lines += [plain[i : i + room] for i in range(0, max(len(plain), 1), room)]
    ending = (revision_stamp(revision), "END TEXTUAL HEADER" if revision[0] else "END EBCDIC")
    lines = [*(lines + [""] * 38)[:38], *ending]
    numbered = (f"C{i:>2} {line}".ljust(CARD) for i, line in enumerate(lines, start=1))
    return "".join(numbered).encode("cp037")


def revision_stamp(revision: tuple[int, int]) -> str:
    """What card 39 says of the revision; nothing in revision 0."""
    stamps = {0: "", 1: "SEG Y REV1"}
    return stamps.get(revision[0], "SEG-Y REV{}.{}".format(*revision))


def is_end_text(raw: bytes) -> bool:
    """Whether a block of 3200 bytes is the stanza that ends the extended text headers.

    Also where its bytes are swapped in pairs: in files that are, text may be or not.
    """
    return any(
        re.search(r"\(\(SEG: ?ENDTEXT\)\)", block.decode(code), re.IGNORECASE)
        for block in (raw, swap_pairs(raw))
        for code in ("cp037", "latin-1")
    )


def is_text_block(raw: bytes) -> bool:
    """Whether bytes are readable text nearly throughout, ASCII or EBCDIC, blanks included."""
    filled = raw.rstrip(b"\0")
    if len(filled) < len(raw) // 2 and b"((" not in filled and b"MM" not in filled:
        return False  # a few bytes before zeros; MM is (( in EBCDIC
    return looks_like_text(filled) or looks_like_text(
        filled.decode("cp037").encode("ascii", "replace").replace(b"?", b"\0")
    )


def swap_pairs(raw: bytes) -> bytes:
    """Bytes with each pair swapped; a last odd byte stays.

    Examples
    --------
    >>> swap_pairs(b"abcde")
    b'badce'
    """
    swapped = bytearray(raw)
    even = len(raw) // 2 * 2
    swapped[0:even:2], swapped[1:even:2] = raw[1:even:2], raw[0:even:2]
    return bytes(swapped)


def looks_like_text(raw: bytes) -> bool:
    """Whether bytes are readable ASCII nearly throughout, as no binary header is."""
    codes = np.frombuffer(raw, np.uint8)
    readable = (codes >= 0x20) & (codes < 0x7F) | np.isin(codes, (9, 10, 13))
    return bool(codes.size) and readable.mean() > 0.95
