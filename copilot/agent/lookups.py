"""Recognises questions for one field of one record: "who owns Acme?", "王总的电话是多少？"."""

import re
from dataclasses import dataclass
from functools import cache

from copilot.agent.filters import asks_for_children
from copilot.agent.measures import NOUN_MEASURES
from copilot.agent.phrases import Phrasebook
from copilot.agent.reading import Reading
from copilot.agent.routing import record_of
from tools.attributes import Entity, attributes_of
from tools.names import NamedThing

_ENTITIES = {
    "account": Entity.ACCOUNT,
    "owner": Entity.USER,
    "manager": Entity.USER,
    "product": Entity.PRODUCT,
    "contact": Entity.CONTACT,
    "opportunity": Entity.OPPORTUNITY,
}
# Words that are a field of a record and a measure too: only the measure is meant where they stand
# beside what the measure is computed over.
_ALSO_MEASURES = {"annual_revenue", "amount", "list_price", "employees"}


_ASKS_FOR_REPORTS = re.compile(
    r"\bwho (?:all )?reports? to\b|\breporting to\b|手下|下属", re.IGNORECASE
)


@dataclass(frozen=True)
class Lookup:
    """One field of one record."""

    entity: Entity
    thing: NamedThing
    attribute: str


def lookup_of(reading: Reading) -> Lookup | None:
    """Return the field and the record a question asks for, None if it asks for something else."""
    thing = record_of(reading)
    if thing is None or thing.dimension not in _ENTITIES or asks_for_children(reading):
        return None
    if _ASKS_FOR_REPORTS.search(reading.text):
        return None
    computes = reading.rank or reading.periods or reading.has("intent", "average", "share", "list")
    if computes or (reading.keys("status") and not reading.has("intent", "planned")):
        return None
    entity = _ENTITIES[thing.dimension]
    spans = [mention.span for mention in reading.names]
    found = attribute_book(entity, reading.language).find(reading.text, spans)
    fields = [match for match in found if match.section == "attribute"]
    if not fields:
        return None
    best = max(fields, key=lambda match: match.end - match.start)
    deals = any(cue.section == "noun" and cue.key == "opportunity" for cue in reading.cues)
    if deals and entity is not Entity.OPPORTUNITY:
        return None
    measures = [cue for cue in reading.cues if cue.section == "measure"]
    measured = [cue for cue in measures if cue.start < best.end and best.start < cue.end]
    if reading.has("intent", "count") and best.key not in _ALSO_MEASURES:
        return None
    if any(cue not in measured for cue in measures):
        return None
    if any(cue.key not in NOUN_MEASURES for cue in measured) and best.key not in _ALSO_MEASURES:
        return None
    if any(cue.end - cue.start > best.end - best.start for cue in measured):
        return None
    return Lookup(entity, thing, best.key)


@cache
def attribute_book(entity: Entity, language: str) -> Phrasebook:
    """Return the words for the fields of a kind of record, Chinese questions knowing both."""
    book = Phrasebook()
    for attribute in attributes_of(entity):
        english, chinese = (
            (attribute.en, *attribute.aliases_en),
            (
                attribute.zh,
                *attribute.aliases_zh,
            ),
        )
        book.add("attribute", attribute.name, english if language == "en" else chinese + english)
    return book
