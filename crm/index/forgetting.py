"""Forgets conversations: their rows, their words and their vectors, down to the files."""

from collections.abc import Sequence

from sqlalchemy import delete, text
from sqlalchemy.exc import OperationalError

from crm.errors import TransientError
from crm.index.conversations import ConversationIndex
from crm.models import Conversation, IdentityDecision
from crm.store import Store


def forget_conversations(store: Store, index: ConversationIndex, ids: Sequence[int]) -> int:
    """Delete conversations with all that was made from them, and return how many there were.

    No file of the workspace keeps a word of them. On PostgreSQL the rows are gone; their bytes
    leave the files when it vacuums. Recordings, source files and backups are not touched. Done
    twice, or again after a crash, it ends the same.

    Raises:
        TransientError: another process was reading; all is deleted, call again to clean the files.
    """
    if not ids:
        return 0
    problem: TransientError | None = None
    try:
        index.delete(*ids)
    except TransientError as error:
        problem = error
    with store.session() as session:
        found = session.execute(
            delete(Conversation).where(Conversation.id.in_(ids)).returning(Conversation.id)
        ).all()
        # What was decided on the people of one conversation alone names them.
        for key in (pattern for number in ids for pattern in _own_keys(number)):
            session.execute(delete(IdentityDecision).where(IdentityDecision.key.like(key)))
    clean_files(store)
    if problem is not None:
        raise problem
    return len(found)


def _own_keys(conversation_id: int) -> tuple[str, str]:
    return f"side:{conversation_id}:%", f"name:conversation:{conversation_id}:%"


def clean_files(store: Store) -> None:
    """Rewrite a SQLite file without what was deleted, its write-ahead log included.

    Raises TransientError if another process holds the database.
    """
    if store.engine.dialect.name != "sqlite":
        return
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        try:
            connection.execute(text("VACUUM"))
            busy, *_ = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).one()
        except OperationalError as error:
            raise TransientError(_in_use()) from error
    if busy:
        raise TransientError(_in_use())


def _in_use() -> str:
    return "the database is in use, so its file still holds deleted bytes: forget again in a moment"
