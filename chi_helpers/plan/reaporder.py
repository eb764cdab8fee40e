"""In what order things go: each after all that must be gone before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


def components(nodes: Iterable[int], before: Mapping[int, Sequence[int]]) -> list[list[int]]:
    """`nodes` in an order in which all of `before[n]` comes before `n`; what goes in circles is one group.

    Two security groups that name each other are such a circle. Tarjan's algorithm, which finds the groups in
    this order, without recursion: linear, and deep chains do no harm.
    """
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    waiting: set[int] = set()
    found: list[list[int]] = []
    for root in nodes:
        if root in index:
            continue
        path: list[tuple[int, Iterator[int]]] = []
        _enter(root, index, low, stack, waiting)
        path.append((root, iter(before.get(root, ()))))
        while path:
            node, rest = path[-1]
            for other in rest:
                if other not in index:
                    _enter(other, index, low, stack, waiting)
                    path.append((other, iter(before.get(other, ()))))
                    break
                if other in waiting:
                    low[node] = min(low[node], index[other])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == index[node]:
                    found.append(_leave(node, stack, waiting))
    return found


def _enter(
    node: int, index: dict[int, int], low: dict[int, int], stack: list[int], waiting: set[int]
) -> None:
    index[node] = low[node] = len(index)
    stack.append(node)
    waiting.add(node)


def _leave(node: int, stack: list[int], waiting: set[int]) -> list[int]:
    found = []
    while True:
        last = stack.pop()
        waiting.discard(last)
        found.append(last)
        if last == node:
            return sorted(found)
