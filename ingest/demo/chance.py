"""Seeded chance: every part of the company draws from dice of its own, so order never matters."""

import math
from random import Random


def dice(*names: object) -> Random:
    """Return a generator that depends on the names alone."""
    return Random("/".join(str(name) for name in names))  # noqa: S311


def sigmoid(value: float) -> float:
    """Return the chance, 0–1, of log-odds."""
    return 1 / (1 + math.exp(-value))


def clamp(value: float, low: float, high: float) -> float:
    """Return the value, kept within both ends."""
    return max(low, min(high, value))


def happens(random: Random, chance: float) -> bool:
    """Say whether something with this chance happens now."""
    return random.random() < chance
