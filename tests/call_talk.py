"""Short talks for tests of notes: who said what, understood with a deal around it."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from copilot.llm.client import LanguageModel
from copilot.writers.calls.notes import (
    Attendee,
    CallNotes,
    DealContact,
    DealContext,
    Line,
    StageOption,
    Talk,
)
from copilot.writers.calls.understanding import understand
from crm.models import Side, StageStatus

DAY = date(2026, 3, 11)
REP, CUSTOMER = "Ben Ortiz", "Rosa Lind"
STAGES = (
    StageOption("Discovery", 0, StageStatus.OPEN),
    StageOption("Proposal", 1, StageStatus.OPEN),
    StageOption("Negotiation", 2, StageStatus.OPEN),
    StageOption("Closed Won", 3, StageStatus.WON),
    StageOption("Closed Lost", 4, StageStatus.LOST),
)
DEAL = DealContext(
    opportunity_id=7,
    stage="Proposal",
    stages=STAGES,
    amount=Decimal(40_000),
    currency="USD",
    expected_close_on=date(2026, 4, 30),
    contacts=(DealContact(31, CUSTOMER, "champion"), DealContact(32, "Priya Shah", None)),
)


def lines_of(*said: tuple[str, str]) -> list[Line]:
    """Return lines from pairs of "r" or "c" and words, ten seconds each."""
    sides = {"r": (REP, Side.OURS), "c": (CUSTOMER, Side.CUSTOMER)}
    return [
        Line(
            place=place,
            position=place,
            speaker=sides[who][0],
            side=sides[who][1],
            text=text,
            start_ms=place * 10_000,
            end_ms=place * 10_000 + 9_000,
        )
        for place, (who, text) in enumerate(said)
    ]


def understood(
    *said: tuple[str, str],
    deal: DealContext | None = DEAL,
    model: LanguageModel | None = None,
    kind: str = "call",
    competitors: tuple[str, ...] = (),
    own_names: tuple[str, ...] = (),
) -> CallNotes:
    """Return the notes on a talk of Wednesday 11 March 2026."""
    talk = Talk("Call", kind, DAY, competitors=competitors, own_names=own_names)
    people = [Attendee(REP, Side.OURS), Attendee(CUSTOMER, Side.CUSTOMER, 31)]
    return understand(talk, lines_of(*said), people, deal, model=model)


def fields(notes: CallNotes) -> dict[str, str]:
    """Return the proposed values by field."""
    return {proposal.field: proposal.new_value for proposal in notes.proposals}


def without_amount(deal: DealContext = DEAL) -> DealContext:
    """Return the deal with no amount in the CRM."""
    return replace(deal, amount=None)
