"""Circles in a graph whose edges are costly to find out (M. Sharir, "A strong-connectivity algorithm", 1981).

Whether an edge is there is asked only if it leads to a node not seen before. So where most edges are there, as between rules that can follow
each other, the number of questions grows with the nodes and not with their pairs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

_Edges = Mapping[int, Sequence[int]]


def circles(onwards: _Edges, leads: Callable[[int, int], bool]) -> Iterator[set[int]]:
    """The largest sets of two or more nodes that all lead to each other, in the order of their smallest nodes.

    `onwards` has every node, with those that it may lead to; `leads` says whether one leads to another.
    """
    back: dict[int, list[int]] = {node: [] for node in onwards}
    for node, others in onwards.items():
        for other in others:
            back[other].append(node)
    finished: list[int] = []
    seen: set[int] = set()
    for start in onwards:
        finished += _finished_from(start, onwards, leads, seen)
    taken: set[int] = set()
    found = [set(_finished_from(start, back, lambda later, earlier: leads(earlier, later), taken)) for start in reversed(finished)]
    yield from sorted((circle for circle in found if len(circle) > 1), key=min)


def _finished_from(start: int, edges: _Edges, leads: Callable[[int, int], bool], seen: set[int]) -> list[int]:
    """The nodes reached from `start` that were not seen before, each after all that are reached from it. Adds them to `seen`."""
    finished: list[int] = []
    if start in seen:
        return finished
    seen.add(start)
    way = [(start, iter(edges[start]))]
    while way:
        node, left = way[-1]
        for following in left:
            if following not in seen and leads(node, following):
                seen.add(following)
                way.append((following, iter(edges[following])))
                break
        else:
            way.pop()
            finished.append(node)
    return finished
