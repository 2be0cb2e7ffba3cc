"""The figures of a load run: times by kind of work, errors, and whether memory stays flat."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from evals.answers import percentile


@dataclass(frozen=True)
class Sample:
    """One act: what it was, how long it took (s), and how it ended."""

    name: str
    seconds: float
    outcome: str

    @property
    def is_error(self) -> bool:
        """Say whether it broke; what was refused with good reason did not."""
        return self.outcome not in {"done", "refused"}


@dataclass(frozen=True)
class WorkFigures:
    """How one kind of work went; times in milliseconds."""

    name: str
    count: int
    refused: int
    errors: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


def figures_by_work(samples: Sequence[Sample]) -> list[WorkFigures]:
    """Return a line for all work together, then one for each kind."""
    names = sorted({one.name for one in samples})
    lines = [_figures("all", samples)]
    return lines + [_figures(name, [one for one in samples if one.name == name]) for name in names]


def _figures(name: str, samples: Sequence[Sample]) -> WorkFigures:
    times = [one.seconds * 1000 for one in samples]
    outcomes = Counter(one.outcome for one in samples)
    p50, p95, p99, most = (round(percentile(times, share), 1) for share in (0.5, 0.95, 0.99, 1.0))
    return WorkFigures(
        name,
        len(samples),
        outcomes["refused"],
        sum(one.is_error for one in samples),
        p50,
        p95,
        p99,
        most,
    )


def growth(memory: Sequence[tuple[float, float]]) -> float:
    """Return the slope (MB a minute) of the least-squares line through (seconds, MB) points.

    The first fifth is left out: caches fill there. 0 for fewer than two points.
    """
    steady = memory[len(memory) // 5 :]
    count = len(steady)
    if count < 2:
        return 0.0
    mean_x = sum(x for x, _ in steady) / count
    mean_y = sum(y for _, y in steady) / count
    spread = sum((x - mean_x) ** 2 for x, _ in steady)
    if not spread:
        return 0.0
    return 60 * sum((x - mean_x) * (y - mean_y) for x, y in steady) / spread
