"""What conditions are about. Two that are about nothing in common neither imply nor exclude each other, so they need no closer look."""

from etapa.journey.language.kinds.condition import Condition, Leaf
from etapa.journey.language.kinds.logic import leaves
from etapa.journey.language.kinds.trait import Trait
from etapa.journey.language.matching.matches import ANY_TYPE

Subject = tuple[type[Leaf], str]
"""A kind of condition, and a touchpoint type or the name of a trait."""

_ALL_TYPES = ""


def implied_by(condition: Condition) -> set[Subject]:
    """Subjects to look up: only a condition that is filed (`filed_under`) under one of these may be implied by this one."""
    found = _subjects(condition)
    return found | {(kind, ANY_TYPE) for kind, _ in found} | {(kind, _ALL_TYPES) for kind, about in found if about == ANY_TYPE}


def filed_under(condition: Condition) -> set[Subject]:
    """The subjects under which `implied_by` finds the condition."""
    found = _subjects(condition)
    return found | {(kind, _ALL_TYPES) for kind, _ in found}


def topics(condition: Condition) -> frozenset[str] | None:
    """What a condition is about, whatever its kind; none for any touchpoint type. Only conditions that `may_clash` may exclude each other."""
    found = {about for leaf in leaves(condition) for about in (_types(leaf) or {f"{type(leaf).__name__} {_name(leaf)}"})}
    return None if ANY_TYPE in found else frozenset(found)


def may_clash(one: frozenset[str] | None, other: frozenset[str] | None) -> bool:
    """Whether two conditions have a topic in common."""
    return one is None or other is None or not one.isdisjoint(other)


def _subjects(condition: Condition) -> set[Subject]:
    return {(type(leaf), about) for leaf in leaves(condition) for about in (_types(leaf) or {_name(leaf)})}


def _name(leaf: Leaf) -> str:
    return leaf.name if isinstance(leaf, Trait) else ""


def _types(leaf: Leaf) -> set[str]:
    match = getattr(leaf, "match", None)
    types: set[str] = set() if match is None else set(match.types)
    return types.union(*[needed.types for needed, _ in leaf.needed()])
