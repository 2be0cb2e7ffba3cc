"""A scripted source: gives out portions, and fails, stops or kills where the test says so."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from crm.models import ConversationKind
from ingest.conversations import ParsedConversation, ParsedSegment
from ingest.identity import Person
from ingest.sources.source import Cursor, Gone, Pulled

FIRST_DAY = datetime(2026, 11, 2, 9, tzinfo=UTC)


def chat(number: int, *, text: str | None = None) -> ParsedConversation:
    """A conversation of one turn; its words hold its number."""
    said = text or f"we talked about offer number {number}"
    return ParsedConversation(
        source="scripted",
        external_id=f"chat-{number}",
        kind=ConversationKind.CHAT,
        title=f"Chat {number}",
        started_at=FIRST_DAY + timedelta(minutes=number),
        participants=(Person("Priya Nair", "priya@acme.example"),),
        segments=(ParsedSegment("Priya Nair", said),),
        content_sha256=f"{number}:{said}",
    )


class ScriptedSource:
    """`size` conversations in portions of `step`; `before` is called with each portion's start."""

    kind = "scripted"

    def __init__(
        self,
        name: str = "chats",
        *,
        size: int = 10,
        step: int = 3,
        before: Callable[[int], None] = lambda _start: None,
        gone: tuple[Gone, ...] = (),
    ) -> None:
        self.name = name
        self.size, self.step, self.before, self.gone = size, step, before, gone
        self.starts: list[int] = []

    def pull(self, cursor: Cursor | None, *, now: datetime) -> Iterator[Pulled]:
        start = int((cursor or {}).get("next", 0))
        while start < self.size:
            self.before(start)
            self.starts.append(start)
            end = min(start + self.step, self.size)
            chats = tuple(chat(number) for number in range(start, end))
            yield Pulled(
                cursor={"next": end},
                conversations=chats,
                newest_at=chats[-1].started_at,
                done=end,
                total=self.size,
            )
            start = end
        if self.gone:
            yield Pulled(cursor={"next": start}, gone=self.gone)
