"""Who may approve what: amounts, teams, commitments, and rules of the company's own."""

import pytest

from crm.access.actions import Deciding, ProposalFacts, may_decide
from crm.access.policy import Policy, load_policy
from crm.principal import Role

ALONE, TWO, NOBODY = Deciding.APPROVE, Deciding.APPROVE_JOINTLY, Deciding.APPROVE_AUTOMATICALLY


def allowed(role: Role, how: Deciding, facts: ProposalFacts) -> bool:
    return may_decide(load_policy(), role, how, facts).is_allowed


@pytest.mark.parametrize(
    ("role", "percent", "own", "team", "alone", "jointly"),
    [
        (Role.REP, 10, True, True, True, False),
        (Role.REP, 10.01, True, True, False, False),
        (Role.REP, 5, False, True, False, False),
        (Role.MANAGER, 20, False, True, True, True),
        (Role.MANAGER, 20.5, False, True, False, True),
        (Role.MANAGER, 15, False, False, False, True),
        (Role.EXECUTIVE, 35, False, False, False, True),
        (Role.OPERATIONS, 35, False, False, False, True),
        (Role.PARTNER, 1, True, False, False, False),
        (Role.SERVICE, 1, True, False, False, False),
        (Role.OWNER, 90, True, False, True, False),
    ],
)
def test_discounts_are_given_up_to_each_ones_limit(
    role: Role, percent: float, own: bool, team: bool, alone: bool, jointly: bool
) -> None:
    facts = ProposalFacts("request_discount", own=own, team=team, discount=round(percent * 100))

    assert allowed(role, ALONE, facts) == alone
    assert allowed(role, TWO, facts) == jointly
    assert not allowed(role, NOBODY, facts)


@pytest.mark.parametrize("kind", ["send_mail", "save_mail_draft", "update_record", "create_task"])
def test_what_binds_nobody_is_approved_by_who_proposed_it(kind: str) -> None:
    own, others = ProposalFacts(kind, own=True), ProposalFacts(kind)

    assert allowed(Role.REP, ALONE, own)
    assert allowed(Role.REP, ALONE, ProposalFacts(kind, stand_in=True))
    assert not allowed(Role.REP, ALONE, others)
    assert not allowed(Role.PARTNER, ALONE, own)


def test_a_commitment_without_proof_needs_a_manager() -> None:
    mail = ProposalFacts("send_mail", own=True, team=True, elevated=True)

    assert not allowed(Role.REP, ALONE, mail)
    assert allowed(Role.MANAGER, ALONE, mail)
    assert allowed(Role.EXECUTIVE, ALONE, mail)
    assert not allowed(Role.OPERATIONS, ALONE, mail)


def test_a_rule_of_the_company_may_approve_automatically_and_is_named() -> None:
    text = load_policy().text + (
        '@id("tasks need nobody") permit (principal, action == Action::"approve_automatically", '
        'resource is Proposal) when { resource.kind == "create_task" };'
    )
    policy = Policy(text)
    task = may_decide(policy, Role.REP, NOBODY, ProposalFacts("create_task", own=True))
    mail = may_decide(policy, Role.REP, NOBODY, ProposalFacts("send_mail", own=True))

    assert (task.is_allowed, task.policies) == (True, ("tasks need nobody",))
    assert not mail.is_allowed
