"""A small CRM, read into the store, and the desk at which changes to it are approved."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from copilot.agent.effects.connected import ConnectedCrms
from copilot.agent.effects.internal import internal_effects
from copilot.agent.effects.record_updates import update_payload
from crm.models import Account, Contact, EffectKind, Opportunity, User
from crm.principal import Principal
from crm.store import Store
from ingest.sources.hubspot import HubspotConfig, open_hubspot
from ingest.sources.salesforce import SalesforceConfig, open_salesforce
from tests.approval_world import NOW, Desk
from tests.hubspot_server import TOKEN
from tests.rest_server import secrets
from tests.salesforce_server import CLIENT_SECRET, REFRESH
from tests.source_sync import Sync
from tests.writing_servers import WritableHubspot, WritableSalesforce

STAGES = (
    ("Prospecting", False, False, 10),
    ("Proposal", False, False, 60),
    ("Closed Won", True, True, 100),
)


def salesforce() -> WritableSalesforce:
    """Return an organisation with one seller, one customer and one deal."""
    org = WritableSalesforce(now=NOW.replace(hour=8))
    for number, (name, is_closed, is_won, chance) in enumerate(STAGES, start=1):
        org.put(
            "OpportunityStage", f"01J{number}", ApiName=name, MasterLabel=name, SortOrder=number,
            IsClosed=is_closed, IsWon=is_won, DefaultProbability=chance,
        )  # fmt: skip
    org.put("User", "005A", Name="Ana Ortiz", Email="ana@ours.com", IsActive=True)
    org.put("Account", "001A", Name="Acme 有限公司", OwnerId="005A", Website="acme.com")
    org.put("Contact", "003A", Name="Priya Rao", Email="priya@acme.com", AccountId="001A")
    org.put("Opportunity", "006A", Name="Acme pilot", AccountId="001A", OwnerId="005A",
            StageName="Prospecting", Amount=1200.5, CloseDate="2026-12-01", NextStep="Call",
            LeadSource="Web")  # fmt: skip
    return org


def hubspot() -> WritableHubspot:
    """Return the same in an account of HubSpot."""
    hub = WritableHubspot(now=NOW.replace(hour=8))
    hub.owners.append(
        {"id": "71", "email": "ana@ours.com", "firstName": "Ana", "lastName": "Ortiz"}
    )
    hub.put("companies", "1", name="Acme 有限公司", domain="acme.com", hubspot_owner_id="71")
    hub.put("contacts", "2", firstname="Priya", lastname="Rao", email="priya@acme.com")
    hub.put("deals", "3", dealname="Acme pilot", dealstage="appointment", amount="1200.5",
            closedate="2026-12-01T09:00:00.000Z", hs_next_step="Call", hubspot_owner_id="71",
            hs_analytics_source="OFFLINE")  # fmt: skip
    hub.link("deals", "3", "companies", "1", "Primary")
    hub.link("deals", "3", "contacts", "2")
    return hub


@dataclass
class World:
    """One store, one connected CRM, and who approves."""

    desk: Desk
    server: Any
    source: Any
    sync: Sync
    open: Callable[..., Any]

    @property
    def deal(self) -> Opportunity:
        """Our copy of the deal."""
        with self.desk.store.session() as session:
            return session.scalars(select(Opportunity)).one()

    def connect(self, source: Any) -> None:
        """Carry out with this source."""
        self.source = source
        self.desk.effects = internal_effects(ConnectedCrms(lambda: {source.name: source}))

    def read(self) -> None:
        """Sync."""
        self.sync(self.source, self.server.now)
        assert self.sync.error is None, self.sync.error

    def there(self, name: str) -> Any:
        """What the CRM holds of the deal."""
        if self.source.kind == "salesforce":
            return self.server.records["Opportunity"]["006A"][name]
        return self.server.records["deals"]["3"]["properties"].get(name)

    def meanwhile(self, **values: str) -> None:
        """Let somebody change the deal in the CRM."""
        self.server.tick(minutes=1)
        is_salesforce = self.source.kind == "salesforce"
        name, record_id = ("Opportunity", "006A") if is_salesforce else ("deals", "3")
        self.server.put(name, record_id, **values)

    def change(self, fields: dict[str, str | None], key: str = "change") -> Any:
        """Propose a change of the deal, and approve it."""
        desk, who = self.desk, Principal.local_owner()
        with desk.store.session() as session:
            payload = update_payload(session, "opportunity", self.deal.id, fields, principal=who)
        return self.approved(EffectKind.UPDATE_RECORD, payload, key)

    def task(self, key: str = "task", **more: Any) -> Any:
        """Propose a task on the deal, and approve it."""
        said = {"subject": "Send the quote 报价", "due_on": "2026-11-20"}
        fields: dict[str, Any] = {**said, **self.ids(), **more}
        return self.approved(EffectKind.CREATE_TASK, fields, key)

    def approved(self, kind: EffectKind, payload: dict[str, Any], key: str) -> Any:
        """Propose anything, and approve it."""
        made = self.desk.propose("owner", kind, payload, key)
        self.desk.vote("owner", made)
        return made

    def ids(self) -> dict[str, int]:
        """The records' numbers here."""
        with self.desk.store.session() as session:
            return {
                "opportunity_id": session.scalars(select(Opportunity.id)).one(),
                "account_id": session.scalars(select(Account.id)).one(),
                "contact_id": session.scalars(select(Contact.id)).one(),
                "owner_id": session.scalars(select(User.id).where(User.source != "hr")).one(),
            }


def salesforce_source(
    url: str, *, write: bool = True, secret: str = CLIENT_SECRET, **more: Any
) -> Any:
    """Return the organisation as a source."""
    config = SalesforceConfig(
        login_url=url, client_id="app", client_secret="sf-secret", refresh_token="sf-refresh",
        currency="USD", write=write, **more,
    )  # fmt: skip
    known = secrets(**{"sf-secret": secret, "sf-refresh": REFRESH})
    return open_salesforce(config, name="sf", secret=known)


def hubspot_source(url: str, *, write: bool = True, secret: str = TOKEN, **more: Any) -> Any:
    """Return the account as a source."""
    config = HubspotConfig(token="hs-token", base_url=url, write=write, **more)
    return open_hubspot(config, name="hs", secret=secrets(**{"hs-token": secret}))


def make_world(store: Store, folder: Path, server: Any, opened: Callable[..., Any]) -> World:
    """Return a desk whose store holds what the server has."""
    desk = Desk(store, folder)
    desk.now = server.now.replace(hour=9)
    sync = Sync(store, Principal.local_owner(), folder / "rejects")
    world = World(desk, server, None, sync, opened)
    world.connect(opened(server.server.url))
    world.read()
    return world


KINDS: dict[str, tuple[Callable[[], Any], Callable[..., Any]]] = {
    "salesforce": (salesforce, salesforce_source),
    "hubspot": (hubspot, hubspot_source),
}


@contextmanager
def connected(kind: str, store: Store, folder: Path, deals: int = 1) -> Iterator[World]:
    """Yield a connected CRM with some deals."""
    make, opened = KINDS[kind]
    server = make()
    for number in range(1, deals):
        if kind == "salesforce":
            server.put("Opportunity", f"006B{number}", Name=f"Deal {number}", AccountId="001A",
                       StageName="Prospecting", Amount=5_000, CloseDate="2026-12-01",
                       NextStep="Call")  # fmt: skip
        else:
            server.put("deals", str(100 + number), dealname=f"Deal {number}", amount="5000",
                       dealstage="appointment", hs_next_step="Call")  # fmt: skip
    with server.server.running():
        yield make_world(store, folder, server, opened)
