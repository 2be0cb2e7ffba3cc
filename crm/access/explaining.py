"""Says why somebody may read a row, or may not: how it stands to him, and which rules decided."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.access.anchors import ANCHORS, PARENTS
from crm.access.policy import Kind, Relation, relations_of
from crm.access.scope import Scope
from crm.errors import BadInput, NotFound
from crm.models import Base, Contact
from crm.principal import Role

_COUNTED = frozenset({Kind.ACCOUNT, Kind.OPPORTUNITY, Kind.LEAD, Kind.CASE})
HIMSELF_ALONE = "of the people at his company a customer reads himself alone"


@dataclass(frozen=True)
class Explanation:
    """Why a row is readable or not.

    `relations` are those that hold between row and caller, `policies` the names of the rules that
    decided; none of them permits where the list is empty. `through` names the row whose rules
    hold for this one, such as the account of a contact. By the rules of `counted_by` it counts in
    his figures though he may not read it.
    """

    is_allowed: bool
    role: Role
    kind: Kind
    relations: tuple[Relation, ...]
    policies: tuple[str, ...]
    through: str | None = None
    counted_by: tuple[str, ...] = ()


def explain_access(session: Session, scope: Scope, model: type[Base], row_id: int) -> Explanation:
    """Return why the caller of this scope may read the row, or may not.

    Raises:
        NotFound: there is no such row, for nobody.
        BadInput: rows of this kind are under no rule.
    """
    if model not in ANCHORS and model not in PARENTS:
        raise BadInput(f"{model.__tablename__!r} is under no rule of its own")
    table = model.__table__
    kept = select(table.c.id).where(table.c.id == row_id, table.c.deleted_at.is_(None))
    if session.execute(kept).first() is None:
        raise NotFound(f"there is no row {row_id!r} in {model.__tablename__}")
    return _explained(session, scope, model, row_id)


def _explained(session: Session, scope: Scope, model: type[Base], row_id: int) -> Explanation:
    """Return the explanation; a row is read by its parent's rules though that be deleted."""
    parent = PARENTS.get(model)
    if parent is not None:
        key = select(model.__table__.c[parent.column]).where(model.__table__.c.id == row_id)
        above = session.execute(key).scalar_one()
        if scope.role is Role.CUSTOMER and model is Contact and row_id != scope.bindings.contact_id:
            kind = ANCHORS[parent.model].kind
            return Explanation(False, scope.role, kind, (), (HIMSELF_ALONE,))
        if above is None:
            return _without_parent(scope, parent.model)
        through = _explained(session, scope, parent.model, above)
        address = f"{parent.model.__tablename__}:{above}"
        return Explanation(
            through.is_allowed, through.role, through.kind, through.relations, through.policies,
            through=address,
        )  # fmt: skip
    anchors, table = ANCHORS[model], model.__table__
    names = relations_of(scope.role, anchors.kind)
    columns = [scope.stands(name, anchors, table).label(name.value) for name in names]
    row = session.execute(select(table.c.id, *columns).where(table.c.id == row_id)).one()
    stands = {name: bool(row._mapping[name.value]) for name in names}
    verdict = scope.policy.verdict(scope.role, anchors.kind, stands)
    return Explanation(
        is_allowed=verdict.is_allowed,
        role=scope.role,
        kind=anchors.kind,
        relations=tuple(name for name, holds in stands.items() if holds),
        policies=verdict.policies,
        counted_by=_counted_by(scope, anchors.kind, stands),
    )


def _counted_by(scope: Scope, kind: Kind, stands: Mapping[Relation, bool]) -> tuple[str, ...]:
    if kind not in _COUNTED or scope.role is Role.CUSTOMER:
        return ()
    verdict = scope.policy.verdict(scope.role, kind, stands, action="aggregate")
    return verdict.policies if verdict.is_allowed else ()


def _without_parent(scope: Scope, above: type[Base]) -> Explanation:
    kind = ANCHORS[above].kind
    is_allowed = () in scope.policy.clauses(scope.role, kind)
    return Explanation(is_allowed, scope.role, kind, (), (), through=f"{above.__tablename__}:none")
