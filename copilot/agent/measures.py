"""Decides which measure a question is about, from its intents, statuses and nouns."""

import re

from copilot.agent.grouping import Nouns
from copilot.agent.phrases import tokens
from copilot.agent.reading import COUNTED, Reading

_OFTEN = re.compile(r"most often|most frequently|most times|最常|次数最多|最频繁", re.IGNORECASE)
NOUN_MEASURES = {
    "calls", "emails", "meetings", "leads", "contacts", "case_count", "activities", "customers",
}  # fmt: skip

DEAL_COUNT_BY_STATUS = {
    "": "opportunities",
    "won": "won_deals",
    "lost": "lost_deals",
    "open": "open_opportunities",
    "closed": "closed_deals",
    "slipped": "slipped_deals",
}
_AMOUNT = {
    "": "amount",
    "won": "won_amount",
    "lost": "lost_amount",
    "open": "pipeline",
    "closed": "won_amount",
    "slipped": "slipped_amount",
}
_AVERAGE = {
    "": "average_deal_size",
    "won": "average_deal_size",
    "open": "average_open_amount",
    "closed": "average_deal_size",
}
DEAL_COUNTS = frozenset(DEAL_COUNT_BY_STATUS.values())
_DEAL_WORDS = {"opportunity", ""}


def status_of(reading: Reading) -> str:
    """Return the one deal status that the question speaks of, "" for none or several."""
    if reading.has("intent", "planned"):
        return "open"
    if any(cue.key == "difference" and "赢" in cue.text for cue in reading.cues):
        return "won"
    found = [key for key in reading.keys("status") if key != "closed"]
    if len(found) == 1:
        return found[0]
    if not found and reading.has("status", "closed"):
        return "closed"
    return ""


def candidate_measures(reading: Reading, nouns: Nouns) -> list[str]:
    """Return the measures that the words speak for, the surest first; empty when they say nothing.

    One measure means that code is sure. Two mean that the question asks for two things.
    """
    status = status_of(reading)
    special = _special(reading, status)
    if special:
        return special
    named = [key for key in reading.keys("measure") if key not in NOUN_MEASURES]
    if named:
        return _named(reading, named, status, nouns)
    found: list[str] = []
    if status == "slipped":
        return ["slipped_deals", "slipped_amount"]
    if nouns.subject.startswith("case_"):
        return ["case_count"]
    if nouns.subject == "lost_reason" or (reading.has("intent", "why") and status == "lost"):
        return ["lost_deals"]
    if reading.has("intent", "count"):
        found.append(_counted(nouns, status, reading))
    if reading.has("intent", "median"):
        found.append("median_deal_size")
    elif reading.has("intent", "average") and not _averages_a_count(reading):
        found.extend([_AVERAGE[status]] if status in _AVERAGE else [])
    elif _asks_for_amount(reading) or _asks_how_much_more(reading):
        found.append(_AMOUNT[status])
    return list(dict.fromkeys(found)) or _from_rank_or_list(reading, nouns, status)


def _asks_for_amount(reading: Reading) -> bool:
    """Say whether money is asked for; "deals worth more than 50k" only sets a bound."""
    bounds = [q.span[0] for q in reading.quantities if q.comparison]
    return any(
        cue.section == "intent"
        and cue.key == "amount"
        and not any(
            cue.end <= start and len(tokens(reading.text[cue.end : start])) <= 3 for start in bounds
        )
        and not any(q.span[0] <= cue.start < q.span[1] + 2 for q in reading.quantities)
        for cue in reading.cues
    )


def _asks_how_much_more(reading: Reading) -> bool:
    return any(cue.key == "difference" and "how much" in cue.text.lower() for cue in reading.cues)


def _special(reading: Reading, status: str) -> list[str]:
    """Return the measure of questions whose form says it: how long, what share is won."""
    cases = reading.has("measure", "case_count") or any(
        cue.key.startswith("case_") for cue in reading.cues if cue.section == "noun"
    )
    if reading.has("measure", "quota") and reading.has("intent", "progress"):
        return ["quota_attainment"]
    if reading.has("intent", "duration") and cases:
        return ["case_handle_hours"]
    won = status in {"won", "closed"} or reading.has("status", "won")
    if reading.has("intent", "duration") and won:
        return ["sales_cycle_days"]
    if reading.has("intent", "duration"):
        return []
    if reading.has("intent", "share") and reading.has("status", "closed") and status:
        return {"won": ["win_rate"], "lost": ["loss_rate"]}.get(status, [])
    if reading.has("intent", "share") and status in {"won", "lost"} and _is_a_rate(reading):
        return ["win_rate" if status == "won" else "loss_rate"]
    return []


def _is_a_rate(reading: Reading) -> bool:
    """Tell "what share of deals do we win" from "what share of wins were in the East"."""
    share = next(cue for cue in reading.cues if cue.section == "intent" and cue.key == "share")
    status = next(cue for cue in reading.cues if cue.section == "status")
    noun = any(
        cue.section == "noun" and cue.key == "opportunity" and share.end <= cue.start < status.start
        for cue in reading.cues
    )
    named = any(share.end <= mention.span[0] < status.start for mention in reading.names)
    return noun or named


