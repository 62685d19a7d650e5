"""What a file may say but probably does not mean: rules that can never match real data.

This looks at the text as written, not at what was read from it, so that every doubt has its place in the file. Types, paths,
comparisons and durations are recognised by their keys alone; errors in them are left to the loader.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from etapa.journey.duration import DurationError, parse_duration
from etapa.journey.language.misspelt_types import TYPE_KEYS, doubt_types
from etapa.journey.language.reading.findings import Position, Report, nearest, shortened
from etapa.journey.language.reading.yaml_nodes import Entry, ListNode, MapNode, Node, ScalarNode
from etapa.journey.units import DAY

_EXACT: Final = {
    "count": (256, "a count within a window is always exact up to 256; past that the oldest may be counted in coarser pieces"),
    "days": (1024, "days within a window are counted exactly up to 1,024; past that the number is an estimate"),
    "distinct": (256, "different values are counted exactly up to 256; past that the number is an estimate"),
}

_PATHS = frozenset({"sum", "avg", "min", "max", "distinct", "last", "first"})
_DURATIONS = frozenset({"within", "for", "before", "in_stage", "idle", "half_life", "cooldown", "per", "at_least", "at_most"})
_WINDOWS = frozenset({"within", "before", "calendar"})
_EQUALS = frozenset({"eq", "ne", "in", "not_in"})
_ORDERS = frozenset({"gt", "gte", "lt", "lte"})
_SEARCHES = frozenset({"contains", "starts_with", "ends_with", "matches"})
_OPERATORS = _EQUALS | _ORDERS | _SEARCHES | {"exists", "as"}
_ELEMENTS = frozenset({"any", "all", "none"})

_NUMBER = re.compile(r"[ ]*-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?[ ]*")
_ODD_NUMBER = re.compile(r"[-+]?(?:0[0-9]+(?:\.[0-9]*)?|[0-9]+(?:_[0-9]+)+(?:\.[0-9]*)?)(?=[\s,\]}#]|$)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt ][0-9:.]+(?:[Zz]|[-+][0-9:]+)?)?")
_BOOLEAN = frozenset({"true", "false", "yes", "no", "on", "off"})
_DAY = frozenset({"today", "now", "yesterday", "tomorrow"})
_PLACE_IN_LIST = re.compile(r"\[[0-9*-]+\]|\.[0-9]+(?=\.|$)|\.\*(?=\.|$)")
_MINUTES = re.compile("([0-9]{1,2})m")
_MONTHS_OFTEN = frozenset({3, 6, 9, 12, 18, 24})
_MONTHS_AT_MOST = 24


@dataclass
class _Doubts:
    report: Report
    catalogue: frozenset[str] | None = None
    """All touchpoint types, if the file lists them."""
    durations: list[tuple[int, str, Position]] = field(default_factory=list)

    def condition(self, node: Node) -> None:
        """A condition, or a list of them."""
        if isinstance(node, ListNode):
            for item in node.items:
                self.condition(item)
        if not isinstance(node, MapNode):
            return
        for entry in node.entries:
            self._part(entry)
        keys = {entry.key: entry.node for entry in node.entries}
        textual = isinstance(last := keys.get("last", keys.get("first")), ScalarNode) and last.value in ("channel", "type")
        self._comparison(node, textual=textual)
        for kind in keys & _EXACT.keys():
            if kind == "distinct" or not _WINDOWS.isdisjoint(keys):
                self._bounds(node, *_EXACT[kind])

    def _part(self, entry: Entry) -> None:
        if entry.key in TYPE_KEYS:
            self._types(entry.node)
        elif entry.key == "score" and isinstance(entry.node, MapNode):
            for points in entry.node.entries:
                self._type(points.key, points.key_position)
        elif entry.key in _PATHS:
            self._path_node(entry.node)
        elif entry.key == "trait":
            self._trait(entry.node)
        elif entry.key == "where":
            self._where(entry.node)
        elif entry.key in _DURATIONS:
            self._duration(entry.node)
        elif entry.key in ("all", "any", "not", "sequence"):
            self.condition(entry.node)

    def campaign(self, node: Node) -> None:
        """The durations and the condition of a campaign."""
        if isinstance(node, MapNode):
            for entry in node.entries:
                if entry.key in _DURATIONS:
                    self._duration(entry.node)
                elif entry.key == "when":
                    self.condition(entry.node)
                elif entry.key == "goal" and isinstance(entry.node, MapNode):
                    self._goal(entry.node)

    def _goal(self, node: MapNode) -> None:
        for entry in node.entries:
            if entry.key in ("within", "value"):
                self._part(entry) if entry.key == "within" else self.condition(entry.node)
        # Its `within` is no window of the condition.
        self.condition(MapNode(tuple(entry for entry in node.entries if entry.key not in ("within", "value")), node.position))

    def months(self) -> None:
        """Once all durations are known, warn about minutes that probably should be months."""
        for _, text, position in self.durations:
            minutes = _MINUTES.fullmatch(text)
            if minutes is None or not 0 < int(minutes[1]) <= _MONTHS_AT_MOST:
                continue
            others = [length for length, written, _ in self.durations if not _MINUTES.fullmatch(written)]
            if min(others) >= DAY if others else int(minutes[1]) in _MONTHS_OFTEN:
                self.report.warning(
                    position,
                    f"`{text}` is {minutes[1]} minutes, and {'all other durations are of days or more' if others else 'it is the only duration'}:"
                    f" if months are meant, write `{int(minutes[1]) * 30}d`",
                )

    def _duration(self, node: Node) -> None:
        if isinstance(node, MapNode):
            for entry in node.entries:
                if entry.key in _DURATIONS:
                    self._duration(entry.node)
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            try:
                self.durations.append((parse_duration(node.value), node.value, node.position))
            except DurationError:
                return

    def _types(self, node: Node) -> None:
        for text, position in _texts(node):
            self._type(text, position)

    def _type(self, text: str, position: Position) -> None:
        if "*" in text and text != "*":
            self.report.warning(
                position, f'`{shortened(text)}` is a type with a `*` in its name, not a pattern: list the types, or write "*" alone for any'
            )
        if self.catalogue is not None and text != "*" and text not in self.catalogue:
            self.report.warning(
                position, f"the type `{shortened(text)}` is not among the `types` of this file{nearest(text, self.catalogue)}"
            )
        self._odd_text("type", text, position)

    def _odd_text(self, noun: str, text: str, position: Position) -> None:
        if text != text.strip():
            self.report.warning(
                position, f"the {noun} `{shortened(text)}` begins or ends with a blank, so it matches only data with the same blank"
            )
        self._control(noun, text, position)

    def _control(self, noun: str, text: str, position: Position) -> None:
        odd = next((character for character in text if not character.isprintable() and (character < " " or character == "\x7f")), None)
        if odd is not None:
            name = {"\b": "a backspace", "\t": "a tab", "\n": "a line break", "\f": "a form feed", "\r": "a carriage return"}.get(
                odd, "a control character"
            )
            self.report.warning(
                position,
                f"the {noun} contains {name} (U+{ord(odd):04X}), because a backslash in double quotes changes the next letter: write it in single quotes",
            )

    def _path_node(self, node: Node) -> None:
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            self._path(node.value, node.position)

    def _path(self, path: str, position: Position) -> None:
        place = _PLACE_IN_LIST.search(path)
        if place is not None:
            self.report.warning(
                position,
                f"`{shortened(path)}`: a path cannot lead to one element of a list, so `{place[0]}` is taken as the name of a key, which hardly any"
                " data has: the value is then always missing",
            )
        self._odd_text("path", path, position)

    def _trait(self, node: Node) -> None:
        for text, position in _texts(node):
            if "." in text and not text.startswith("traits."):
                first, _, rest = text.partition(".")
                self.report.warning(
                    position,
                    f"`{shortened(text)}` is the name of one trait, not a path into `{shortened(first)}`: traits have no parts that can be asked for;"
                    f" send `{shortened(rest)}` as a trait of its own",
                )
            self._odd_text("trait", text, position)

    def _where(self, node: Node) -> None:
        for entry in node.entries if isinstance(node, MapNode) else ():
            self._path(entry.key, entry.key_position)
            self._compared(entry, textual=entry.key in ("channel", "type"))

    def _compared(self, entry: Entry, *, textual: bool) -> None:
        if isinstance(entry.node, MapNode):
            self._comparison(entry.node, textual=textual)
            for inner in entry.node.entries:
                if inner.key in _ELEMENTS and isinstance(inner.node, MapNode):
                    self._elements(inner.node)
        else:
            self._operand("eq", entry.node, textual=textual)

    def _elements(self, node: MapNode) -> None:
        if all(entry.key in _OPERATORS for entry in node.entries):
            self._comparison(node, textual=False)
        else:
            for entry in node.entries:
                self._compared(entry, textual=False)

    def _comparison(self, node: MapNode, *, textual: bool) -> None:
        converted = any(entry.key == "as" for entry in node.entries)
        for entry in node.entries:
            if entry.key in _EQUALS or entry.key in _ORDERS:
                self._operand(entry.key, entry.node, textual=textual or converted)
            elif entry.key in _SEARCHES:
                for text, position in _texts(entry.node):
                    self._control("pattern" if entry.key == "matches" else "text", text, position)

    def _operand(self, operator: str, node: Node, *, textual: bool) -> None:
        """`textual`: it is compared with text, or with a converted value, whatever it looks like."""
        if isinstance(node, ListNode):
            for item in node.items:
                self._operand(operator, item, textual=textual)
        if not isinstance(node, ScalarNode):
            return
        written = _ODD_NUMBER.match(self.report.written_at(node.position))
        if written is not None:
            is_text = isinstance(node.value, str)
            taken = f'the text "{node.value}"' if is_text else f"the number {node.value}"
            self.report.warning(
                node.position,
                f"`{written[0]}` is {taken} here: write it without {'_' if '_' in written[0] else 'leading zeros'}, or in quotes if text is meant",
            )
        elif isinstance(node.value, str):
            self._control("text", node.value, node.position)
            if not textual:
                self._looks_like(operator, node.value, node.position)

    def _looks_like(self, operator: str, text: str, position: Position) -> None:
        shown = shortened(text)
        plain = text.strip().lower()
        if _NUMBER.fullmatch(text):
            if operator in _ORDERS:
                # The loader already reports that no number is above or below a text.
                return
            self.report.warning(
                position,
                f'`{operator}` compares with the text "{shown}", and no number equals a text: write {shown.strip()} without quotes if the data has numbers',
            )
        elif plain in _BOOLEAN:
            right = "true" if plain in ("true", "yes", "on") else "false"
            self.report.warning(
                position,
                f'`{operator}` compares with the text "{shown}", and no boolean equals a text: write {right} if the data has booleans',
            )
        elif plain in _DAY:
            self.report.warning(position, f'`{operator}` compares with the text "{shown}", which is not a day')
        elif _DATE.fullmatch(text):
            self.report.warning(position, f'`{operator}` compares with the text "{shown}", letter by letter and not as a date')

    def _bounds(self, node: MapNode, most: int, why: str) -> None:
        for entry in node.entries:
            if entry.key in _EQUALS or entry.key in _ORDERS:
                for item in entry.node.items if isinstance(entry.node, ListNode) else (entry.node,):
                    if isinstance(item, ScalarNode) and isinstance(item.value, int | float) and item.value > most:
                        self.report.warning(item.position, f"{why}, so `{entry.key}: {item.value}` may hold somewhat early or late")


def doubt(root: Node, report: Report) -> None:
    """Report what the author of a journey file may not have meant."""
    keys = {entry.key: entry.node for entry in root.entries} if isinstance(root, MapNode) else {}
    types = keys.get("types")
    doubts = _Doubts(report, frozenset(entry.key for entry in types.entries) if isinstance(types, MapNode) else None)
    for persona in _items(keys.get("personas")):
        for entry in persona.entries if isinstance(persona, MapNode) else ():
            if entry.key == "is":
                doubts.condition(entry.node)
    for rule in _items(keys.get("rules")):
        if isinstance(rule, MapNode):
            for entry in rule.entries:
                if entry.key == "when":
                    doubts.condition(entry.node)
    if "consent" in keys:
        doubts.condition(keys["consent"])
    if "caps" in keys:
        doubts.campaign(keys["caps"])
    for campaign in _items(keys.get("campaigns")):
        doubts.campaign(campaign)
    doubts.months()
    doubt_types(keys, report)


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, ListNode) else ()


def _texts(node: Node) -> Iterator[tuple[str, Position]]:
    """A text, those in a list, or the keys of a map of weights."""
    if isinstance(node, MapNode):
        for entry in node.entries:
            yield entry.key, entry.key_position
    for item in node.items if isinstance(node, ListNode) else (node,):
        if isinstance(item, ScalarNode) and isinstance(item.value, str):
            yield item.value, item.position
