"""One batch of records into a table, wherever they come from: written and counted."""

from sqlalchemy.orm import Session

from ingest.crm.fields import Entity
from ingest.crm.records import Record
from ingest.crm.tally import Tally
from ingest.crm.writer import Writer


def write_batch(
    session: Session, writer: Writer, entity: Entity, records: list[Record], tally: Tally
) -> list[Record]:
    """Write the records, count them, and return those that were refused."""
    writer.write(session, entity, records)
    bad = [record for record in records if record.problems]
    tally.add(entity.name, "read", len(records))
    tally.add(entity.name, "rejected", len(bad))
    return bad
