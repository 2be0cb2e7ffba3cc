"""Which deals are talked about, and how much: about 600 mails and 100 calls, recent deals first."""

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random

from ingest.demo.calls import write_call
from ingest.demo.chance import clamp, dice
from ingest.demo.deals import Deal
from ingest.demo.mail import write_thread
from ingest.demo.story import Plan, Truth, last_day, plan_conversation

# Conversations stay with the first accounts, whatever the scale.
TALKED_ACCOUNTS = 400
EMAILS, CALLS = 600, 100
_RECENT_DAYS = 300
_FLAGSHIPS = 4
# No other talk with a flagship's customer, or of the reps on show, is later than the recordings:
# "my last call" is one that can be heard.
_SHOWN_REPS = ("U11", "U31")
_FLAGSHIP_QUIET_DAYS = 6


def write_talks(
    mail: Path, calls: Path, deals: list[Deal], *, share: float, seed: int, today: date
) -> dict[str, Truth]:
    """Write this share (0–1) of the mails and calls; return what was planted, by file name."""
    chosen = _choose(dice(seed, "talked"), deals, today)
    planted = _write_calls(calls, chosen, round(CALLS * share), seed=seed, today=today)
    wanted = round(EMAILS * share)
    sent = 0
    for turn in range(8):
        for deal in chosen:
            if sent >= wanted:
                return planted
            random = dice(seed, "thread", deal.id, turn)
            plan = _plan(random, deal, today)
            until = datetime.combine(_limit(deal, today), time(), UTC)
            thread = write_thread(mail, random, plan, first_number=sent + 1, until=until)
            sent += len(thread)
            planted |= dict(thread)
    return planted


def _write_calls(
    folder: Path, deals: list[Deal], wanted: int, *, seed: int, today: date
) -> dict[str, Truth]:
    planted: dict[str, Truth] = {}
    for turn in range(3):
        for deal in deals:
            random = dice(seed, "call", deal.id, turn)
            is_called = random.random() < 0.45 or deal in deals[:_FLAGSHIPS]
            if is_called and len(planted) < wanted:
                plan = _plan(random, deal, today)
                name, truth = write_call(folder, random, plan, len(planted) + 1)
                planted[name] = truth
    return planted


def _plan(random: Random, deal: Deal, today: date) -> Plan:
    """How it stands, how it began, or why the date is about to slip."""
    limit = _limit(deal, today)
    share = random.uniform(0.02, 0.3) if random.random() < 0.25 else random.uniform(0.5, 1.0)
    if deal.moves and random.random() < 0.35:
        talked_on = random.choice(deal.moves)[2] - timedelta(days=random.randint(0, 6))
        length = max(1, (last_day(deal, limit) - deal.opened_on).days)
        share = clamp((talked_on - deal.opened_on).days / length, 0.05, 1)
    return plan_conversation(random, deal, share, limit)


def _limit(deal: Deal, today: date) -> date:
    if int(deal.id[1:]) <= _FLAGSHIPS or deal.rep.id in _SHOWN_REPS:
        return today - timedelta(days=_FLAGSHIP_QUIET_DAYS)
    return today


def _choose(random: Random, deals: list[Deal], today: date) -> list[Deal]:
    """Flagships first, then open deals, won and lost ones that ended lately."""
    flagships = [deal for deal in deals if int(deal.id[1:]) <= _FLAGSHIPS]
    by_customer: dict[str, list[Deal]] = defaultdict(list)
    for deal in deals:
        by_customer[deal.customer.id].append(deal)
    rest = [
        deal
        for deal in deals
        if int(deal.id[1:]) > _FLAGSHIPS
        # A mail names no deal: account and day have to tell which one is meant.
        and not any(_overlap(deal, other) for other in by_customer[deal.customer.id])
        and (today - last_day(deal, today)).days < _RECENT_DAYS
        and (last_day(deal, today) - deal.opened_on).days > 14
    ]
    random.shuffle(rest)
    shares = {"open": 60, "won": 34, "lost": 52}
    for fate, share in shares.items():
        fitting = [deal for deal in rest if _fate(deal) == fate]
        flagships += fitting[:share]
    head, tail = flagships[:_FLAGSHIPS], flagships[_FLAGSHIPS:]
    random.shuffle(tail)
    return head + tail


def _overlap(deal: Deal, other: Deal) -> bool:
    if deal.id == other.id:
        return False
    end, other_end = deal.closed_on or date.max, other.closed_on or date.max
    return deal.opened_on <= other_end and other.opened_on <= end


def _fate(deal: Deal) -> str:
    return "open" if deal.is_open else deal.hidden.outcome
