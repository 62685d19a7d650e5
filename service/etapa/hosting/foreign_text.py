"""Makes untrusted text safe for a terminal, a log or a pipe: it cannot move the cursor, ring, colour or reverse the writing direction.

Control characters (C1 too), direction marks, line separators and characters without a glyph are not printed as they are: prose shows a
replacement character instead, JSON and logs show an escape.
"""


def printable(text: str) -> str:
    """Text for people, on one line."""
    return text if text.isprintable() else "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def escaped(text: str) -> str:
    r"""Text for people, on one line, with an escape such as `\n` or `\x1b` for each such character."""
    return text if text.isprintable() else "".join(one if one.isprintable() else _python_escape(one) for one in text)


def json_text(encoded: bytes) -> str:
    """Encoded JSON as text, with an escape for each such character. Bytes that are not UTF-8 become replacement characters."""
    text = encoded.decode(errors="replace")
    # In JSON, a line feed occurs only between values.
    return text if text.isprintable() else "".join(one if one.isprintable() or one == "\n" else _json_escape(one) for one in text)


def _python_escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))
