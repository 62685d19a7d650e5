"""Finds the languages there are, and reads them."""

from functools import cache
from importlib.resources import files

import msgspec

from etapa.journey.language.kinds.table import CONDITIONS
from etapa.journey.language.phrasing.phrases import Language
from etapa.journey.language.phrasing.words import Words


@cache
def languages() -> tuple[Language, ...]:
    """All of them, by their codes. Raises `msgspec.ValidationError` where a file lacks a phrase or has one too many."""
    found = sorted((each for each in files(__package__).iterdir() if each.name.endswith(".json")), key=lambda each: each.name)
    return tuple(read_language(each.read_bytes()) for each in found)


def read_language(text: bytes) -> Language:
    """One language. Raises as `languages` does."""
    language = msgspec.json.decode(text, type=Language)
    words = Words(language, {}, {})
    kinds = {kind.phrases for kind in CONDITIONS.values() if kind.phrases is not None}
    for kind in kinds:
        words.phrases(kind)
    unknown = language.conditions.keys() - {kind.name() for kind in kinds}
    if unknown:
        raise msgspec.ValidationError(f"no kind of condition is named {', '.join(sorted(unknown))} - at `$.conditions`")
    return language
