"""YAML text as nodes that know their position.

The subset is small on purpose: one document, text keys, no anchors, aliases or tags, so that a file means what it shows.
Plain scalars follow the core schema of YAML 1.2: `on`, `yes` and `no` are text, `0x1F` and `0o17` are numbers. PyYAML
only supplies events; this module decides what they mean.
"""

import re
from dataclasses import dataclass
from typing import Any

import yaml

from etapa.errors import EtapaError
from etapa.journey.language.matching.matches import Scalar
from etapa.journey.language.reading.findings import Position, Report, shortened

MAX_BYTES = 1024 * 1024
MAX_NODES = 100_000
MAX_DEPTH = 48
"""How deep lists and maps may nest: enough for a dozen levels of conditions and what surrounds them."""

_LONGEST_NUMBER = 400
_NULL = re.compile("(?:null|Null|NULL|~|)$")
_TRUE = re.compile("(?:true|True|TRUE)$")
_FALSE = re.compile("(?:false|False|FALSE)$")
_WHOLE = re.compile("[-+]?[0-9]+$")
_OCTAL = re.compile("0o[0-7]+$")
_HEXADECIMAL = re.compile("0x[0-9a-fA-F]+$")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class ScalarNode:
    value: Scalar
    position: Position


@dataclass(frozen=True, slots=True)
class ListNode:
    items: "tuple[Node, ...]"
    position: Position


@dataclass(frozen=True, slots=True)
class Entry:
    key: str
    key_position: Position
    node: "Node"


@dataclass(frozen=True, slots=True)
class MapNode:
    """Keys are text, each once, in the order of the file."""

    entries: tuple[Entry, ...]
    position: Position


@dataclass(frozen=True, slots=True)
class InvalidNode:
    """Something invalid that was already reported."""

    position: Position


Node = ScalarNode | ListNode | MapNode | InvalidNode


class Unreadable(EtapaError):
    """There is no tree to read; the reason has been reported."""


def parse(text: str, report: Report) -> Node | None:
    """The root node of the single document in `text`; none if it is not one. YAML that journey files do not allow is reported."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        report.error(Position(1, 1), f"the file is larger than {MAX_BYTES // 1024} KiB")
        return None
    try:
        return _Builder(text, report).document()
    except Unreadable:
        pass
    except yaml.reader.ReaderError as error:
        lines = re.split("\r\n|[\r\n\x85\u2028\u2029]", text[: error.position])
        report.error(Position(len(lines), len(lines[-1]) + 1), f"character U+{ord(text[error.position]):04X} is not allowed in YAML")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = Position(mark.line + 1, mark.column + 1) if mark else Position(1, 1)
        report.error(position, _syntax_message(error))
    return None


def found(node: Node) -> str:
    """What was found, for a message: `text "abc"`, `number 3`, `a list`."""
    if isinstance(node, ListNode):
        return "a list" if node.items else "an empty list"
    if isinstance(node, MapNode):
        return "a map" if node.entries else "an empty map"
    value = node.value if isinstance(node, ScalarNode) else None
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    return f'text "{shortened(value)}"' if isinstance(value, str) else f"number {value}"


def plain_value(node: Node) -> Any:
    """The node as plain JSON data: dicts, lists and scalars."""
    if isinstance(node, ListNode):
        return [plain_value(item) for item in node.items]
    if isinstance(node, MapNode):
        return {entry.key: plain_value(entry.node) for entry in node.entries}
    return node.value if isinstance(node, ScalarNode) else None


_QUOTES = "if that is part of a text, put the text in quotes"
_ADVICE = (
    ("while scanning an alias", 'if every touchpoint type is meant, write "*" in quotes'),
    ("\\t", "write spaces instead of a tab"),
    ("unknown escape", "a backslash in double quotes changes the next letter: write the text, such as a pattern, in single quotes"),
    *((sign, _QUOTES) for sign in ("but got '?'", "but got ':'", "cannot start any token", "mapping values are not allowed here")),
)
"""What helps, by words of the parser's complaint. The first that occurs counts."""


def _syntax_message(error: yaml.MarkedYAMLError) -> str:
    complaint = ": ".join(filter(None, (error.context, error.problem or "cannot be read")))
    advice = next((f"; {advice}" for words, advice in _ADVICE if words in complaint), "")
    return f"not valid YAML: {complaint}{advice}"


@dataclass(slots=True)
class _Open:
    """A list or map whose end has not been read. `key` waits for its value."""

    position: Position
    is_map: bool
    items: list[Node]
    entries: list[Entry]
    keys: set[str]
    key: tuple[str, Position] | None = None
    expects_key: bool = False
    dropped: bool = False
    """The current key cannot be used (this was reported), so its value is dropped."""


