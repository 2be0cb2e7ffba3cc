"""Who is who: ties a conversation's people to users and contacts, and it to account and deal."""

from ingest.identity.addresses import domain_of
from ingest.identity.directory import Directory
from ingest.identity.people import NO_HINTS, Hints, KnownPerson, Link, Person

__all__ = ["NO_HINTS", "Directory", "Hints", "KnownPerson", "Link", "Person", "domain_of"]
