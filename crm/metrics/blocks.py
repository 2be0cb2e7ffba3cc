"""Puts rows that stay closed into fixed blocks, so that no sums tell of a row by their differences.

A figure is told only if it holds each block wholly or not at all. Whatever is then added and
subtracted, what comes out are sums over whole blocks, and a block has enough people in it: this
does what hiding small groups, hiding a second one beside them, and refusing narrow filters do,
and needs no memory of what was asked before.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

Key = tuple[object, ...]


@dataclass(frozen=True)
class Part:
    """The rows that no question tells apart, with their owners and customers.

    `key` goes from coarse to fine. Of rows without an owner or customer each counts as one.
    """

    key: Key
    rows: int
    owners: frozenset[int] = frozenset()
    customers: frozenset[int] = frozenset()
    unowned: int = 0
    without_customer: int = 0


@dataclass(frozen=True)
class Block:
    """Parts that are told together; not even together if there `is_enough` of them is false."""

    parts: tuple[Part, ...]
    is_enough: bool

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(part.rows for part in self.parts)


def make_blocks(parts: Sequence[Part], *, smallest: int) -> tuple[Block, ...]:
    """Return the parts in blocks of at least `smallest` owners and as many customers.

    What is too small goes together with what shares most of its key: with others that are too
    small if these are enough together, else with the smallest block there.
    """
    blocks: list[list[Part]] = []
    left = sorted(parts, key=_in_order)
    for length in range(max((len(part.key) for part in left), default=0), -1, -1):
        inside: defaultdict[Key, list[list[Part]]] = defaultdict(list)
        for block in blocks:
            inside[block[0].key[:length]].append(block)
        groups: defaultdict[Key, list[Part]] = defaultdict(list)
        for part in left:
            groups[part.key[:length]].append(part)
        left = []
        for key, members in groups.items():
            if units(members) >= smallest:
                blocks.append(members)
            elif inside[key]:
                min(inside[key], key=lambda one: (_rows(one), _in_order(one[0]))).extend(members)
            else:
                left += members
    found = [Block(tuple(block), True) for block in blocks]
    return (*found, Block(tuple(left), False)) if left else tuple(found)


def units(parts: Sequence[Part]) -> int:
    """Return how many owners or how many customers there are, whichever are fewer."""
    owners = {one for part in parts for one in part.owners}
    customers = {one for part in parts for one in part.customers}
    return min(
        len(owners) + sum(part.unowned for part in parts),
        len(customers) + sum(part.without_customer for part in parts),
    )


class Withheld(StrEnum):
    """Why a figure is not told: too few people are in all of it, or it would tell of too few."""

    TOO_FEW = "too_few"
    PART_OF_BLOCK = "part_of_block"


def is_told(blocks: Sequence[Block], counted: Mapping[Key, int]) -> bool:
    """Say whether a figure with so many rows of each part holds blocks wholly or not at all."""
    return why_withheld(blocks, counted) is None


def why_withheld(blocks: Sequence[Block], counted: Mapping[Key, int]) -> Withheld | None:
    """Return why a figure with so many rows of each part is not told, None where it is."""
    for block in blocks:
        number = sum(counted.get(part.key, 0) for part in block.parts)
        if number and not block.is_enough:
            return Withheld.TOO_FEW
        if number and number < block.rows:
            return Withheld.PART_OF_BLOCK
    return None


def _rows(parts: Sequence[Part]) -> int:
    return sum(part.rows for part in parts)


def _in_order(part: Part) -> str:
    return repr(part.key)
