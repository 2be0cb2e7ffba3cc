"""The drafting tasks: pools of records described in SQL, and the requests made of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

import yaml
from sqlalchemy import text
from sqlalchemy.orm import Session

from copilot.grounding.pack.asked import Channel, DraftKind, DraftRequest
from evals.drafting_ground import content
from tools.language import Language

Evidence = Literal["rich", "thin", "contradictory"]
_FIELD = {
    "deal": "opportunity_id",
    "account": "account_id",
    "contact": "contact_id",
    "mail": "reply_to",
}
_OWNER = {
    "deal": "SELECT u.email FROM opportunities o JOIN users u ON u.id = o.owner_id"
    " WHERE o.id = :id",
    "account": "SELECT u.email FROM accounts a JOIN users u ON u.id = a.owner_id WHERE a.id = :id",
    "contact": "SELECT u.email FROM contacts k JOIN accounts a ON a.id = k.account_id JOIN users u"
    " ON u.id = a.owner_id WHERE k.id = :id",
    "mail": "SELECT u.email FROM participants p JOIN users u ON u.id = p.user_id"
    " WHERE p.conversation_id = :id ORDER BY p.position LIMIT 1",
}
_ACCOUNT = {
    "deal": "SELECT account_id FROM opportunities WHERE id = :id",
    "account": "SELECT :id",
    "contact": "SELECT account_id FROM contacts WHERE id = :id",
    "mail": "SELECT account_id FROM conversations WHERE id = :id",
}


@dataclass(frozen=True)
class Pool:
    """Records that a description stands for; `is_a` says what its ids are of."""

    name: str
    says: str
    is_a: str
    sql: str


@dataclass(frozen=True)
class Task:
    """One wish for a draft; each entry of `must_mention` is a list of alternatives."""

    id: str
    language: Language
    pool: Pool
    evidence: Evidence
    kind: DraftKind | None = None
    channel: Channel = Channel.EMAIL
    customer: str = ""
    name: str = ""
    nth: int = 0
    purpose: str = ""
    must_mention: tuple[tuple[str, ...], ...] = ()
    must_not: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resolved:
    """A task over one workspace: whose, the request, and what it must mention in words.

    `recipients` are the addresses to which it may go; `theirs` what the customer last spoke of.
    """

    task: Task
    request: DraftRequest
    rep: str | None
    must_mention: tuple[tuple[str, ...], ...]
    recipients: frozenset[str]
    theirs: frozenset[str] = frozenset()


def load_tasks(raw: str | None = None) -> list[Task]:
    """Return all tasks; ValueError names the one that cannot be read."""
    written = raw or (files("evals.questions") / "drafting_tasks.yaml").read_text("utf-8")
    loaded = yaml.safe_load(written)
    pools = {
        name: Pool(name, one["says"], one["is"], one["sql"])
        for name, one in loaded["pools"].items()
    }
    tasks = [_task(one, pools) for one in loaded["tasks"]]
    doubled = [key for key, count in Counter(task.id for task in tasks).items() if count > 1]
    if doubled:
        raise ValueError(f"tasks with the same id: {doubled!r}")
    return tasks


def _task(one: Mapping[str, Any], pools: Mapping[str, Pool]) -> Task:
    given = dict(one)
    try:
        return Task(
            id=given.pop("id"),
            pool=pools[given.pop("pool")],
            kind=DraftKind(kind) if (kind := given.pop("kind", None)) else None,
            channel=Channel(given.pop("channel", "email")),
            must_mention=tuple(tuple(map(str, each)) for each in given.pop("must_mention", ())),
            must_not=tuple(map(str, given.pop("must_not", ()))),
            **given,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the task {one!r} cannot be read: {error}") from None


def resolve(task: Task, session: Session) -> Resolved | None:
    """Return the task over this workspace, None if its pool is empty there."""
    asked = {"language": task.customer or task.language, "name": task.name}
    used = {key: value for key, value in asked.items() if f":{key}" in task.pool.sql}
    ids = [row[0] for row in session.execute(text(task.pool.sql), used)]
    if not ids:
        return None
    found = ids[task.nth % len(ids)]
    is_a = task.pool.is_a
    request = DraftRequest(
        kind=task.kind,
        channel=task.channel,
        purpose=task.purpose,
        language=task.language,
        **{_FIELD[is_a]: found},
    )
    account = _one(session, _ACCOUNT[is_a], found)
    looked_up = _looked_up(session, is_a, found, account)
    return Resolved(
        task=task,
        request=request,
        rep=_one(session, _OWNER[is_a], found),
        must_mention=tuple(
            tuple(word for each in one for word in looked_up.get(each, [each]))
            for one in task.must_mention
        ),
        recipients=_recipients(session, is_a, found),
        theirs=_theirs(session, is_a, found, account),
    )


def _one(session: Session, sql: str, found: int) -> Any:
    row = session.execute(text(sql), {"id": found}).first()
    return row[0] if row else None


def _looked_up(
    session: Session, is_a: str, found: int, account: int | None
) -> dict[str, list[str]]:
    deal = found
    if is_a == "mail":
        deal = _one(session, "SELECT opportunity_id FROM conversations WHERE id = :id", found) or -1
    products = (
        "SELECT DISTINCT p.name FROM products p JOIN opportunity_lines l ON l.product_id = p.id"
        " JOIN opportunities o ON o.id = l.opportunity_id WHERE "
    )
    narrow = "o.id = :id" if is_a in {"deal", "mail"} else "o.account_id = :id"
    names = _all(session, products + narrow, deal if is_a in {"deal", "mail"} else account)
    quotes = "SELECT number FROM quotes WHERE opportunity_id = :id"
    accounts = _all(session, "SELECT name FROM accounts WHERE id = :id", account)
    people = _all(session, "SELECT name FROM contacts WHERE account_id = :id", account)
    return {
        "$product": names,
        "$account": [part for one in accounts for part in {one, _short(one)}],
        "$contact": [*people, *(one.split()[0] for one in people if one.isascii())],
        "$quote": _all(session, quotes, deal),
    }


def _short(name: str) -> str:
    parts = name.split()
    return " ".join(parts[:2]) if name.isascii() and len(parts) > 2 else name


def _all(session: Session, sql: str, found: int | None) -> list[str]:
    return [str(row[0]) for row in session.execute(text(sql), {"id": found}) if row[0]]


def _recipients(session: Session, is_a: str, found: int) -> frozenset[str]:
    sql = {
        "deal": "SELECT k.email FROM contacts k WHERE k.account_id = (SELECT account_id FROM"
        " opportunities WHERE id = :id)",
        "account": "SELECT email FROM contacts WHERE account_id = :id",
        "contact": "SELECT email FROM contacts WHERE id = :id",
        "mail": "SELECT email FROM participants WHERE conversation_id = :id AND side = 'customer'",
    }[is_a]
    return frozenset(one.casefold() for one in _all(session, sql, found))


def _theirs(session: Session, is_a: str, found: int, account: int | None) -> frozenset[str]:
    """Return the words of weight in the customer's turns of the latest conversations."""
    which = {
        "deal": "c.opportunity_id = :id",
        "mail": "c.id = :id",
    }.get(is_a, "c.account_id = :id")
    rows = session.execute(
        text(
            "SELECT g.text, c.id FROM segments g JOIN conversations c ON c.id = g.conversation_id"
            " JOIN participants p ON p.conversation_id = c.id AND p.name = g.speaker AND"
            f" p.side = 'customer' WHERE {which} ORDER BY c.started_at DESC, g.position LIMIT 120"
        ),
        {"id": found if is_a in {"deal", "mail"} else account},
    ).all()
    said = Counter(word for row in rows for word in content(str(row[0])))
    common = _common(session)
    return frozenset(word for word in said if word not in common)


_COMMON: dict[int, frozenset[str]] = {}


def _common(session: Session) -> frozenset[str]:
    """Return words that stand in more than 6 % of all turns: they say nothing of one customer."""
    key = id(session.get_bind())
    if key not in _COMMON:
        rows: Sequence[Any] = session.execute(text("SELECT text FROM segments LIMIT 6000")).all()
        counts = Counter(word for row in rows for word in content(str(row[0])))
        _COMMON[key] = frozenset(
            word for word, count in counts.items() if count > 0.06 * max(50, len(rows))
        )
    return _COMMON[key]
