"""The `access` commands: why one may read a record, grants for a time, a policy of one's own."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.test_cli_errors import document, filled, home, run

__all__ = ["filled", "home"]

STRICT = """
permit (principal, action == Action::"read", resource is Directory);
@id("one's own deals")
permit (principal, action == Action::"read", resource is Opportunity)
when { resource.own || resource.squad || resource.stand_in };
@id("accounts")
permit (principal, action == Action::"read", resource is Account);
"""


@pytest.fixture
def strict(filled: Path) -> Path:
    """The workspace with a policy under which a rep reads his own deals."""
    (filled / "access.cedar").write_text(STRICT, encoding="utf-8")
    return filled


def users() -> list[str]:
    shown = document(run("show", "users", "--json"))["records"]
    return [record["name"] for record in shown]


def deals(who: str | None = None) -> set[int]:
    words = ["show", "opportunities", "--limit", "100", "--json"]
    found = run(*words, *(["--as", who] if who else []))
    return {record["id"] for record in document(found)["records"]}


def explained(who: str, wanted: str) -> dict[str, Any]:
    found: dict[str, Any] = document(
        run("access", "explain", "--as", who, "--object", wanted, "--json")
    )
    return found


def test_a_policy_of_the_company_limits_what_each_user_reads(strict: Path) -> None:
    everything = deals()
    names = users()
    each = [deals(name) for name in names]

    assert set().union(*each) <= everything
    assert all(mine < everything for mine in each)
    for name, mine in zip(names, each, strict=True):
        for deal in sorted(everything)[:5]:
            assert explained(name, f"opportunity:{deal}")["is_allowed"] == (deal in mine)


def test_numbers_count_only_what_the_asker_reads(strict: Path) -> None:
    name = users()[0]
    answer = document(run("ask", "how many deals are there", "--as", name, "--json"))
    whole = document(run("ask", "how many deals are there", "--json"))

    assert answer["facts"][0]["value"] == len(deals(name))
    assert whole["facts"][0]["value"] == len(deals())


def test_an_explanation_names_the_rule_and_how_the_two_stand(strict: Path) -> None:
    name = users()[0]
    own, other = min(deals(name)), min(deals() - deals(name))
    yes, no = explained(name, f"opportunity:{own}"), explained(name, f"opportunity:{other}")

    assert (yes["is_allowed"], yes["rules"]) == (True, ["one's own deals"])
    assert "own" in yes["relations"]
    assert (no["is_allowed"], no["rules"], no["relations"]) == (False, [], [])
    assert (
        "no rule permits it"
        in run("access", "explain", "--as", name, "--object", f"opportunity:{other}").output
    )


def test_a_grant_opens_a_deal_and_taking_it_back_closes_it(strict: Path) -> None:
    name = users()[0]
    deal = min(deals() - deals(name))
    words = ("access", "grant", "opportunity", str(deal), "--to", name, "--reason", "tender")
    made = document(run(*words, "--json"))["grant_id"]
    opened = deals(name)
    listed = document(run("access", "grants", "--json"))["grants"]
    assert run("access", "revoke", str(made)).exit_code == 0

    assert deal in opened
    assert [(one["user"], one["reason"]) for one in listed] == [(name, "tender")]
    assert deal not in deals(name)


def test_a_stand_in_reads_what_the_absent_one_reads_until_the_last_day(strict: Path) -> None:
    here, away = users()[:2]
    before = deals(here)
    words = ("access", "grant", "stand_in", away, "--to", here, "--reason", "holiday")
    assert run(*words, "--until", "2020-01-01").exit_code == 2
    assert run(*words, "--until", "2099-01-01").exit_code == 0

    assert deals(here) == before | deals(away)


def test_only_sales_operations_gives_access(strict: Path) -> None:
    name, other = users()[:2]
    words = ("access", "grant", "stand_in", other, "--to", name, "--reason", "I want to")
    refused = run(*words, "--as", name)

    assert refused.exit_code == 5
    assert "sales operations" in refused.stderr
    assert document(run("access", "grants", "--json"))["grants"] == []


def test_a_private_call_is_found_by_nobody_else(filled: Path) -> None:
    name = users()[0]
    found = document(run("search", "single sign-on", "--as", name, "--json"))["results"]
    assert found
    call = found[0]["conversation_id"]
    assert run("access", "private", f"call:{call}").exit_code == 0
    hidden = run("search", "single sign-on", "--as", name, "--json")
    owner = document(run("search", "single sign-on", "--json"))["results"]
    why = explained(name, f"call:{call}")

    assert call not in [one["conversation_id"] for one in document(hidden)["results"]]
    assert call in [one["conversation_id"] for one in owner]
    assert why["rules"] == ["a private conversation stays with those who were in it"]
    assert run("access", "private", f"call:{call}", "--off").exit_code == 0
    assert document(run("search", "single sign-on", "--as", name, "--json"))["results"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("explain", "--as", "nobody@x.example", "--object", "opportunity:1"), 3, "nobody@x"),
        (("explain", "--object", "opportunity:1"), 2, "--as"),
        (("grant", "account", "No such firm", "--to", "Ana Ortiz", "--reason", "x"), 3, "No such"),
        (("grant", "account", "1", "--to", "Ana Ortiz", "--reason", " "), 2, "reason"),
        (("revoke", "99"), 3, "99"),
        (("private", "account:1"), 2, "no conversation"),
    ],
)
def test_what_cannot_be_done_is_said(
    filled: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    found = run("access", *words)
    assert found.exit_code == code
    assert said in found.stderr


def test_a_wrong_policy_is_named_before_anybody_reads_by_it(filled: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "mine.cedar"
    wrong.write_text("permit (principal, action, resource) when { resource.mine };", "utf-8")
    checked = run("access", "policy", "--check", str(wrong))
    (filled / "access.cedar").write_text(wrong.read_text("utf-8"), encoding="utf-8")
    asked = run("show", "opportunities", "--as", users()[0])

    assert checked.exit_code == 2
    assert "mine" in checked.stderr
    assert asked.exit_code == 2
    assert "access.cedar" in asked.stderr


def test_the_rules_that_hold_can_be_read(strict: Path) -> None:
    assert "one's own deals" in run("access", "policy").output
    assert document(run("access", "policy", "--json"))["file"].endswith("access.cedar")


def test_what_was_given_and_taken_back_is_in_the_trail(filled: Path) -> None:
    name = users()[0]
    words = ("access", "grant", "account", "1", "--to", name, "--reason", "tender")
    number = document(run(*words, "--json"))["grant_id"]
    run("access", "revoke", str(number))
    run("access", "revoke", str(number))
    run("access", "private", "call:1")
    events = document(run("audit", "list", "--json"))["events"]
    checked = document(run("audit", "verify", "--json"))

    assert [event["action"] for event in events] == [
        "conversation.private", "access.revoke", "access.grant"
    ]  # fmt: skip
    assert events[-1]["detail"]["reason"] == "tender"
    assert (checked["events"], checked["faults"]) == (3, [])
    assert run("audit", "verify", "--expect", checked["digest"]).exit_code == 0
    assert run("audit", "verify", "--expect", "0" * 64).exit_code == 8


def test_the_trail_goes_into_a_file_and_only_to_who_answers_for_it(
    filled: Path, tmp_path: Path
) -> None:
    run("access", "private", "call:1")
    file = tmp_path / "trail.jsonl"
    assert run("audit", "export", "--out", str(file)).exit_code == 0
    refused = run("audit", "export", "--as", users()[0])
    later = run("audit", "export", "--from", "2099-01-01")

    assert json.loads(file.read_text("utf-8"))["action"] == "conversation.private"
    assert (refused.exit_code, later.stdout) == (5, "")
    assert run("audit", "export", "--from", "tomorrow").exit_code == 2
    assert run("audit", "export", "--out", str(tmp_path)).exit_code == 2


def test_a_user_imported_as_owner_is_a_rep(filled: Path) -> None:
    name, other = users()[:2]
    with closing(sqlite3.connect(filled / "crm.db")) as database, database:
        database.execute("UPDATE users SET role = 'owner' WHERE name = ?", (name,))
    words = ("access", "grant", "stand_in", other, "--to", name, "--reason", "I want to")

    assert explained(name, "account:1")["role"] == "rep"
    assert run(*words, "--as", name).exit_code == 5


def trail(action: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = document(run("audit", "list", "--json"))["events"]
    return [one for one in events if one["action"] == action]


def test_rules_of_ones_own_and_the_owners_looks_past_them_are_noted(filled: Path) -> None:
    name = users()[0]
    deals()
    deals(name)
    assert trail("access.owner") == trail("access.policy") == []
    (filled / "access.cedar").write_text(STRICT, encoding="utf-8")
    deals(name)
    deals(name)
    deals()
    (noted,) = trail("access.policy")
    assert noted["detail"]["before"] != noted["detail"]["after"]
    looks = [one["object"] for one in trail("access.owner")]
    assert looks.count("command:show") == 1
    assert {one["person"] for one in trail("access.owner")} == {"owner"}
    assert document(run("audit", "verify", "--json"))["faults"] == []


def test_what_leaves_and_what_is_connected_is_noted(filled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "calls"
    folder.mkdir()
    assert run("sources", "add", "calls", "folder", f"path={folder}").exit_code == 0
    assert run("sources", "private", "calls", "--json").exit_code == 0
    assert run("audit", "export", "--out", str(tmp_path / "trail.jsonl")).exit_code == 0
    assert run("backup", str(tmp_path / "b.tar.gz"), "--json").exit_code == 0
    assert run("sources", "remove", "calls").exit_code == 0
    for action in (
        "source.connect", "source.private", "audit.export", "workspace.backup",
        "source.disconnect",
    ):  # fmt: skip
        assert len(trail(action)) == 1, action
    assert run("sources", "private", "calls").exit_code != 0
    assert trail("source.private")[0]["detail"]["after"] == {"private": True, "owner": None}


def test_printed_rules_are_a_file_of_rules(filled: Path, tmp_path: Path) -> None:
    """No line is broken by the width of a terminal, and nothing else is printed with them."""
    printed = run("access", "policy", "--json"), run("access", "policy")
    own = tmp_path / "printed.cedar"
    own.write_text(printed[1].stdout, encoding="utf-8")
    assert max(map(len, printed[1].stdout.splitlines())) > 80
    checked = document(run("access", "policy", "--check", str(own), "--json"))
    assert checked["status"] == "done"


def test_who_looks_back_has_todays_rights(strict: Path) -> None:
    here, away = users()[:2]
    before = deals(here)
    words = ("access", "grant", "stand_in", away, "--to", here, "--reason", "holiday")
    assert run(*words, "--from", "2098-01-01", "--until", "2099-01-01").exit_code == 0
    count = ("ask", "how many opportunities are there?", "--as", here, "--json", "--as-of")

    def counted(day: str) -> object:
        return document(run(*count, day))["facts"][0]["value"]

    assert deals(away) - before
    assert counted("2098-06-01") == counted("2097-06-01") == len(before)
