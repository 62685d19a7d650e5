"""A map as one file to send to a colleague: no server, nothing loaded from anywhere."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files

import msgspec

from etapa.journey.language.phrasing.phrases import Language, Plural
from etapa.journey.map.document import JourneyMap


class PageWords(msgspec.Struct, frozen=True):
    """What the page says in one language."""

    code: str
    name: str
    page: Mapping[str, str | Plural]


class GivenToPage(msgspec.Struct, frozen=True):
    """What the page finds beside it."""

    maps: Mapping[str, JourneyMap] | None
    """By persona; everybody's under the empty text. None where a server gives them."""
    languages: Sequence[PageWords]
    language: str | None
    """The first language shown; None: the reader's."""
    as_picture: bool
    """Whether the page is to show itself as the text of an SVG."""


@cache
def bundled(name: str) -> str:
    """A file of the bundle."""
    return files(__package__).joinpath("bundle", name).read_text("utf-8")


def given(
    maps: Mapping[str, JourneyMap] | None, languages: Sequence[Language], language: str | None = None, *, as_picture: bool = False
) -> str:
    """What the page is to find, as JSON that may stand in HTML."""
    words = [PageWords(each.code, each.name, each.page) for each in languages]
    data = msgspec.json.encode(GivenToPage(maps, words, language, as_picture)).decode()
    # Nothing in it may end the element that holds it, or be taken for a comment.
    return data.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def standalone_page(
    maps: Mapping[str, JourneyMap], languages: Sequence[Language], language: str | None = None, *, as_picture: bool = False
) -> str:
    """The whole page as HTML. Only its own script runs, and it may load nothing.

    `language`: the first one shown, if it is not to be the reader's. `as_picture`: the page becomes the text of an SVG of itself.
    """
    style, script = bundled("map.css"), bundled("map.js").replace("</", "<\\/")
    policy = f"default-src 'none'; style-src {_hash_of(style)}; script-src {_hash_of(script)}; base-uri 'none'; form-action 'none'"
    title = escape(next(iter(maps.values())).journey)
    return "".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n",
            '<div id="page"></div>\n',
            f'<script type="application/json" id="given">{given(maps, languages, language, as_picture=as_picture)}</script>\n',
            f"<script>{script}</script>\n</body>\n</html>\n",
        )
    )


def served_page(languages: Sequence[Language]) -> str:
    """The page of a server, which gives it script, style and figures; no script stands in it."""
    return "".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>Etapa</title>\n',
            '<link rel="stylesheet" href="/assets/map.css">\n</head>\n<body>\n<div id="page"></div>\n',
            f'<script type="application/json" id="given">{given(None, languages)}</script>\n',
            '<script src="/assets/map.js"></script>\n</body>\n</html>\n',
        )
    )


def _hash_of(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
