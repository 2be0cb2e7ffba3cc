from tools.names.index import NameIndex
from tools.names.link import Linked, NameMention, find_names
from tools.names.sources import NamedThing
from tools.names.unknown import unknown_names

__all__ = ["Linked", "NameIndex", "NameMention", "NamedThing", "find_names", "unknown_names"]
