"""Emails as `.eml` files: short threads whose intents follow the deal's fate."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from pathlib import Path
from random import Random

from ingest.demo.calendar_days import at, office_time
from ingest.demo.chance import happens
from ingest.demo.customers import Person
from ingest.demo.deals import Deal
from ingest.demo.story import (
    Filling,
    Plan,
    Truth,
    fact_value,
    make_filling,
    note_commitments,
    note_fact,
)
from ingest.demo.wordbank import bank, say

_ANSWERS = {
    "price_objection": ("proposal", "price_objection", "discount_offer"),
    "competitor_mention": ("proposal", "competitor_mention"),
    "security_review": ("security_review", "security_answer"),
    "budget_freeze": ("nudge", "budget_freeze"),
    "champion_leaves": ("champion_leaves", "handover"),
    "positive_signal": ("proposal", "positive_signal"),
    "timeline_slip": ("nudge", "timeline_slip"),
}


@dataclass(frozen=True)
class Letter:
    """One mail before it is rendered."""

    intent: str
    is_ours: bool
    subject: str
    text: str
    sent_at: datetime
    person: Person


def choose_intents(random: Random, plan: Plan) -> tuple[str, ...]:
    """Return the intents of a thread, in order."""
    deal = plan.deal
    if plan.progress < 0.3:
        return ("intro", "question", "answer")
    if plan.day == deal.closed_on:
        is_won = deal.hidden.outcome == "won"
        return ("positive_signal", "kickoff") if is_won else ("nudge", "loss")
    if plan.facts:
        return _ANSWERS[random.choice(plan.facts)]
    if plan.has_next_step:
        return ("recap", "question", "answer")
    return ("proposal", "question", "answer") if happens(random, 0.7) else ("nudge",)


def write_thread(
    folder: Path, random: Random, plan: Plan, *, first_number: int, until: datetime
) -> list[tuple[str, Truth]]:
    """Write a thread's mails sent before `until`; return file names with what was planted."""
    deal = plan.deal
    if deal.closed_on and plan.is_ending and happens(random, 0.5):
        plan = replace(plan, day=deal.closed_on)
    filling = make_filling(random, plan)
    written: list[tuple[str, Truth]] = []
    sent: list[Letter] = []
    moment = at(plan.day, random)
    for intent in choose_intents(random, plan):
        if moment >= until:
            break
        truth = Truth("email", deal.id, deal.customer.id, deal.language)
        letter = _compose(random, intent, plan, filling, truth)
        subject = _reply_subject(sent[0].subject, deal) if sent else letter.subject
        letter = replace(letter, sent_at=moment, subject=subject)
        number = first_number + len(written)
        name = f"mail-{number:04d}-{deal.id}.eml"
        (folder / name).write_bytes(_render(deal, letter, sent, first_number))
        sent.append(letter)
        written.append((name, truth))
        moment = _next_moment(random, deal, moment, is_ours=letter.is_ours)
    return written


def _next_moment(random: Random, deal: Deal, moment: datetime, *, is_ours: bool) -> datetime:
    """The customer answers within days; the rep as fast as she or he is."""
    hours = random.uniform(6, 60)
    if not is_ours:
        hours = deal.hidden.response_hours * random.uniform(0.7, 1.3)
    return office_time(moment + timedelta(hours=hours))


def _reply_subject(subject: str, deal: Deal) -> str:
    return ("回复：" if deal.language == "zh" else "Re: ") + subject


def _compose(
    random: Random,
    intent: str,
    plan: Plan,
    filling: Filling,
    truth: Truth,
) -> Letter:
    deal = plan.deal
    slots = filling.slots
    mail = bank(f"mail_{deal.language}")
    given = mail["intents"][intent]
    is_ours = given["side"] == "ours"
    person = deal.people[0]
    if intent == "security_review":
        person = next((each for each in deal.people if each.role == "technical"), person)
    paragraphs = []
    for variants in given["body"]:
        is_key = isinstance(variants, dict)
        text = say(random, variants["key"] if is_key else variants, slots)
        paragraphs.append(text)
        if is_key and given["fact"] != "commitment":
            speaker = deal.rep.name if is_ours else person.name
            value = fact_value(given["fact"], deal, filling)
            if given["fact"] == "loss":
                value = {"reason": deal.hidden.lost_reason}
            note_fact(truth, given["fact"], text, {"speaker": speaker, **value})
    if intent == "recap":
        note_commitments(truth, filling)
    filler = say(random, mail["fillers"]["ours" if is_ours else "customer"], slots)
    if happens(random, 0.5):
        paragraphs.insert(-1, filler)
    text = "\n\n".join(_framed(random, deal, paragraphs, person, is_ours=is_ours))
    subject = say(random, given["subject"], slots)
    return Letter(intent, is_ours, subject, text, at(plan.day, random), person)


def _framed(
    random: Random, deal: Deal, paragraphs: list[str], person: Person, *, is_ours: bool
) -> list[str]:
    mail = bank(f"mail_{deal.language}")
    rep_name = deal.rep.name if deal.language == "zh" else deal.rep.name.split()[0]
    names = {"to": person.address if is_ours else rep_name}
    company = bank("company")["name"][deal.language]
    signature = f"{deal.rep.name}\n{company}"
    if not is_ours:
        signature = f"{person.name}\n{person.title}, {deal.customer.name}"
    names["from"] = signature
    first, *rest = paragraphs
    if deal.language == "en" and not first.startswith("I "):
        first = first[0].upper() + first[1:]
    greeting = say(random, mail["greetings"], names)
    return [greeting, first, *rest, say(random, mail["closings"], names)]


def _render(deal: Deal, letter: Letter, sent: list[Letter], thread: int) -> bytes:
    rep = formataddr((deal.rep.name, deal.rep.email))
    customer = formataddr((letter.person.name, letter.person.email))
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = (rep, customer) if letter.is_ours else (customer, rep)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(letter.sent_at)
    earlier = [_message_id(deal, each, thread, n) for n, each in enumerate(sent)]
    message["Message-ID"] = _message_id(deal, letter, thread, len(sent))
    if earlier:
        message["In-Reply-To"] = earlier[-1]
        message["References"] = " ".join(earlier)
    message.set_content(letter.text + "\n" + _quoted(deal, sent), cte="base64")
    return message.as_bytes()


def _message_id(deal: Deal, letter: Letter, thread: int, place: int) -> str:
    domain = bank("company")["domain"] if letter.is_ours else deal.customer.domain
    return f"<{deal.id.lower()}.{thread}.{place}@{domain}>"


def _quoted(deal: Deal, sent: list[Letter]) -> str:
    """The mail answered, as mail programs append it."""
    if not sent:
        return ""
    last = sent[-1]
    writer = deal.rep.name if last.is_ours else last.person.name
    day = last.sent_at.strftime("%Y-%m-%d %H:%M")
    head = f"在 {day}，{writer} 写道：" if deal.language == "zh" else f"On {day}, {writer} wrote:"
    return f"\n{head}\n" + "\n".join(f"> {line}".rstrip() for line in last.text.splitlines())
