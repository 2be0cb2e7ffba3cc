"""Evals run in a file or on PostgreSQL, and never write into a database that holds something."""

from argparse import ArgumentParser
from pathlib import Path

import pytest

from crm.errors import BadInput
from crm.store import Store
from evals.access_matrix import look_for_leaks
from evals.databases import add_database_options, database_url, made_store


def test_a_new_store_has_tables_and_one_that_has_them_already_is_refused(tmp_path: Path) -> None:
    made = made_store(tmp_path / "new.db", None)
    assert made.is_current()
    made.close()
    with pytest.raises(BadInput, match=r"new\.db.*name an empty one"):
        made_store(tmp_path / "new.db", None)


def test_an_address_is_taken_in_both_spellings() -> None:
    wanted = "postgresql+psycopg://me@127.0.0.1/crm"
    for written in (wanted, "postgresql://me@127.0.0.1/crm"):
        with database_url(on_postgres=False, url=written) as url:
            assert url == wanted
    with database_url(on_postgres=False) as url:
        assert url is None


def test_a_server_of_its_own_and_a_named_one_exclude_each_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    parser = ArgumentParser()
    add_database_options(parser)
    assert parser.parse_args([]).postgres is False
    with pytest.raises(SystemExit):
        parser.parse_args(["--postgres", "--url", "postgresql://db/crm"])
    assert "not allowed with" in capsys.readouterr().err


@pytest.mark.slow
def test_the_matrix_runs_on_a_server_of_its_own_and_leaves_it_there(tmp_path: Path) -> None:
    with database_url(on_postgres=True) as url:
        assert url is not None
        found = look_for_leaks(
            tmp_path, seed=11, size=3, surfaces=("record", "search by words"), under=("strict",),
            url=url,
        )  # fmt: skip
        assert found.leaks == []
        assert found.cells > 50
        assert found.compared == 0
        assert not (tmp_path / "full.db").exists()
        store = Store(url)
        assert store.is_current()
        store.close()
