"""The stages that rows of a source may name, read from the store."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.models import Stage
from ingest.crm.mapping import Mapping
from ingest.crm.names import normal
from ingest.crm.records import KnownStage, StageBook


def read_stages(session: Session, mapping: Mapping) -> StageBook:
    """Return the stages of the mapping's source by name, alias and id in the source.

    An id goes before a name: several pipelines may have stages of one name.
    """
    statement = select(Stage).where(Stage.source == mapping.source).order_by(Stage.id)
    rows = list(session.scalars(statement))
    by_name = {normal(row.name): KnownStage(row.id, row.status) for row in rows}
    for name, stage in mapping.stages.items():
        for alias in stage.aliases:
            by_name.setdefault(normal(alias), by_name[normal(name)])
    by_id = {normal(row.external_id): KnownStage(row.id, row.status) for row in rows}
    return StageBook({**by_name, **by_id}, tuple(row.name for row in rows))
