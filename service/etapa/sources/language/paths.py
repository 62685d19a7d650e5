"""The place of a value in a record: keys separated by dots, and elements of lists.

- `properties.total`: a key inside a key;
- `line_items[].sku`: from every element of a list, in order, as a list;
- `event_params[key=value].value.int_value`: from the first element whose `key` is `value`;
- `^.visitorId`: from the record around the element that `each` names;
- `#`: the index of the element in that list, from 0.
"""

import re
from dataclasses import dataclass

from etapa.errors import EtapaError

MAX_STEPS = 16
LONGEST_PATH = 300

_STEP = re.compile(r"(?P<key>[^.\[\]]+)(?:\[(?P<inside>[^\]]*)\])?")


class PathError(EtapaError, ValueError):
    """A text that is not a path; the message says why."""


@dataclass(frozen=True, slots=True)
class PathStep:
    """One key. `in_each` continues into all elements of the list there, `pick` into the first whose key has that value."""

    key: str
    in_each: bool = False
    pick: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class RecordPath:
    """A path into a record, or into an element of it. `finding` follows it."""

    text: str
    steps: tuple[PathStep, ...]
    is_outer: bool = False
    is_number: bool = False


def parse_path(text: str) -> RecordPath:
    """The path in `text`. Raises `PathError`."""
    if len(text) > LONGEST_PATH:
        raise PathError(f"a path has at most {LONGEST_PATH} characters, found {len(text)}")
    if text == "#":
        return RecordPath(text, (), is_number=True)
    rest = text.removeprefix("^.")
    steps: list[PathStep] = []
    at = 0
    while True:
        match = _STEP.match(rest, at)
        if match is None:
            raise PathError(f"`{text}` is not a path; write keys with dots between them, such as `properties.total`")
        steps.append(_step(match["key"], match["inside"], text))
        at = match.end()
        if at == len(rest):
            break
        if rest[at] != ".":
            raise PathError(f"`{text}` is not a path: a `.` is missing after `{match[0]}`")
        at += 1
    if len(steps) > MAX_STEPS:
        raise PathError(f"a path has at most {MAX_STEPS} keys, found {len(steps)}")
    return RecordPath(text, tuple(steps), is_outer=rest is not text and text.startswith("^."))


def _step(key: str, inside: str | None, text: str) -> PathStep:
    if inside is None:
        return PathStep(key)
    if not inside:
        return PathStep(key, in_each=True)
    name, sign, value = inside.partition("=")
    if not (name and sign and value):
        raise PathError(f"`{text}` is not a path: brackets must be empty, or contain `key=value`")
    return PathStep(key, pick=(name, value))
