"""One figure of a benchmark, as all of them print it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """One figure with its unit and how it came about."""

    name: str
    figure: str
    how: str
