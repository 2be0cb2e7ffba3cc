"""The one place where a caller's scope is put on a statement, for every read of every layer."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVarTuple

from sqlalchemy import (
    Alias,
    ColumnElement,
    FromClause,
    Join,
    Select,
    Table,
    and_,
    false,
    inspect,
    not_,
    or_,
    select,
    true,
)

from crm.access.anchors import ANCHORS, PARENTS, Anchors
from crm.access.bindings import NOBODY, Bindings
from crm.access.policy import Clause, Kind, Policy, Relation
from crm.models import Account, Base, Contact, Participant, User
from crm.models.base import Sourced
from crm.principal import Principal, Role

Ts = TypeVarTuple("Ts")


@dataclass(frozen=True)
class Scope:
    """What one caller may read: a policy, the caller's role, and what he is bound to now.

    With `counts` the rows are those that count in his figures, under some policies a few more.
    """

    policy: Policy
    role: Role
    bindings: Bindings
    counts: bool = False

    def rows(self, entity: type[Base], table: FromClause) -> ColumnElement[bool]:
        """Return the condition on rows of `table`, which holds rows of `entity`."""
        parent = PARENTS.get(entity)
        if parent is not None:
            rows = parent.model.__table__
            allowed = self.rows(parent.model, rows)
            himself = self._himself(entity, table)
            # One without a parent is read by who reads all of them.
            if _is_always(allowed):
                return himself
            return and_(table.c[parent.column].in_(select(rows.c.id).where(allowed)), himself)
        anchors = ANCHORS.get(entity)
        if anchors is None:
            return true()
        clauses = self.clauses(anchors.kind)
        if () in clauses:
            return true()
        return or_(false(), *(self._clause(clause, anchors, table) for clause in clauses))

    def clauses(self, kind: Kind) -> tuple[Clause, ...]:
        """Return the clauses of which a row has to meet one."""
        ask = self.policy.counted_clauses if self.counts else self.policy.clauses
        return ask(self.role, kind)

    def _himself(self, entity: type[Base], table: FromClause) -> ColumnElement[bool]:
        """Of the people at his company somebody outside reads himself, whatever the rules say."""
        if self.role is not Role.CUSTOMER or entity is not Contact:
            return true()
        return table.c.id == (self.bindings.contact_id or NOBODY)

    def _clause(self, clause: Clause, anchors: Anchors, table: FromClause) -> ColumnElement[bool]:
        terms = [
            condition if wanted else not_(condition)
            for relation, wanted in clause
            for condition in [self.stands(relation, anchors, table)]
        ]
        return and_(true(), *terms)

    def stands(
        self, relation: Relation, anchors: Anchors, table: FromClause
    ) -> ColumnElement[bool]:
        """Return the condition that rows stand so to the caller; it is never NULL."""
        mine = self.bindings
        match relation:
            case Relation.OWN:
                return _is_in(table, anchors.owner, {mine.user_id})
            case Relation.ACCOUNT_OWN:
                return self._of_account(table, anchors, "owner_id", {mine.user_id})
            case Relation.TEAM:
                return self._in_teams(table, anchors)
            case Relation.TERRITORY:
                own = _is_in(table, anchors.territory, mine.territory_ids)
                return or_(
                    own, self._of_account(table, anchors, "territory_id", mine.territory_ids)
                )
            case Relation.SQUAD:
                return or_(
                    _is_in(table, anchors.account, mine.account_ids),
                    _is_in(table, anchors.deal, mine.opportunity_ids),
                )
            case Relation.STAND_IN:
                return _is_in(table, anchors.owner, mine.stand_in_for)
            case Relation.TOOK_PART:
                return table.c.id.in_(self._talks())
            case Relation.PRIVATE:
                return table.c.is_private
            case Relation.EMPLOYER:
                return _is_in(table, anchors.account, {mine.employer_id} - {None})
            case _:
                return true() if anchors.is_public else false()

    def _talks(self) -> Select[int]:
        """Return the statement of the conversations in which the caller took part."""
        part, mine = Participant.__table__, self.bindings
        me = part.c.user_id == mine.user_id
        if mine.contact_id is not None:
            me = part.c.contact_id == mine.contact_id
        return select(part.c.conversation_id).where(me)

    def _in_teams(self, table: FromClause, anchors: Anchors) -> ColumnElement[bool]:
        reports = _is_in(table, anchors.owner, self.bindings.report_ids)
        if anchors.owner is None or not self.bindings.team_ids:
            return reports
        users = User.__table__
        members = select(users.c.id).where(users.c.team_id.in_(sorted(self.bindings.team_ids)))
        column = table.c[anchors.owner]
        return or_(and_(column.is_not(None), column.in_(members)), reports)

    def _of_account(
        self, table: FromClause, anchors: Anchors, column: str, ids: frozenset[int] | set[int]
    ) -> ColumnElement[bool]:
        if anchors.account is None or not ids:
            return false()
        accounts = Account.__table__
        mine = select(accounts.c.id).where(accounts.c[column].in_(sorted(ids)))
        account = table.c[anchors.account]
        return and_(account.is_not(None), account.in_(mine))


def _is_in(
    table: FromClause, column: str | None, ids: Collection[int | None]
) -> ColumnElement[bool]:
    if column is None or not ids:
        return false()
    return and_(table.c[column].is_not(None), table.c[column].in_(sorted(ids)))


def readable(entity: Any, principal: Principal) -> ColumnElement[bool]:
    """Return the condition that rows of a joined table, or of its alias, are shown to the caller.

    It stands in the ON of an outer join: what may not be read joins as nothing. Unlike `visible`,
    deleted rows of the directory count as shown, for history keeps the names of what was.
    """
    known = inspect(entity)
    check_caller(known.mapper.class_, principal)
    model, table = known.mapper.class_, known.selectable
    if not issubclass(model, Sourced):
        return true()
    anchors = ANCHORS.get(model)
    is_directory = anchors is not None and anchors.kind is Kind.DIRECTORY
    kept = true() if is_directory else table.c.deleted_at.is_(None)
    return and_(kept, *_rules(principal.scopes, model, [table]))


def visible(statement: Select[*Ts], entity: type[Base], principal: Principal) -> Select[*Ts]:
    """Return the statement limited to the rows of `entity` that the caller may read.

    What its source has deleted nobody reads; the rest is the policy's. Where the statement reads
    the table itself, rules bind there, else on its aliases. A caller of several scopes (a shared
    channel) reads what all of them allow.
    """
    check_caller(entity, principal)
    if not issubclass(entity, Sourced):
        return statement
    tables = _read_tables(statement, entity)
    if not tables:
        raise ValueError(f"the statement reads no {entity.__tablename__}: nothing would be limited")
    statement = statement.where(*(table.c.deleted_at.is_(None) for table in tables))
    return statement.where(*_rules(principal.scopes, entity, tables))


def check_caller(entity: type[Base], principal: object) -> None:
    """Raise TypeError unless somebody reads: no read is anybody's."""
    if not isinstance(principal, Principal):
        raise TypeError(f"reading {entity.__tablename__} needs a Principal, got {principal!r}")


