"""Texts of records that anybody may have written: orders to the writer in them are not printed."""

from copilot.grounding.pack.hostile import orders_the_writer
from crm.models import Product


def described(product: Product) -> str:
    """Return a product's description, nothing where it gives orders instead."""
    told = product.description or ""
    return "" if orders_the_writer(told) else told
