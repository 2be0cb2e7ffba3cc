"""What learning from edits is worth: edit distance before and after, on mails held out in time.

Run `python -m evals.learning [--json]`. Simulated reps edit scripted drafts on the occasions of the
demo's mails: the first three fifths are learned from, the rest is measured against the letter that
the rep sends there, which is the same whatever was learned. The second part has no simulation: the
real greeting and length of held-out mails, told from the earlier ones.
"""

import argparse
import json
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from random import Random
from statistics import mean, median
from typing import Any

import yaml
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from copilot.grounding.pack.model import Party
from copilot.writers.company.guide import CompanyGuide
from copilot.writers.learning.keeping import Accept, Edit, decide_draft, save_draft
from copilot.writers.learning.learned import learned_style
from copilot.writers.learning.sent import SentMail, mail_habits, sent_mails
from copilot.writers.learning.wording import edit_distance
from copilot.writers.style import Style
from crm.models import Contact, Conversation, ConversationKind, Participant, StyleAspect, User
from crm.principal import Principal, Role
from crm.store import Store
from evals.learning_simulation import (
    Occasion,
    SimulatedRep,
    edited_body,
    occasion_of,
    scripted_draft,
)
from evals.workspaces import opened
from tools.language import Language

SEED = 11
_LEARNED_FROM = 0.6
_FEWEST = 20
_RESAMPLES = 2_000
_ALONE = ("greeting and sign-off", "phrases", "length", "formality")
# Edit distance of one held-out draft, by which part of what was learned was used.
_Distances = dict[str, float]
_OWNER = Principal.local_owner()


@dataclass(frozen=True)
class Gain:
    """Mean edit distance of held-out drafts without and with learning, and the paired interval.

    `low` and `high` are the 95 % bootstrap interval of the difference (before − after), `worse`
    counts drafts that learning made worse, `alone` is the mean distance with one part only.
    """

    rep: str
    language: str
    has_habits: bool
    learned_from: int
    held_out: int
    before: float
    after: float
    low: float
    high: float
    worse: int
    alone: dict[str, float]
    learned: list[str]


@dataclass(frozen=True)
class Foretold:
    """A real rep's held-out mails: how often the greeting learned of the earlier ones is theirs.

    `default` is the share for "Hi {first}," or 「{name}，您好：」; `learned` is None where no habit
    was found. Errors of length are the mean absolute ones, in words.
    """

    rep: str
    language: str
    held_out: int
    default: float
    learned: float | None
    length_error_all: float
    length_error_own: float


