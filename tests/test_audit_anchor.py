"""A trail whose end was cut off, or whose database was swapped, is told without a noted digest."""

import shutil
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest
from sqlalchemy import text

from copilot.anchor import FILE, keep_anchor, read_anchor
from crm.audit.trail import Deed, record
from crm.principal import Principal
from crm.store import Store
from tests.test_audit import NOW
from tests.test_cli_errors import document, filled, home, run

__all__ = ["filled", "home"]


def note(folder: Path, *names: str) -> None:
    with opened(folder) as store, store.session() as session:
        for name in names:
            deed = Deed(name, "account:1", after={"x": 1})
            record(session, deed, principal=Principal.local_owner(), now=NOW)


@pytest.fixture
def place(filled: Path) -> Path:
    """A workspace with a few events, which a command has seen."""
    note(filled, "one", "two", "three")
    assert run("audit", "verify").exit_code == 0
    assert read_anchor(filled) is not None
    return filled


def opened(folder: Path) -> AbstractContextManager[Store]:
    return closing(Store.sqlite(folder / "crm.db"))


def cut_off(folder: Path, first: int) -> None:
    """Take the newest events out so that the chain and its head fit each other again."""
    with opened(folder) as store, store.session() as session:
        session.execute(text("DROP TRIGGER IF EXISTS audit_events_no_delete"))
        for table in ("audit_events", "audit_details", "audit_subjects"):
            session.execute(text(f"DELETE FROM {table} WHERE seq >= {first}"))
        session.execute(
            text(
                "UPDATE audit_heads SET seq = :last, digest = "
                "(SELECT digest FROM audit_events WHERE seq = :last)"
            ),
            {"last": first - 1},
        )


def faults() -> list[str]:
    result = run("audit", "verify", "--json")
    told = document(result)
    assert (result.exit_code == 8) is bool(told["faults"])
    return [one["what"] for one in told["faults"]]


def newest(folder: Path) -> int:
    with opened(folder) as store, store.session() as session:
        return int(session.execute(text("SELECT max(seq) FROM audit_events")).scalar() or 0)


def test_events_that_were_cut_off_are_missed_also_once_others_were_written(place: Path) -> None:
    last = newest(place)
    cut_off(place, last)
    (told,) = faults()
    assert f"event {last}, which was there on" in told
    assert "is gone" in told
    # Commands that write meanwhile neither heal it nor move the mark.
    note(place, "four", "five")
    (told,) = faults()
    assert "is another one" in told
    assert "warning" in run("health", "--json").output


def test_a_database_file_of_before_in_place_of_this_one_is_told(
    place: Path, tmp_path: Path
) -> None:
    former = tmp_path / "former.db"
    shutil.copyfile(place / "crm.db", former)
    note(place, "four")
    assert run("audit", "verify").exit_code == 0
    for name in ("crm.db-wal", "crm.db-shm"):
        (place / name).unlink(missing_ok=True)
    shutil.copyfile(former, place / "crm.db")
    assert len(faults()) == 1


def test_the_mark_moves_on_with_the_trail_and_never_back(place: Path) -> None:
    note(place, "four")
    assert faults() == []
    moved = read_anchor(place)
    assert moved is not None
    assert moved.seq == newest(place)
    cut_off(place, moved.seq - 1)
    with opened(place) as store:
        keep_anchor(store, place)
    assert read_anchor(place) == moved


def test_a_mark_that_cannot_be_read_is_none_and_is_written_anew(place: Path) -> None:
    (place / FILE).write_text('{"seq": ', "utf-8")
    assert read_anchor(place) is None
    assert faults() == []
    assert read_anchor(place) is not None


def test_what_is_restored_on_purpose_begins_anew(place: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.tar.gz"
    assert run("backup", str(kept)).exit_code == 0
    note(place, "four", "five")
    assert faults() == []
    assert run("restore", str(kept), "--force").exit_code == 0
    assert faults() == []


def test_an_edited_detail_is_told(place: Path) -> None:
    with opened(place) as store, store.session() as session:
        last = session.execute(text("SELECT max(seq) FROM audit_details")).scalar()
        body = '{"before": null, "after": {"x": 2}, "reason": null}'
        session.execute(text("UPDATE audit_details SET body = :b WHERE seq = :s"),
                        {"b": body, "s": last})  # fmt: skip
    assert "its detail was changed" in faults()
