"""What we sell and its list prices."""

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from crm.models.base import Base, Sourced


class Product(Sourced, Base):
    """A product; `family` is its series or line."""

    __tablename__ = "products"
    name: Mapped[str] = mapped_column(index=True)
    family: Mapped[str | None] = mapped_column(index=True)
    description: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(default=True)


class PriceBook(Sourced, Base):
    """A list of prices in one currency."""

    __tablename__ = "price_books"
    name: Mapped[str]
    currency: Mapped[str]


class PriceBookEntry(Sourced, Base):
    """The list price of a product in a price book."""

    __tablename__ = "price_book_entries"
    price_book_id: Mapped[int] = mapped_column(ForeignKey("price_books.id"), index=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), index=True)
    list_price_minor: Mapped[int] = mapped_column(BigInteger)