def _named(reading: Reading, named: list[str], status: str, nouns: Nouns) -> list[str]:
    first = named[0]
    if first in DEAL_COUNTS and not reading.has("intent", "count"):
        first = _of_status(first, reading)
        named = [first, *named[1:]]
    if first == "won_amount" and reading.has("intent", "count"):
        return ["won_deals"] if status in {"", "won"} else [DEAL_COUNT_BY_STATUS[status]]
    if first == "pipeline" and reading.has("intent", "count"):
        return ["open_opportunities"]
    if first in {"won_amount", "average_deal_size"} and status == "lost":
        return ["lost_amount"] if first == "won_amount" else []
    if first == "average_deal_size" and status == "open":
        return ["average_open_amount"]
    if first == "won_amount" and reading.has("intent", "average") and not nouns.groups:
        return ["average_deal_size"]
    if first == "case_handle_hours" or len(named) == 1:
        extra = [_counted(nouns, status, reading)] if _also_counts(reading, first) else []
        return [first, *extra]
    return named[:2]


def _of_status(counted: str, reading: Reading) -> str:
    """Return the amount or average of the deals that a counting measure names, where asked."""
    status = next(key for key, name in DEAL_COUNT_BY_STATUS.items() if name == counted)
    if reading.has("intent", "average") and status in _AVERAGE:
        return _AVERAGE[status]
    return _AMOUNT[status] if reading.has("intent", "amount") else counted


def _also_counts(reading: Reading, first: str) -> bool:
    """Say whether two measures are asked: "how many deals did she win, and her win rate"."""
    return reading.has("intent", "count") and first not in {
        "sales_cycle_days", "total_employees", "average_employees", "quota", "stage_age_days",
        "overdue_activities", "open_cases", "days_since_last_contact", "list_price",
    }  # fmt: skip


def _speaks_of_selling(reading: Reading) -> bool:
    words = ("sell", "sold", "buy", "bought", "purchase", "卖", "售", "买")
    return any(word in reading.text.lower() for word in words)


def _averages_a_count(reading: Reading) -> bool:
    return reading.has("intent", "count") and reading.has("intent", "ratio_of_groups")


def _counted(nouns: Nouns, status: str, reading: Reading) -> str:
    noun = nouns.counted
    if noun == "account" and status == "won":
        return "customers"
    if noun in NOUN_MEASURES:
        return "open_cases" if noun == "case_count" and status == "open" else noun
    if noun in COUNTED and status in {"", "open"} and not reading.quantities:
        return COUNTED[noun]
    mentioned = [key for key in reading.keys("measure") if key in NOUN_MEASURES]
    if mentioned and noun in {"", *mentioned}:
        is_open = mentioned[0] == "case_count" and status == "open"
        return "open_cases" if is_open else mentioned[0]
    return DEAL_COUNT_BY_STATUS[status]


def _from_rank_or_list(reading: Reading, nouns: Nouns, status: str) -> list[str]:
    mentioned = [key for key in reading.keys("measure") if key in NOUN_MEASURES]
    if reading.rank is not None and mentioned[:1] == ["customers"]:
        mentioned = []
    if mentioned:
        return [
            "open_cases" if key == "case_count" and status == "open" else key
            for key in mentioned[:1]
        ]
    deals_named = "opportunity" in (nouns.subject, nouns.counted, *nouns.others)
    if reading.rank is not None:
        return _ranked(reading, nouns, status, deals_named=deals_named)
    if nouns.subject == "account" and status == "won":
        return ["customers"]
    things = [noun for noun in (nouns.subject, *nouns.others) if noun in COUNTED]
    if things and not status and not deals_named:
        return [COUNTED[things[0]]]
    if deals_named or (status and nouns.subject):
        return [DEAL_COUNT_BY_STATUS[status]]
    if status == "won" and _speaks_of_selling(reading):
        return [_AMOUNT[status], DEAL_COUNT_BY_STATUS[status]]
    return [DEAL_COUNT_BY_STATUS[status]] if status else []


def _ranked(reading: Reading, nouns: Nouns, status: str, *, deals_named: bool) -> list[str]:
    """Return what a ranking without a named measure ranks by."""
    if nouns.subject in _DEAL_WORDS:
        return [DEAL_COUNT_BY_STATUS[status]] if deals_named or status else []
    if deals_named:
        return [DEAL_COUNT_BY_STATUS[status]]
    if nouns.subject == "competitor" and not status:
        return ["opportunities"]
    pair = [_AMOUNT[status or "won"], DEAL_COUNT_BY_STATUS[status or "won"]]
    # "Who won most" counts deals, "what sold best" and "our top rep" look at money first.
    often = _OFTEN.search(reading.text)
    by_money = not status or _speaks_of_selling(reading)
    return pair if by_money and not often else pair[::-1]
