"""A finished draft for the tests of what is done with drafts, and mails that can be answered."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from copilot.grounding.pack.asked import Channel, DraftKind
from copilot.grounding.sentences import CitedSentence
from copilot.llm.client import Message, Reply, T
from copilot.writers.draft import Addressee, Draft, OpenPoint, Threading
from crm import models as m
from crm.facts import Fact, FactKind
from tests.agent_world import ACME, ANNA, LINA, STAR, SYNCED
from tests.scripted import USAGE, ScriptedModel
from tools.language import has_han

PLACEHOLDER = "[Confirm before sending: 15% discount]"


def made(**changes: Any) -> Draft:
    """A reply of two sentences, the first with a source."""
    values: dict[str, Any] = {
        "kind": DraftKind.REPLY,
        "channel": Channel.EMAIL,
        "language": "en",
        "to": (Addressee(name="Maria Lopez", email="c1@buys.example"),),
        "sender": "Anna Berg",
        "subject": "Warranty",
        "greeting": "Hi Maria,",
        "paragraphs": (
            (CitedSentence(text="You asked for the warranty clause.", facts=("F1",)),),
            (CitedSentence(text="Shall we talk on Thursday?"),),
        ),
        "closing": "Best regards,\nAnna Berg",
        "body": "Hi Maria,\n\nYou asked for the warranty clause.\n\nShall we talk on Thursday?\n\n"
        "Best regards,\nAnna Berg",
        "facts": (
            Fact(
                id="F1",
                kind=FactKind.EMAIL,
                text="Maria Lopez (customer): “We need the warranty clause.”",
                as_of=datetime(2026, 11, 5, 9, tzinfo=UTC),
                source="conversation:3#0",
            ),
        ),
        "opportunity_id": 12,
        "account_id": ACME,
        "contact_id": 1,
    }
    return Draft(**{**values, **changes})


def with_open_point() -> Draft:
    """The draft with a commitment that waits for somebody's word."""
    paragraphs = (*made().paragraphs, (CitedSentence(text=PLACEHOLDER),))
    point = OpenPoint(placeholder=PLACEHOLDER, reason="no approved discount")
    return made(paragraphs=paragraphs, open_points=(point,), body=f"Hi Maria,\n\n{PLACEHOLDER}")


def in_thread(message_id: str = "<m2@buys.example>") -> Draft:
    """The draft as an answer in a thread of two mails."""
    thread = Threading(
        in_reply_to=message_id,
        references=("<m1@sells.example>",),
        author="Maria Lopez",
        sent_at=datetime(2026, 11, 5, 9, tzinfo=UTC),
        text="We need the warranty clause in writing.\n<script>alert(1)</script>",
    )
    return made(thread=thread, subject="Re: Warranty")


def add_mails(session: Session) -> None:
    """Add who wrote which mail to the company of tests/agent_world.py: Maria's and 王伟's."""
    mails = [
        (10, "Data location", "Maria Lopez", 1, ACME, 12, ANNA, 8, "Where does our data live?"),
        (11, "合同", "王伟", 2, STAR, 11, LINA, 9, "合同里的付款条款能否改成三十天？"),
    ]
    for number, title, author, contact, account, deal, owner, day, text in mails:
        session.add(
            m.Conversation(
                id=number, source="t", external_id=f"mail-{number}", synced_at=SYNCED,
                kind="email", title=title, account_id=account, opportunity_id=deal,
                owner_id=owner, content_sha256=f"{number:064d}",
                message_id=f"{number}@buys.example",
                started_at=datetime(2026, 11, day, 9, tzinfo=UTC),
            )
        )  # fmt: skip
        session.flush()
        session.add(
            m.Participant(
                conversation_id=number, position=0, name=author, side="customer",
                contact_id=contact, email=f"c{contact}@buys.example", role="from",
            )
        )  # fmt: skip
        session.add(m.Segment(conversation_id=number, position=0, speaker=author, text=text))
    session.flush()


class Obedient(ScriptedModel):
    """A model that begins each sentence as its schema demands, and always says the same then."""

    def __init__(self, en: str = "where your data lives", zh: str = "付款条款") -> None:
        super().__init__([])
        self._said = {"en": f" {en}.", "zh": f"{zh}。"}

    def structured(
        self, messages: Sequence[Message], result_type: type[T], *, max_tokens: int
    ) -> Reply[T]:
        self.asked.append(list(messages))
        self.types.append(result_type)
        schema = result_type.model_json_schema()["properties"]["sentence"]
        head = re.match(r"\^\(?\(?\??:?([^|)]*)", schema.get("pattern", ""))
        lead = head[1].replace("\\", "") if head else ""
        tail = self._said["zh" if has_han(schema.get("pattern", "")) else "en"]
        sentence = f"{lead or 'You asked'}{tail}"
        return Reply(value=result_type.model_validate({"sentence": sentence}), usage=USAGE)
