"""Texts of records that anybody may have written: what is no name or no description is not told."""

import re

from sqlalchemy.orm.attributes import set_committed_value

from copilot.grounding.pack.hostile import is_persons_name, name_plainly, orders_the_writer
from crm.models import Contact, Product

_ACTS = re.compile(
    r"[<>{}`\\]|://|\bwww\.|\]\(|\[/?[a-z#@]|[\x00-\x08\x0b-\x1f\x7f-\x9f]|@\w", re.I
)


def described(product: Product) -> str:
    """Return a product's description, nothing where it gives orders, links or markup instead."""
    told = product.description or ""
    return "" if _ACTS.search(told) or orders_the_writer(told) else told


def known_person(contact: Contact) -> Contact:
    """Return the loaded contact, whose number stands for what is no name; nothing is written."""
    if not is_persons_name(contact.name):
        set_committed_value(contact, "name", f"№ {contact.id}")
    if contact.title and not is_persons_name(contact.title):
        set_committed_value(contact, "title", None)
    return name_plainly([contact])[0]
