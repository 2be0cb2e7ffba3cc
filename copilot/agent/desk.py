"""What the graph works with: the store, the index, the model and the names, built once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from sqlalchemy.orm import Session

from copilot.agent.approvals.effects import Effects
from copilot.agent.effects.internal import internal_effects
from copilot.agent.effects.mail_account import MailAccount
from copilot.agent.kinds import OutsideKinds
from copilot.grounding.entailment import Entailment
from copilot.llm.client import LanguageModel
from copilot.writers.company.guide import CompanyGuide
from crm.access.policy import Policy, load_policy
from crm.index.conversations import ConversationIndex
from crm.period import FiscalCalendar
from crm.principal import Principal
from crm.store import Store
from tools.names import NameIndex

CALLERS = 16
"""Of how many callers the names are held at a time."""


def _no_entailment() -> Entailment | None:
    return None


def _no_mailbox() -> MailAccount | None:
    return None


def _on_the_house(model: LanguageModel, _principal: Principal) -> LanguageModel:
    return model


def _welcome(_principal: Principal) -> None:
    return None


@dataclass
class Desk:
    """The graph's tools of trade; `model` is a function so that it is only loaded when needed.

    `judges_words` lets the model say which unknown words of a question are mere talk; a model too
    small for that must not, because a wrong yes ends in a wrong number. `words_all` lets it word
    what code could say in a draft. `guide` and `entailment`
    are read when a draft is written, not before. `meter` puts a model on the caller's account, and
    `admit` counts his questions, refusing too many. Without `declines` what is confidential is kept
    back by access alone. `effects` carry out what people approved by the rules of `policy`;
    `mailbox` is the one that drafts go out from. `kinds` guess what people outside ask.
    """

    store: Store
    index: ConversationIndex
    model: Callable[[], LanguageModel]
    calendar: FiscalCalendar = field(default_factory=FiscalCalendar)
    judges_words: bool = True
    words_all: bool = False
    guide: Callable[[], CompanyGuide] = CompanyGuide
    entailment: Callable[[], Entailment | None] = _no_entailment
    meter: Callable[[LanguageModel, Principal], LanguageModel] = _on_the_house
    admit: Callable[[Principal], None] = _welcome
    declines: bool = True
    effects: Callable[[], Effects] = internal_effects
    policy: Callable[[], Policy] = load_policy
    mailbox: Callable[[], MailAccount | None] = _no_mailbox
    kinds: OutsideKinds = field(default_factory=OutsideKinds)
    _names: dict[Principal, tuple[int, NameIndex]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def model_for(self, principal: Principal) -> LanguageModel:
        """Return the model, on this caller's account."""
        return self.meter(self.model(), principal)

    def names(self, session: Session, principal: Principal) -> NameIndex:
        """Return the names that this caller may know, read once while nothing was imported."""
        version = self.store.version(session)
        held = self._names.get(principal)
        if held is None or held[0] != version:
            held = (version, NameIndex.load(session, principal))
        with self._lock:
            # Who asked longest ago goes first: several callers take turns at one desk.
            self._names.pop(principal, None)
            self._names[principal] = held
            while len(self._names) > CALLERS:
                del self._names[next(iter(self._names))]
        return held[1]


@dataclass(frozen=True)
class Request:
    """Who asks and when: it comes from the surface and is never part of the state.

    `may_act` is False where it is asked as of another day: what would be done is done now.
    """

    principal: Principal
    as_of: datetime
    may_act: bool = True
