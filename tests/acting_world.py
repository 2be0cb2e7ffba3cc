"""The small company with a desk that acts: its effects, a mailbox that counts, kept threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from langgraph.checkpoint.sqlite import SqliteSaver
from sqlalchemy import select

from copilot.agent.asking import ask, decide
from copilot.agent.contract import Answer
from copilot.agent.desk import Desk
from copilot.agent.effects.internal import internal_effects
from copilot.agent.effects.mail_account import MailAccount
from copilot.agent.graph import Graph, build_graph
from copilot.llm.client import LanguageModel
from crm.access.policy import Policy, load_policy
from crm.index.conversations import ConversationIndex
from crm.models import EffectKind, ProposedAction
from crm.principal import Principal
from crm.store import Store
from tests.agent_world import ANNA_ASKS, AS_OF, fill
from tests.approval_world import Delivery

OURS = "anna@sells.example"


class Postbox(Delivery):
    """A mailbox that takes whatever `Delivery` takes, by the subject of the mail."""

    def carry_out(
        self, session: Any, payload: Any, *, key: str, principal: Any, now: Any
    ) -> dict[str, Any]:
        to = ",".join(one["email"] for one in payload["to"])
        said = {"text": f"{to}: {payload['subject']}"}
        return super().carry_out(session, said, key=key, principal=principal, now=now)


class Actors:
    """The company, opened anew for every call as after a restart; Anna asks unless told."""

    def __init__(self, store: Store, folder: Path, model: LanguageModel | None = None) -> None:
        self.store, self.folder, self.model = store, folder, model
        self.post = Postbox(folder)
        self.policy: Policy = load_policy()

    @contextmanager
    def graph(self) -> Iterator[Graph]:
        """Yield the graph over the file of checkpoints."""
        effects = {**internal_effects(), EffectKind.SEND_MAIL: self.post}
        desk = Desk(
            self.store,
            ConversationIndex(self.store),
            self._model,
            effects=lambda: effects,
            policy=lambda: self.policy,
            mailbox=lambda: MailAccount(
                OURS, OURS, "word", smtp_host="mail.example", imap_host="mail.example"
            ),
        )
        with SqliteSaver.from_conn_string(str(self.folder / "threads.db")) as saver:
            yield build_graph(desk, saver)

    def ask(self, question: str, who: Principal = ANNA_ASKS, **more: Any) -> Answer:
        """Ask in the thread "t" at the frozen time."""
        with self.graph() as graph:
            return ask(graph, question, principal=who, as_of=AS_OF, thread_id="t", **more)

    def decide(self, answer: Answer, vote: str = "approve", who: Principal = ANNA_ASKS) -> Answer:
        """Decide on everything that the answer says waits."""
        decisions = [
            {"id": one.id, "payload_sha256": one.payload_sha256, "vote": vote, "reason": "so"}
            for one in answer.actions
        ]
        with self.graph() as graph:
            return decide(graph, decisions, principal=who, as_of=AS_OF, thread_id="t")

    def rows(self) -> list[ProposedAction]:
        """Return every action, the first first."""
        with self.store.session() as session:
            return list(session.scalars(select(ProposedAction).order_by(ProposedAction.id)))

    def payload(self, question: str, **more: Any) -> dict[str, Any]:
        """Return the payload of the one action that the question leads to."""
        answer = self.ask(question, **more)
        assert len(answer.actions) == 1, answer.answer
        return answer.actions[0].payload

    def _model(self) -> LanguageModel:
        assert self.model is not None, "no model is asked for what code reads"
        return self.model


def filled(store: Store) -> Store:
    """Return the store with the company in it."""
    fill(store)
    return store
