"""Odd and hostile policy files: what binds nobody is refused, and what fails permits nothing."""

import re
from importlib import resources
from pathlib import Path

import pytest

from copilot.settings import Settings
from copilot.wiring import Installation
from crm.access import literals
from crm.access.actions import Deciding, ProposalFacts, may_decide
from crm.access.fields import FIELDS, GROUPS
from crm.access.policy import Kind, load_policy
from crm.errors import BadInput
from crm.principal import Role

OPEN = 'permit (principal, action == Action::"read", resource);'
EVERYBODY = [role for role in Role if role is not Role.CUSTOMER]


def written(folder: Path, text: str) -> Path:
    path = folder / "access.cedar"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("text", ["", "// nothing yet\n", "forbid (principal, action, resource);"])
def test_what_permits_nothing_opens_nothing(tmp_path: Path, text: str) -> None:
    policy = load_policy(written(tmp_path, text))

    assert {policy.clauses(role, kind) for role in Role for kind in Kind} == {()}
    assert policy.withheld(Role.EXECUTIVE, FIELDS) == frozenset(FIELDS)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ('forbid (principal in Role::"partners", action, resource);', 'no Role::"partners"'),
        ("forbid (principal, action, resource) when "
         '{ principal in [Role::"rep", Role::"reps"] };', 'no Role::"reps"'),
        ('forbid (principal == User::"bo", action, resource);', 'User::"bo" names one alone'),
        ('forbid (principal, action, resource == Account::"12");', 'Account::"12" names one'),
        ('forbid (principal, action == Action::"read_field", resource is Field) '
         'unless { resource.group == "margins" };', 'no group is "margins"'),
        ('forbid (principal, action == Action::"read_field", resource is Field) '
         'when { ["Quotes"].contains(resource.kind) };', 'no kind is "Quotes"'),
        ('forbid (principal, action == Action::"read", resource) when '
         '{ resource has privat && resource.privat };', 'no resource has "privat"'),
        ('forbid (principal, action, resource) unless { principal has email };',
         'the principal has no attributes, so no "email"'),
        ('forbid (principal, action, resource) when { principal == Role::"partner" };',
         'write principal in Role::"partner"'),
        ('forbid (principal, action, resource) unless { principal != Role::"rep" };',
         'write principal in Role::"rep"'),
        ("permit (principal == ?principal, action, resource);", "template"),
        ('permit (principal, action == Action::"read", resource is Account) when '
         f'{{ {"(" * 3_000}true{")" * 3_000} }};', "nested 3001 deep"),
        ('permit (principal, action == Action::"read", resource is Account) when '
         f'{{ {" || ".join(["resource.own"] * 3_000)} }};', "nested too deeply"),
        (f"// {'x' * 500_000}", "500,000 are the most"),
    ],
)  # fmt: skip
def test_a_rule_that_would_bind_nobody_is_refused(tmp_path: Path, rule: str, why: str) -> None:
    with pytest.raises(BadInput, match="cannot be used") as told:
        load_policy(written(tmp_path, f"{OPEN}\n{rule}"))

    assert why in str(told.value)


def test_the_words_that_rules_may_use_are_those_of_the_fields() -> None:
    assert literals.KNOWN["group"] == {group.value for group in GROUPS}
    assert literals.KNOWN["name"] == {field.name for field in FIELDS}
    assert {field.kind for field in FIELDS} <= literals.KNOWN["kind"]


def test_the_attributes_that_rules_may_ask_for_are_those_of_the_schema() -> None:
    schema = resources.files("crm.access").joinpath("schema.cedarschema").read_text("utf-8")
    rules = "\n".join(line for line in schema.splitlines() if not line.startswith("//"))
    assert set(re.findall(r"(\w+): (?:Bool|Long|String)", rules)) == literals.ATTRIBUTES


def test_an_editors_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    policy = load_policy(written(tmp_path, f"\ufeff{OPEN}"))

    assert all(policy.clauses(role, Kind.ACCOUNT) == ((),) for role in EVERYBODY)


def test_a_forbid_that_cannot_be_computed_forbids(tmp_path: Path) -> None:
    overflow = "resource.discount * 9223372036854775807 > 1"
    policy = load_policy(
        written(
            tmp_path,
            'permit (principal, action == Action::"approve", resource);'
            f'forbid (principal, action == Action::"approve", resource) when {{ {overflow} }};',
        )
    )

    def may(discount: int) -> bool:
        facts = ProposalFacts("request_discount", discount=discount)
        return may_decide(policy, Role.REP, Deciding.APPROVE, facts).is_allowed

    assert may(0)
    assert not may(9_000)


def test_an_edited_file_binds_the_next_call_and_a_broken_one_refuses_all(tmp_path: Path) -> None:
    path = written(tmp_path, OPEN)
    installation = Installation(Settings(home=tmp_path, access_policy=path))
    before = installation.policy

    written(tmp_path, "forbid (principal, action, resource);")
    after = installation.policy
    assert before.clauses(Role.REP, Kind.ACCOUNT) == ((),)
    assert after.clauses(Role.REP, Kind.ACCOUNT) == ()

    written(tmp_path, "permit (principal, action")
    with pytest.raises(BadInput, match=r"access\.cedar"):
        _ = installation.policy
    path.unlink()
    with pytest.raises(BadInput, match="cannot be read"):
        _ = installation.policy