def _read_tables(statement: Select[*Ts], entity: type[Base]) -> list[FromClause]:
    """Return what the statement reads of the entity: its table, else the aliases of it."""
    # What stands in the columns is read; to find the rest takes compiling the statement once more.
    chosen = [leaf for leaf in statement.columns_clause_froms if leaf == entity.__table__]
    if chosen:
        return chosen
    read = [leaf for source in statement.get_final_froms() for leaf in _leaves(source)]
    tables = [leaf for leaf in read if leaf == entity.__table__]
    return tables or [leaf for leaf in read if _is_alias(leaf, entity.__table__)]


def _rules(
    scopes: Sequence[Scope], entity: type[Base], tables: Sequence[FromClause]
) -> Iterator[ColumnElement[bool]]:
    for scope in scopes:
        for table in tables:
            condition = scope.rows(entity, table)
            if not _is_always(condition):
                yield condition


def _is_always(condition: ColumnElement[bool]) -> bool:
    return condition.compare(true())


def _leaves(source: FromClause) -> Iterator[FromClause]:
    if isinstance(source, Join):
        yield from _leaves(source.left)
        yield from _leaves(source.right)
    else:
        yield source


def _is_alias(leaf: FromClause, table: Table | Any) -> bool:
    return isinstance(leaf, Alias) and leaf.element == table
