"""Finds the languages there are, and reads them."""

from functools import cache
from importlib.resources import files

import msgspec

from etapa.journey.wording.phrases import Language


@cache
def languages() -> tuple[Language, ...]:
    """All of them, by their codes. Raises `msgspec.ValidationError` where a file lacks a phrase or has one too many."""
    found = sorted((each for each in files(__package__).iterdir() if each.name.endswith(".json")), key=lambda each: each.name)
    return tuple(msgspec.json.decode(each.read_bytes(), type=Language) for each in found)
