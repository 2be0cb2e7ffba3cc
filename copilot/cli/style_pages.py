"""Whose style `style` shows or changes, and how it looks on a terminal and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.orm import Session

from copilot.cli.console import out
from copilot.writers.company.guide import CompanyGuide
from copilot.writers.learning.learned import customer_subjects, origin_in_words, shown, strongest
from copilot.writers.learning.origin import Trait
from copilot.writers.learning.setting import Subject
from copilot.writers.learning.traits import authors, customer_traits, name_of, rep_traits
from crm.access import visible
from crm.errors import NotFound
from crm.models import Contact
from crm.principal import Principal
from tools.attributes import Entity
from tools.language import Language
from tools.profile import build_profile
from tools.profile.model import WritingStyle
from tools.records import GetRecord, get_record

_MOST_IDS = 5
_NOTHING = {
    "en": "Nothing is known yet: it is learned from what you accept and edit.",
    "zh": "目前还没有记录：将从您采纳和修改的草稿中学习。",
}
_PARTS = {
    "names": ("names", "名称"),
    "policies": ("policies", "政策"),
    "terms": ("terms", "条款"),
    "references": ("references", "案例客户"),
    "banned": ("banned phrases", "禁用语"),
}


@dataclass(frozen=True)
class Customer:
    """A contact or an account of whom letters speak, and how their own mails are written."""

    name: str
    contact_id: int | None
    account_id: int | None
    written: WritingStyle | None

    @property
    def subjects(self) -> list[Subject]:
        """Under whom something can be set, the person before the company."""
        return customer_subjects(self.contact_id, self.account_id)


@dataclass(frozen=True)
class StylePage:
    """What is known of one subject in one language."""

    name: str
    subject: str
    language: Language
    traits: list[Trait]

    def as_document(self) -> dict[str, Any]:
        """Return the page in the shape that scripts rely on."""
        used = strongest(self.traits)
        return {
            "name": self.name,
            "subject": self.subject,
            "language": self.language,
            "traits": [
                {
                    "aspect": trait.aspect.value,
                    "value": trait.value,
                    "phrase": trait.key or None,
                    "origin": trait.origin.value,
                    "is_used": trait in used,
                    "evidence": trait.evidence,
                    "of": trait.of,
                    "last_seen_at": trait.last_seen_at.isoformat() if trait.last_seen_at else None,
                    "draft_ids": trait.draft_ids,
                    "set_by": trait.set_by,
                    "told": origin_in_words(trait, self.language),
                }
                for trait in self.traits
            ],
        }


def find_customer(session: Session, ref: str, *, principal: Principal, as_of: datetime) -> Customer:
    """Return the contact, else the account, of this id, external id or name; 8 is a contact.

    Raises NotFound, or Ambiguous with the candidates.
    """
    try:
        wanted = GetRecord(entity=Entity.CONTACT, ref=ref)
        found = get_record(session, wanted, principal=principal, as_of=as_of)
    except NotFound:
        wanted = GetRecord(entity=Entity.ACCOUNT, ref=ref)
        found = get_record(session, wanted, principal=principal, as_of=as_of)
        profile = build_profile(session, found.id, principal=principal, as_of=as_of)
        return Customer(found.name, None, found.id, profile.style)
    statement = select(Contact.account_id).where(Contact.id == found.id)
    account_id = session.scalar(visible(statement, Contact, principal))
    written = None
    if account_id is not None:
        people = build_profile(session, account_id, principal=principal, as_of=as_of).people
        written = next((one.style for one in people if one.contact_id == found.id), None)
    return Customer(found.name, found.id, account_id, written)


def rep_pages(
    session: Session, languages: Sequence[Language], *, principal: Principal
) -> list[StylePage]:
    """Return what is known of the caller; for the local owner, of everybody with decided drafts."""
    user_ids: list[int | None] = [principal.user_id]
    if principal.is_local_owner:
        user_ids += [one for one in authors(session, principal=principal) if one is not None]
    pages = []
    for user_id in user_ids:
        subject = Subject(user_id=user_id)
        name = name_of(session, user_id, principal=principal) if user_id is not None else None
        for language in languages:
            traits = rep_traits(session, subject, language, principal=principal)
            pages.append(StylePage(name or principal.name, subject.key, language, traits))
    return [page for page in pages if page.traits]


def customer_pages(
    session: Session, customer: Customer, languages: Sequence[Language], *, principal: Principal
) -> list[StylePage]:
    """Return what is known of how to write to a customer."""
    key = customer.subjects[0].key
    pages = [
        StylePage(
            customer.name,
            key,
            language,
            customer_traits(
                session,
                customer.subjects,
                language,
                style=customer.written,
                our_names=[principal.name],
                principal=principal,
            ),
        )
        for language in languages
    ]
    return [page for page in pages if page.traits]


def print_pages(pages: Sequence[StylePage]) -> None:
    """Print each page as a table; what a stronger origin covers is dimmed."""
    if not pages:
        out.print(f"[dim]{_NOTHING['en']}\n{_NOTHING['zh']}[/]")
    for page in pages:
        out.print(f"[bold]{escape(page.name)}[/] [dim]{page.subject} · {page.language}[/]")
        used = strongest(page.traits)
        table = Table(show_header=False, box=None, padding=(0, 1), pad_edge=False)
        table.add_column(overflow="fold")
        table.add_column(overflow="fold", style="dim")
        for trait in page.traits:
            what = escape(shown(trait, page.language))
            table.add_row(
                f"  {what}" if trait in used else f"  [dim]{what}[/]",
                escape(origin_in_words(trait, page.language)) + _drafts(trait),
            )
        out.print(table)


def print_guide(guide: CompanyGuide) -> None:
    """Print what a guide holds, in counts."""
    names = [name for name in (guide.name.en, guide.name.zh) if name]
    out.print(f"  {escape(' · '.join(names) or '—')}", highlight=False)
    for field, (english, chinese) in _PARTS.items():
        out.print(f"  {english} / {chinese}: {len(getattr(guide, field))}", highlight=False)


def _drafts(trait: Trait) -> str:
    if not trait.draft_ids:
        return ""
    more = "…" if len(trait.draft_ids) > _MOST_IDS else ""
    return f" ({', '.join(str(number) for number in trait.draft_ids[:_MOST_IDS])}{more})"