@dataclass(frozen=True)
class _History:
    user: User
    language: Language
    mails: list[SentMail]
    recipients: dict[int, Party]
    accounts: dict[int, int | None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both measurements; returns 1 if learning made a rep's drafts worse."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args(arguments)
    with _workspace() as store:
        gains, pooled = measure_gains(store, seed=given.seed)
        foretold = measure_foretelling(store)
    if given.json:
        document = {
            "schema_version": 1,
            "seed": given.seed,
            "gains": [asdict(gain) for gain in gains],
            "pooled": asdict(pooled),
            "foretold": [asdict(one) for one in foretold],
        }
        json.dump(document, sys.stdout, ensure_ascii=False, indent=2)
    else:
        sys.stdout.write(_tell(gains, pooled, foretold))
    return int(any(gain.high < 0 for gain in gains))


def measure_gains(store: Store, *, seed: int) -> tuple[list[Gain], Gain]:
    """Return the gain of each simulated rep, and that of all reps with habits together."""
    given = yaml.safe_load((files("evals") / "learning_reps.yaml").read_text("utf-8"))
    with store.session() as session:
        histories = _histories(session)
    gains: list[Gain] = []
    pooled: list[_Distances] = []
    for number, columns in enumerate(given["reps"]):
        rep = SimulatedRep(**columns)
        fitting = [one for one in histories if one.language == rep.language]
        place = sum(one["language"] == rep.language for one in given["reps"][:number])
        history = fitting[place % len(fitting)]
        with store.session() as session:
            found, gain = _measure(session, rep, history, given["stock"], f"{seed}-{number}")
            session.rollback()
        gains.append(gain)
        pooled += found if rep.has_habits else []
    together = SimulatedRep("en", "all", "", 0, {})
    return gains, _gain(together, "all with habits", pooled, 0, [], seed)


def _measure(
    session: Session, rep: SimulatedRep, history: _History, stock: dict[str, Any], seed: str
) -> tuple[list[_Distances], Gain]:
    user = history.user
    principal = Principal(user_id=user.id, name=user.name, role=Role.REP)
    cut = round(_LEARNED_FROM * len(history.mails))
    occasions = [
        (mail, occasion_of(mail, _sender(user), history.recipients[mail.conversation_id], stock))
        for mail in history.mails
    ]
    for mail, occasion in occasions[:cut]:
        style = _style(session, occasion, principal)
        _decide(session, rep, mail, occasion, history, style, principal, seed)
    found: list[_Distances] = []
    for mail, occasion in occasions[cut:]:
        account_id = history.accounts[mail.conversation_id]
        plain = scripted_draft(occasion, Style(), account_id)
        sent = edited_body(rep, plain, occasion, _dice(seed, mail))
        styles = _parts(_style(session, occasion, principal))
        drafts = {part: scripted_draft(occasion, one, account_id) for part, one in styles.items()}
        found.append({part: edit_distance(one.body, sent) for part, one in drafts.items()})
    learned = list(_style(session, occasions[-1][1], principal).sources)
    name = f"{user.name}" + ("" if rep.has_habits else " (no habits)")
    return found, _gain(rep, name, found, cut, learned, seed)


def _parts(style: Style) -> dict[str, Style]:
    """Return nothing learned, everything, and each part of it alone."""
    return {
        "before": Style(),
        "after": style,
        "greeting and sign-off": Style(greeting=style.greeting, sign_off=style.sign_off),
        "phrases": Style(swaps=style.swaps),
        "length": Style(most_words=style.most_words),
        "formality": Style(formality=style.formality),
    }


def _decide(
    session: Session,
    rep: SimulatedRep,
    mail: SentMail,
    occasion: Occasion,
    history: _History,
    style: Style,
    principal: Principal,
    seed: str,
) -> None:
    draft = scripted_draft(occasion, style, history.accounts[mail.conversation_id])
    final = edited_body(rep, draft, occasion, _dice(seed, mail))
    number = save_draft(session, draft, principal=principal, now=mail.sent_at)
    decision = Accept() if final == draft.body else Edit(final)
    decide_draft(session, number, decision, principal=principal, now=mail.sent_at)


def _style(session: Session, occasion: Occasion, principal: Principal) -> Style:
    return learned_style(session, occasion.evidence, guide=CompanyGuide(), principal=principal)


def _gain(
    rep: SimulatedRep,
    name: str,
    found: list[_Distances],
    learned_from: int,
    learned: list[str],
    seed: object,
) -> Gain:
    differences = [each["before"] - each["after"] for each in found]
    random = Random(f"bootstrap-{seed}")
    means = sorted(mean(random.choices(differences, k=len(differences))) for _ in range(_RESAMPLES))
    return Gain(
        rep=name,
        language=rep.language,
        has_habits=rep.has_habits,
        learned_from=learned_from,
        held_out=len(found),
        before=mean(each["before"] for each in found),
        after=mean(each["after"] for each in found),
        alone={part: mean(each[part] for each in found) for part in _ALONE},
        low=means[round(0.025 * _RESAMPLES)],
        high=means[round(0.975 * _RESAMPLES) - 1],
        worse=sum(difference < 0 for difference in differences),
        learned=learned,
    )


def measure_foretelling(store: Store) -> list[Foretold]:
    """Return how well the greeting and length of real later mails are told from earlier ones."""
    with store.session() as session:
        histories = _histories(session)
    found = []
    for history in histories:
        cut = round(_LEARNED_FROM * len(history.mails))
        earlier, later = history.mails[:cut], history.mails[cut:]
        habits = {h.aspect: h for h in mail_habits(earlier[::-1], history.language)}
        usual = habits.get(StyleAspect.GREETING)
        others = [
            mail.words
            for other in histories
            if other.language == history.language and other is not history
            for mail in other.mails
        ]
        default = "{name}，您好：" if history.language == "zh" else "Hi {first},"
        found.append(
            Foretold(
                rep=history.user.name,
                language=history.language,
                held_out=len(later),
                default=mean(mail.greeting == default for mail in later),
                learned=mean(mail.greeting == usual.value for mail in later) if usual else None,
                length_error_all=mean(abs(mail.words - median(others)) for mail in later),
                length_error_own=mean(
                    abs(mail.words - median(one.words for one in earlier)) for mail in later
                ),
            )
        )
    return found


def _histories(session: Session) -> list[_History]:
    """Return the mails of each rep with enough of them, oldest first, most mails first."""
    counted = (
        select(Participant.user_id, Conversation.language, func.count())
        .join(Conversation, Conversation.id == Participant.conversation_id)
        .where(Participant.role == "from", Participant.user_id.is_not(None))
        .where(Conversation.kind == ConversationKind.EMAIL.value)
        .group_by(Participant.user_id, Conversation.language)
        .having(func.count() >= _FEWEST)
        .order_by(func.count().desc(), Participant.user_id)
    )
    found = []
    for user_id, code, _ in session.execute(counted).all():
        if user_id is None:
            continue
        language: Language = "zh" if code == "zh" else "en"
        mails = sent_mails(session, user_id, language, principal=_OWNER, limit=1_000)[::-1]
        ids = [mail.conversation_id for mail in mails]
        user = session.get_one(User, user_id)
        found.append(
            _History(user, language, mails, _recipients(session, ids), _accounts(session, ids))
        )
    return found


def _recipients(session: Session, ids: Sequence[int]) -> dict[int, Party]:
    statement = (
        select(Participant, Contact.title)
        .outerjoin(Contact, Contact.id == Participant.contact_id)
        .where(Participant.conversation_id.in_(ids), Participant.role == "to")
        .order_by(Participant.position.desc())
    )
    return {
        row.conversation_id: Party(
            name=row.name, email=row.email, title=title, contact_id=row.contact_id
        )
        for row, title in session.execute(statement)
    }


def _accounts(session: Session, ids: Sequence[int]) -> dict[int, int | None]:
    statement = select(Conversation.id, Conversation.account_id).where(Conversation.id.in_(ids))
    return {row[0]: row[1] for row in session.execute(statement)}


def _sender(user: User) -> Party:
    return Party(name=user.name, email=user.email, user_id=user.id)


def _dice(seed: str, mail: SentMail) -> Random:
    return Random(f"{seed}-{mail.conversation_id}")


@contextmanager
def _workspace() -> Iterator[Store]:
    """Yield a store that is a copy of the demo's: what is decided here stays here."""
    with opened("demo") as installation, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crm.db"
        source = sqlite3.connect(installation.settings.crm_db)
        target = sqlite3.connect(path)
        try:
            source.backup(target)
        finally:
            source.close()
            target.close()
        store = Store.sqlite(path)
        try:
            store.migrate()
            yield store
        finally:
            store.close()


def _tell(gains: Sequence[Gain], pooled: Gain, foretold: Sequence[Foretold]) -> str:
    lines = [
        "Edit distance in words from held-out drafts to what simulated reps send",
        "(mails learned from + held out; fall with its 95 % interval)",
    ]
    for gain in [*gains, pooled]:
        lines.append(
            f"{gain.rep:28} {gain.language:4} {gain.learned_from:>3}+{gain.held_out:<3} "
            f"{gain.before:6.3f} → {gain.after:5.3f}  fall {gain.low:+.3f} … {gain.high:+.3f}"
            f"  worse {gain.worse}/{gain.held_out}"
        )
    lines += [f"  {part} alone: {value:.3f}" for part, value in pooled.alone.items()]
    lines.append("\nReal mails held out, no simulation: greeting foretold, length off by words")
    for one in foretold:
        learned = "no habit" if one.learned is None else f"{one.learned:.0%}"
        lines.append(
            f"{one.rep:28} {one.language:4} {one.held_out:>3}  default {one.default:4.0%}  "
            f"learned {learned:>8}  {one.length_error_all:.0f} (others' median) "
            f"{one.length_error_own:.0f} (own median)"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
