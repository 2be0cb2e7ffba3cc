"""Who signs a draft and who receives it, with everything that a letterhead shows of them."""

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from copilot.writers.company.guide import CompanyGuide
from copilot.writers.documents.content import Person
from copilot.writers.draft import Draft
from crm.access import readable, visible
from crm.access.fields import withhold
from crm.models import Account, Contact, User
from crm.principal import Principal


def sender_of(
    session: Session, draft: Draft, *, guide: CompanyGuide, principal: Principal
) -> Person:
    """Return who signs: the user of that name, with our company's name where the guide has one."""
    company = guide.name.in_language(draft.language) or guide.name.en or guide.name.zh or ""
    same = func.lower(User.name) == draft.sender.lower()
    statement = select(User).where(same).order_by(User.id)
    users = withhold(session.scalars(visible(statement, User, principal)), principal)
    user = next((one for one in users if one.id == principal.user_id), users[0] if users else None)
    if user is None:
        return Person(draft.sender, company=company)
    return Person(draft.sender, user.title or "", company, user.email or "")


def recipients_of(session: Session, draft: Draft, *, principal: Principal) -> tuple[Person, ...]:
    """Return the addressees, the contact among them with title, company and phone."""
    statement = (
        select(Contact, Account.name)
        .outerjoin(Account, and_(Account.id == Contact.account_id, readable(Account, principal)))
        .where(Contact.id == draft.contact_id)
    )
    row = session.execute(visible(statement, Contact, principal)).first()
    people = []
    for one in draft.to:
        if row is not None and row[0].name == one.name:
            (contact,), company = withhold([row[0]], principal), row[1]
            people.append(
                Person(
                    one.name,
                    contact.title or "",
                    company or "",
                    one.email or contact.email or "",
                    contact.phone or "",
                )
            )
        else:
            people.append(Person(one.name, email=one.email or ""))
    return tuple(people)
