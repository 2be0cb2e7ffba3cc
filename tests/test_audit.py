"""The audit trail: only added to, a chain that shows every change, details that can be erased."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from crm.audit.exporting import Wanted, details_about, erase_details, export_trail
from crm.audit.trail import Deed, record
from crm.audit.verifying import Checked, verify_trail
from crm.errors import BadInput, NotAllowed
from crm.principal import Principal, Role
from crm.store import Store

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
ANNA = Principal(3, "Anna", Role.REP)
OPS = Principal(4, "Olga", Role.OPERATIONS)


@pytest.fixture
def trail(store: Store) -> Store:
    """Six events of a deal, one of them on a contact's telephone number."""
    with store.session() as session:
        for number in range(6):
            deed = Deed(
                action="opportunity.update",
                object=f"opportunity:{number}",
                before={"amount": 1_000 * number, "said": "五万"},
                after={"amount": 2_000 * number},
                read=[f"conversation:{number}"],
                subjects=["contact:12"] if number == 2 else (),
                agent="copilot" if number % 2 else None,
            )
            record(session, deed, principal=ANNA, now=NOW + timedelta(days=number))
    return store


def verified(store: Store, expected: str | None = None) -> Checked:
    with store.session() as session:
        return verify_trail(session, expected=expected)


def tamper(store: Store, statement: str) -> None:
    """Change the database as somebody with its file would, past the triggers."""
    with store.session() as session:
        session.execute(text("DROP TRIGGER IF EXISTS audit_events_no_update"))
        session.execute(text("DROP TRIGGER IF EXISTS audit_events_no_delete"))
        session.execute(text(statement))


def test_an_untouched_trail_verifies(trail: Store) -> None:
    found = verified(trail)

    assert (found.events, found.erased, found.faults) == (6, 0, ())
    assert len(found.digest) == 64


@pytest.mark.parametrize(
    ("statement", "seq", "what"),
    [
        ("UPDATE audit_events SET action = 'opportunity.read' WHERE seq = 3", 3, "was changed"),
        ("UPDATE audit_events SET person = 'user:9' WHERE seq = 1", 1, "was changed"),
        ("UPDATE audit_events SET at = '2026-11-01 00:00:00' WHERE seq = 6", 6, "was changed"),
        ("UPDATE audit_events SET agent = NULL WHERE seq = 2", 2, "was changed"),
        ("UPDATE audit_events SET read = '[]' WHERE seq = 4", 4, "was changed"),
        ("UPDATE audit_details SET body = '{}' WHERE seq = 5", 5, "detail was changed"),
        ("DELETE FROM audit_details WHERE seq = 5", 5, "no erasure says so"),
        ("DELETE FROM audit_events WHERE seq = 3", 4, "3 to 3 are missing"),
        ("DELETE FROM audit_events WHERE seq = 6", 5, "not where its head says"),
        ("UPDATE audit_heads SET seq = 5", 6, "not where its head says"),
    ],
)
def test_every_change_afterwards_is_found(
    trail: Store, statement: str, seq: int, what: str
) -> None:
    tamper(trail, statement)

    faults = verified(trail).faults

    assert any(fault.seq == seq and what in fault.what for fault in faults), faults


def test_an_end_that_was_cut_off_and_written_anew_misses_the_noted_digest(trail: Store) -> None:
    noted = verified(trail).digest
    with trail.session() as session:
        fifth = session.execute(text("SELECT digest FROM audit_events WHERE seq = 5")).scalar()
    tamper(trail, "DELETE FROM audit_events WHERE seq = 6")
    tamper(trail, "DELETE FROM audit_details WHERE seq = 6")
    tamper(trail, f"UPDATE audit_heads SET seq = 5, digest = '{fifth}'")
    with trail.session() as session:
        record(session, Deed("nothing", "opportunity:5"), principal=ANNA, now=NOW)

    assert verified(trail).faults == ()
    assert [fault.what for fault in verified(trail, noted).faults] == [
        f"no event has the digest {noted}"
    ]


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_events SET agent = 'x'", "DELETE FROM audit_events"]
)
def test_the_database_refuses_to_change_events(trail: Store, statement: str) -> None:
    with pytest.raises(DatabaseError, match="only added to"), trail.session() as session:
        session.execute(text(statement))


def test_what_is_rolled_back_leaves_no_event_and_no_gap(trail: Store) -> None:
    def fail() -> None:
        with trail.session() as session:
            record(session, Deed("undone", "opportunity:1"), principal=ANNA, now=NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with trail.session() as session:
        assert record(session, Deed("done", "opportunity:1"), principal=ANNA, now=NOW) == 7
    assert verified(trail).faults == ()


def test_many_at_once_make_one_chain(store: Store) -> None:
    def write(worker: int) -> None:
        for number in range(20):
            with store.session() as session:
                deed = Deed("noted", f"opportunity:{worker}-{number}")
                record(session, deed, principal=ANNA, now=NOW)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))

    found = verified(store)
    assert (found.events, found.faults) == (120, ())


def test_what_is_said_of_a_person_can_be_read_and_erased_and_the_chain_holds(
    trail: Store,
) -> None:
    with trail.session() as session:
        before = details_about(session, "contact:12", principal=OPS)
        erased = erase_details(session, "contact:12", reason="asked to", principal=OPS, now=NOW)
        after = details_about(session, "contact:12", principal=OPS)
        again = erase_details(session, "contact:12", reason="asked to", principal=OPS, now=NOW)
    found = verified(trail)

    assert [one["detail"]["after"]["amount"] for one in before] == [4_000]
    assert (erased, after, again) == (1, [], 0)
    assert (found.events, found.erased, found.faults) == (7, 1, ())


def test_the_trail_is_given_out_by_period_and_person(trail: Store) -> None:
    with trail.session() as session:
        period = Wanted(since=NOW + timedelta(days=2), until=NOW + timedelta(days=4))
        part = list(export_trail(session, period, principal=OPS))
        nobody = list(export_trail(session, Wanted(person="user:9"), principal=OPS))
        one = list(export_trail(session, Wanted(object="opportunity:5"), principal=OPS))

    assert [each["object"] for each in part] == ["opportunity:2", "opportunity:3"]
    assert nobody == []
    assert (one[0]["person"], one[0]["agent"]) == ("user:3", "copilot")
    assert one[0]["detail"]["before"] == {"amount": 5_000, "said": "五万"}


def test_only_who_answers_for_it_reads_or_erases(trail: Store) -> None:
    with trail.session() as session:
        with pytest.raises(NotAllowed, match="Anna"):
            list(export_trail(session, Wanted(), principal=ANNA))
        with pytest.raises(NotAllowed, match="Anna"):
            erase_details(session, "contact:12", reason="x", principal=ANNA, now=NOW)
        with pytest.raises(BadInput, match="reason"):
            erase_details(session, "contact:12", reason=" ", principal=OPS, now=NOW)