class _Builder:
    def __init__(self, text: str, report: Report) -> None:
        self._loader = yaml.SafeLoader(text)
        self._report = report
        self._stack: list[_Open] = []
        self._nodes = 0
        self._root: Node | None = None

    def document(self) -> Node:
        documents = 0
        while True:
            event = self._next_event()
            if isinstance(event, yaml.StreamEndEvent):
                break
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._report.error(_position(event), "a second document begins here: a journey file holds one")
                    break
            elif isinstance(event, yaml.NodeEvent):
                self._node(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close()
        if self._root is None:
            self._report.error(Position(1, 1), "the file is empty: a journey has at least `journey`, `version`, `stages` and `rules`")
            raise Unreadable
        return self._root

    def _next_event(self) -> yaml.Event:
        try:
            event: yaml.Event = self._loader.get_event()  # type: ignore[no-untyped-call]
            return event
        except (ValueError, OverflowError):
            # An escape such as "\UFFFFFFFF" names no character, and the scanner does not guard against it.
            mark = self._loader.get_mark()
            self._report.error(Position(mark.line + 1, mark.column + 1), "not valid YAML: this escape or number is out of range")
            raise Unreadable from None

    def _node(self, event: yaml.NodeEvent) -> None:
        position = _position(event)
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._report.error(position, f"the file holds more than {MAX_NODES} values")
            raise Unreadable
        if isinstance(event, yaml.AliasEvent):
            self._report.error(position, f'alias `*{event.anchor}` is not allowed: write the value out, or "*" in quotes for every type')
            self._put(InvalidNode(position))
            return
        if event.anchor is not None:
            self._report.error(position, f"anchor `&{event.anchor}` is not allowed: write values out where they are used")
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
            self._report.error(position, f"tag `{shortened(event.tag)}` is not allowed: plain values and quotes are enough")
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, position)
        else:
            self._open(position, is_map=isinstance(event, yaml.MappingStartEvent))

    def _scalar(self, event: yaml.ScalarEvent, position: Position) -> None:
        top = self._stack[-1] if self._stack else None
        node = self._resolve(event.value, plain=event.style is None, position=position)
        if top is not None and top.expects_key:
            top.expects_key = False
            top.dropped = not self._usable_key(node, event.value, top)
            if not top.dropped:
                top.keys.add(event.value)
                top.key = (event.value, position)
        else:
            self._put(node)

    def _usable_key(self, node: ScalarNode | InvalidNode, text: str, top: _Open) -> bool:
        if isinstance(node, InvalidNode):
            return False
        if not isinstance(node.value, str):
            self._report.error(node.position, f'a key must be text, found {found(node)}: write it in quotes, as "{text}"')
            return False
        if text in top.keys:
            self._report.error(node.position, f"key `{shortened(text)}` appears twice in the same map")
            return False
        return True

    def _open(self, position: Position, *, is_map: bool) -> None:
        if len(self._stack) == MAX_DEPTH:
            self._report.error(position, f"lists and maps are nested more than {MAX_DEPTH} deep")
            raise Unreadable
        top = self._stack[-1] if self._stack else None
        if top is not None and top.expects_key:
            self._report.error(position, "a key must be text, not a list or a map")
            raise Unreadable
        self._stack.append(_Open(position, is_map, [], [], set(), expects_key=is_map))

    def _close(self) -> None:
        closed = self._stack.pop()
        self._put(MapNode(tuple(closed.entries), closed.position) if closed.is_map else ListNode(tuple(closed.items), closed.position))

    def _put(self, node: Node) -> None:
        if not self._stack:
            self._root = node
            return
        top = self._stack[-1]
        if not top.is_map:
            top.items.append(node)
            return
        if top.expects_key:
            # Only an alias gets here: it was reported, and its value is dropped with it.
            top.expects_key, top.dropped = False, True
            return
        if not top.dropped and top.key is not None:
            key, key_position = top.key
            top.entries.append(Entry(key, key_position, node))
        top.key, top.dropped, top.expects_key = None, False, True

    def _resolve(self, text: str, *, plain: bool, position: Position) -> ScalarNode | InvalidNode:
        if _SURROGATE.search(text):
            self._report.error(position, "half a surrogate pair is not a character")
            return InvalidNode(position)
        return self._resolve_plain(text, position) if plain else ScalarNode(text, position)

    def _resolve_plain(self, text: str, position: Position) -> ScalarNode | InvalidNode:
        if _NULL.match(text):
            return ScalarNode(None, position)
        if _TRUE.match(text):
            return ScalarNode(True, position)
        if _FALSE.match(text):
            return ScalarNode(False, position)
        if _NOT_FINITE.match(text):
            self._report.error(position, f'{text} is not a number that can be compared; if text is meant, write "{text}" in quotes')
            return InvalidNode(position)
        if _FLOAT.match(text) or _OCTAL.match(text) or _HEXADECIMAL.match(text):
            return self._number(text, position)
        return ScalarNode(text, position)

    def _number(self, text: str, position: Position) -> ScalarNode | InvalidNode:
        number: int | float
        if len(text) > _LONGEST_NUMBER:
            number = float("inf")
        elif _WHOLE.match(text):
            number = int(text)
        elif text[:2] in ("0o", "0x"):
            number = int(text[2:], 8 if text[1] == "o" else 16)
        else:
            number = float(text)
        too_large = not -(2**63) <= number < 2**63 if isinstance(number, int) else abs(number) == float("inf")
        if too_large:
            kind = "whole number of 64 bits" if isinstance(number, int) else "number"
            self._report.error(position, f"{shortened(text)} is too large for a {kind}; if text is meant, write it in quotes")
            return InvalidNode(position)
        return ScalarNode(number, position)


def _position(event: yaml.Event) -> Position:
    mark = event.start_mark
    return Position(mark.line + 1, mark.column + 1) if mark else Position(1, 1)
