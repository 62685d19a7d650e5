"""Where a value lies in a record: keys with dots between them, and what stands in lists.

- `properties.total`: a key of a key;
- `line_items[].sku`: of every element of a list, in order, as a list;
- `event_params[key=value].value.int_value`: of the first element whose `key` is `value`;
- `^.visitorId`: of the record around the element that `each` names;
- `#`: the number of the element in that list, from 0.
"""

import re
from dataclasses import dataclass
from typing import Any

from etapa.errors import EtapaError

MAX_STEPS = 16
LONGEST_PATH = 300

_STEP = re.compile(r"(?P<key>[^.\[\]]+)(?:\[(?P<inside>[^\]]*)\])?")


class PathError(EtapaError, ValueError):
    """A text that is no path; the message says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """One key; `in_each` goes into all elements of the list there, `pick` into the first whose key has that value."""

    key: str
    in_each: bool = False
    pick: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class RecordPath:
    """A path into a record, or into an element of it."""

    text: str
    steps: tuple[Step, ...]
    is_outer: bool = False
    is_number: bool = False

    def find(self, element: Any, record: Any, number: int) -> Any:
        """What lies there; none where nothing does, or null."""
        if self.is_number:
            return number
        return _follow(record if self.is_outer else element, self.steps, 0)


def parse_path(text: str) -> RecordPath:
    """The path that `text` says. Raises `PathError`."""
    if len(text) > LONGEST_PATH:
        raise PathError(f"a path has at most {LONGEST_PATH} characters, found {len(text)}")
    if text == "#":
        return RecordPath(text, (), is_number=True)
    rest = text.removeprefix("^.")
    steps: list[Step] = []
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


def _step(key: str, inside: str | None, text: str) -> Step:
    if inside is None:
        return Step(key)
    if not inside:
        return Step(key, in_each=True)
    name, sign, value = inside.partition("=")
    if not (name and sign and value):
        raise PathError(f"`{text}` is not a path: within brackets stands nothing, or `key=value`")
    return Step(key, pick=(name, value))


def _follow(value: Any, steps: tuple[Step, ...], at: int) -> Any:
    for index in range(at, len(steps)):
        if type(value) is not dict:
            return None
        step = steps[index]
        value = value.get(step.key)
        if step.in_each:
            return _of_all(value, steps, index + 1)
        if step.pick is not None:
            value = _picked(value, step.pick)
    return value


def _of_all(elements: Any, steps: tuple[Step, ...], at: int) -> list[Any] | None:
    if type(elements) is not list:
        return None
    found: list[Any] = []
    inner = any(step.in_each for step in steps[at:])
    for element in elements:
        value = _follow(element, steps, at)
        if inner and type(value) is list:
            found += value
        elif value is not None:
            found.append(value)
    return found


def _picked(elements: Any, pick: tuple[str, str]) -> Any:
    if type(elements) is not list:
        return None
    name, wanted = pick
    for element in elements:
        if type(element) is dict and element.get(name) == wanted:
            return element
    return None
