"""Limits on actions: who may approve a proposed side effect alone, with another, or not at all."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum

from crm.access.policy import Policy, Verdict, ask_about
from crm.principal import Role


class Deciding(StrEnum):
    """How a vote counts; the policy file's actions have these names."""

    APPROVE = "approve"
    APPROVE_JOINTLY = "approve_jointly"
    APPROVE_AUTOMATICALLY = "approve_automatically"


@dataclass(frozen=True)
class ProposalFacts:
    """What a rule on approval may look at; `amount` in minor units, `discount` in 1/100 percent.

    `recipient` says that it is a task for the voter.
    """

    kind: str
    own: bool = False
    team: bool = False
    stand_in: bool = False
    delegated: bool = False
    recipient: bool = False
    elevated: bool = False
    discount: int = 0
    amount: int = 0


def may_decide(policy: Policy, role: Role, how: Deciding, facts: ProposalFacts) -> Verdict:
    """Return whether somebody of this role may approve so, and the rules that say it.

    The local owner of a single-user installation may approve everything alone, and people outside
    the company nothing, whatever the rules say.
    """
    if role is Role.CUSTOMER:
        return Verdict(False, ("people outside approve nothing",))
    if role is Role.OWNER and how is Deciding.APPROVE:
        return Verdict(True, ("the owner of a single-user installation",))
    return ask_about(policy, role, how.value, json.dumps(asdict(facts)))
