"""Says why figures are told to somebody, told of what he may read alone, or withheld."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from crm.access.anchors import ANCHORS
from crm.access.counting import counts_more, smallest_group
from crm.access.policy import Kind
from crm.metrics.blocks import Withheld
from crm.metrics.coarse import Fine, fine_parts
from crm.metrics.hiding import Hidden, cell_of, find_hidden, over_all_rows
from crm.metrics.query import MetricQuery
from crm.metrics.run import read_scene, shown_keys
from crm.metrics.scene import Scene
from crm.metrics.statement import CELL, metric_statement
from crm.period import FiscalCalendar
from crm.principal import Principal, Role


class Counted(StrEnum):
    """Over which rows figures go."""

    EVERYTHING = "everything"
    READABLE = "readable"
    ALL = "all"


@dataclass(frozen=True)
class FigureReason:
    """One figure: its group as shown (none for a total), and why it is withheld, if it is."""

    keys: tuple[str, ...]
    currency: str | None
    withheld: Withheld | None


@dataclass(frozen=True)
class FiguresExplained:
    """Over which rows somebody's figures go, and why.

    `rules` let rows count that stay closed; `fine` is what the question has that keeps them out;
    `smallest_group` is how many owners and customers a group of closed rows has at least.
    """

    counted: Counted
    role: Role
    kind: Kind | None
    rules: tuple[str, ...]
    fine: tuple[Fine, ...]
    smallest_group: int
    figures: tuple[FigureReason, ...] = ()


def explain_figures(
    session: Session,
    query: MetricQuery,
    *,
    principal: Principal,
    as_of: datetime,
    calendar: FiscalCalendar | None = None,
) -> FiguresExplained:
    """Return why the figures of a question are told to the caller or not; no figure is in it.

    Raises what `run_metric` raises for the question.
    """
    scene = read_scene(session, query, principal, as_of, calendar or FiscalCalendar())
    models = scene.subject.models
    anchors = ANCHORS.get(models[0]) if len(models) == 1 else None
    kind = anchors.kind if anchors else None
    rules = _rules(principal, kind)
    made = FiguresExplained(
        Counted.READABLE, principal.role, kind, rules, (), smallest_group(principal)
    )
    if not principal.scopes:
        return replace(made, counted=Counted.EVERYTHING)
    if not any(counts_more(model, principal) for model in models):
        return made
    fine = fine_parts(scene)
    if fine:
        return replace(made, fine=fine)
    return replace(made, counted=Counted.ALL, figures=_figures(session, over_all_rows(scene)))


def _rules(principal: Principal, kind: Kind | None) -> tuple[str, ...]:
    if kind is None:
        return ()
    found = [
        name for scope in principal.scopes for name in scope.policy.counting_rules(scope.role, kind)
    ]
    return tuple(dict.fromkeys(found))


def _figures(session: Session, scene: Scene) -> tuple[FigureReason, ...]:
    hidden = find_hidden(session, scene)
    totals = [FigureReason((), one or None, why) for one, why in sorted(hidden.totals.items())]
    shown = _cells(session, scene, hidden) if scene.by else []
    return (*totals, *shown)


def _cells(session: Session, scene: Scene, hidden: Hidden) -> list[FigureReason]:
    rows = [row for row in session.execute(metric_statement(scene)).all() if row.level == CELL]
    return [
        FigureReason(keys, row.currency or None, hidden.cells.get(cell_of(scene, row)))
        for row, keys in zip(rows, shown_keys(scene, rows), strict=True)
    ]
