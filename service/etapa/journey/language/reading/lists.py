"""Shapes of lists."""

from dataclasses import dataclass
from typing import Any

from etapa.journey.language.matching.matches import Scalar
from etapa.journey.language.reading.findings import Report
from etapa.journey.language.reading.shapes import BAD, Bad, Shape, T, refuse
from etapa.journey.language.reading.yaml_nodes import ListNode, Node, ScalarNode, found

MAX_LIST = 1000


@dataclass(frozen=True)
class ListOf(Shape[tuple[T, ...]]):
    """A list of `minimum` to `maximum` items.

    If items cannot be read, they are reported and the list is bad. With `keeps_good`, the other items are returned anyway, so
    that errors in them are found too.
    """

    item: Shape[T]
    noun: str
    minimum: int = 1
    maximum: int = MAX_LIST
    keeps_good: bool = False

    def read(self, node: Node, report: Report) -> tuple[T, ...] | Bad:
        if not isinstance(node, ListNode):
            return refuse(node, f"a list of {self.noun}", report)
        if len(node.items) < self.minimum:
            return refuse(node, f"a list of {self.noun}, at least {self.minimum}", report)
        if len(node.items) > self.maximum:
            report.error(node.position, f"expected at most {self.maximum} {self.noun}, found {len(node.items)}")
            return BAD
        items = [self.item.read(item, report) for item in node.items]
        good = tuple(item for item in items if item is not BAD)
        return good if self.keeps_good or len(good) == len(items) else BAD

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema(), "minItems": self.minimum, "maxItems": self.maximum}


@dataclass(frozen=True)
class OneOrMany(Shape[tuple[T, ...]]):
    """One item, or a list of items. Repeated items cause a warning."""

    item: Shape[T]
    noun: str

    def read(self, node: Node, report: Report) -> tuple[T, ...] | Bad:
        if not isinstance(node, ListNode):
            item = self.item.read(node, report)
            return item if item is BAD else (item,)
        warn_of_repeats(node, report)
        return ListOf(self.item, self.noun).read(node, report)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.item.schema(), ListOf(self.item, self.noun).schema()]}


def warn_of_repeats(node: ListNode, report: Report) -> None:
    seen: set[tuple[type, Scalar]] = set()
    for item in node.items:
        if isinstance(item, ScalarNode):
            # True and 1 are equal in Python, but not in a file.
            key = (type(item.value), item.value)
            if key in seen:
                report.warning(item.position, f"{found(item)} is already in the list")
            seen.add(key)
