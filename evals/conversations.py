"""Questions on what was said: whether the right conversation is quoted, and nothing is made up."""

import json
import sqlite3
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict

from evals.scoring import Document, Score, Verdict

_SAID = frozenset({"segment", "email"})


class Planted(BaseModel):
    """The n-th account of a language to which something was planted in the demo."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: str
    language: Literal["en", "zh"]
    nth: int


class ConversationQuestion(BaseModel):
    """A question on what was said; with `nothing`, on what nobody said."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    language: Literal["en", "zh"]
    question: str
    conversations: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    planted: Planted | None = None
    nothing: bool = False


@dataclass(frozen=True)
class Expected:
    """A question ready to ask: ids of conversations that answer it, and words it has to quote."""

    id: str
    language: str
    question: str
    conversation_ids: frozenset[int]
    keywords: tuple[str, ...]
    nothing: bool


def load_conversation_questions(workspace: Path) -> tuple[Expected, ...]:
    """Return the questions, filled in from the workspace's database and the demo's truth."""
    document = yaml.safe_load((files("evals.questions") / "conversation.yaml").read_text("utf-8"))
    truth = json.loads((workspace / "export" / "truth.json").read_text("utf-8"))
    connection = sqlite3.connect(f"file:{workspace / 'crm.db'}?mode=ro", uri=True)
    try:
        return tuple(
            _fill(connection, truth["conversations"], ConversationQuestion.model_validate(item))
            for item in document["questions"]
        )
    finally:
        connection.close()


def score_conversation(expected: Expected, answer: Document) -> Score:
    """Judge an answer: right if a sentence cites what was said in a right conversation."""
    if expected.nothing:
        is_honest = answer["status"] in {"not_found", "declined", "ambiguous"}
        return Score(Verdict.RIGHT) if is_honest else Score(Verdict.WRONG, "nobody said that")
    if answer["status"] != "answered":
        return Score(Verdict.REFUSED, f"status {answer['status']}")
    facts = {fact["id"]: fact for fact in answer["facts"]}
    cited = [
        facts[each]
        for sentence in answer["sentences"]
        for each in sentence["facts"]
        if each in facts and facts[each]["kind"] in _SAID
    ]
    if not any(_conversation_of(fact) in expected.conversation_ids for fact in cited):
        return Score(Verdict.WRONG, "another conversation is cited")
    said = " ".join([answer["answer"], *(fact["text"] for fact in cited)]).casefold()
    if not any(word.casefold() in said for word in expected.keywords):
        return Score(Verdict.WRONG, f"none of {expected.keywords} is quoted")
    return Score(Verdict.RIGHT)


def _conversation_of(fact: Document) -> int | None:
    kind, _, rest = fact["source"].partition(":")
    number = rest.partition("#")[0]
    return int(number) if kind == "conversation" and number.isdigit() else None


def _fill(
    connection: sqlite3.Connection, truth: dict[str, Any], question: ConversationQuestion
) -> Expected:
    text, keywords = question.question, question.keywords
    ids = frozenset(
        row[0]
        for name in question.conversations
        for row in connection.execute("select id from conversations where external_id = ?", [name])
    )
    ids |= {other for word in keywords for other in _also_said(connection, word, ids)}
    if question.planted:
        account, quotes = _planted(truth, question.planted)
        statement = "select name from accounts where external_id = ?"
        text = text.format(account=connection.execute(statement, [account]).fetchone()[0])
        ids = frozenset(
            number for quote in quotes for number in _who_said(connection, quote, account)
        )
        keywords = tuple(quotes)
    return Expected(question.id, question.language, text, ids, keywords, question.nothing)


def _planted(truth: dict[str, Any], wanted: Planted) -> tuple[str, list[str]]:
    """Return the account and everything of that kind that was planted in its conversations."""
    quotes: dict[str, list[str]] = {}
    for conversation in truth.values():
        if conversation["language"] == wanted.language:
            for fact in conversation["facts"]:
                if fact["kind"] == wanted.kind:
                    quotes.setdefault(conversation["account"], []).append(fact["quote"])
    account = list(quotes)[wanted.nth - 1]
    return account, quotes[account]


def _who_said(connection: sqlite3.Connection, quote: str, account: str) -> list[int]:
    statement = (
        "select s.conversation_id from segments s "
        "join conversations c on c.id = s.conversation_id "
        "join accounts a on a.id = c.account_id "
        "where instr(s.text, ?) > 0 and a.external_id = ?"
    )
    return [row[0] for row in connection.execute(statement, [quote, account])]


def _also_said(connection: sqlite3.Connection, word: str, ids: frozenset[int]) -> list[int]:
    """Return other conversations with the same accounts in which the word was said."""
    marks = ",".join("?" * len(ids))
    statement = (
        "select s.conversation_id from segments s "
        "join conversations c on c.id = s.conversation_id where instr(s.text, ?) > 0 "
        f"and c.account_id in (select account_id from conversations where id in ({marks}))"
    )
    return [row[0] for row in connection.execute(statement, [word, *ids])]
