"""Touchpoint types that probably are misspelt: named in one place of a file, and one slip away from a type that the file names elsewhere.

Only files without `types` need this: with that list, `doubts` reports every type that is not in it.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from etapa.journey.language.reading.findings import Position, Report, shortened
from etapa.journey.language.reading.yaml_nodes import ListNode, MapNode, Node, ScalarNode

TYPE_KEYS: Final = frozenset({"event", "count", "absent", "of", "days"})
"""The keys of conditions that name types."""

SHORTEST: Final = 5
"""Shorter names are too often one slip apart, as `call` and `mail` nearly are."""

MOST_ALIKE: Final = 8
"""How many of the types that one slip leads to are looked at, so that no file takes long."""

TypeUse = tuple[str, Position, Position]
"""A type, its place, and that of the list which names it: types of one list differ on purpose."""


def doubt_types(parts: Mapping[str, Node], report: Report) -> None:
    """Warn about types in conditions. `parts`: those of a journey file, by key."""
    if "types" in parts:
        return
    uses = [use for key in ("personas", "rules", "consent", "caps", "campaigns") if key in parts for use in types_in_conditions(parts[key])]
    others = {use for key in ("stages", "tests") if key in parts for use in _in_touchpoints(parts[key])}
    by_type: dict[str, list[TypeUse]] = {}
    for use in (*sorted(uses, key=lambda use: use[1]), *others):
        by_type.setdefault(use[0], []).append(use)
    near: dict[str, list[str]] = {}
    for name in by_type:
        for slip in _slips(name):
            alike = near.setdefault(slip, [])
            if len(alike) < MOST_ALIKE:
                alike.append(name)
    for name, position, around in uses:
        if len(by_type[name]) > 1:
            continue
        for other in sorted({other for slip in _slips(name) for other in near[slip]}):
            if _may_be_meant(name, by_type[other], position, around, others):
                report.warning(
                    position,
                    f"the type `{shortened(name)}` is named only here; did you mean `{shortened(other)}`? If they are two types, list all in `types`",
                )
                break


def _may_be_meant(name: str, uses: list[TypeUse], position: Position, around: Position, others: set[TypeUse]) -> bool:
    """Of two types that conditions name once each, the one further down is doubted."""
    other = uses[0][0]
    if other == name or not _is_one_slip_from(name, other) or any(use[2] == around for use in uses):
        return False
    return len(uses) > 1 or uses[0][1] < position or uses[0] in others


def _is_one_slip_from(name: str, other: str) -> bool:
    """Whether case, signs or one letter differ: added, left out, another, or changed places with the next. Digits differ on purpose."""
    one, two = _plain(name), _plain(other)
    if one == two:
        return True
    start = 0
    while start < min(len(one), len(two)) and one[start] == two[start]:
        start += 1
    end = 0
    while end < min(len(one), len(two)) - start and one[-1 - end] == two[-1 - end]:
        end += 1
    first, second = one[start : len(one) - end], two[start : len(two) - end]
    if any(character.isdigit() for character in first + second) or min(len(one), len(two)) < SHORTEST:
        return False
    return max(len(first), len(second)) == 1 or (len(first) == 2 and first == second[::-1])


def _slips(name: str) -> set[str]:
    """The name with each letter left out, and in full: two names that are one slip apart have one of these in common."""
    plain = _plain(name)
    return {plain, *(plain[:at] + plain[at + 1 :] for at in range(len(plain)))}


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def types_in_conditions(node: Node) -> Iterator[TypeUse]:
    """The types that conditions name, with their places."""
    if isinstance(node, ListNode):
        for item in node.items:
            yield from types_in_conditions(item)
    if not isinstance(node, MapNode):
        return
    for entry in node.entries:
        if entry.key == "where":
            continue
        if entry.key in TYPE_KEYS or entry.key == "score":
            yield from _texts(entry.node)
        yield from types_in_conditions(entry.node)


def _in_touchpoints(node: Node) -> Iterator[TypeUse]:
    if isinstance(node, ListNode):
        for item in node.items:
            yield from _in_touchpoints(item)
    if isinstance(node, MapNode):
        for entry in node.entries:
            if entry.key == "type":
                yield from _texts(entry.node)
            elif entry.key in ("given", "touchpoints"):
                yield from _in_touchpoints(entry.node)


def _texts(node: Node) -> Iterator[TypeUse]:
    """A type, those in a list, or the keys of a map of weights."""
    if isinstance(node, MapNode):
        yield from ((entry.key, entry.key_position, node.position) for entry in node.entries)
    for item in node.items if isinstance(node, ListNode) else (node,):
        if isinstance(item, ScalarNode) and isinstance(item.value, str) and item.value != "*":
            yield item.value, item.position, node.position
