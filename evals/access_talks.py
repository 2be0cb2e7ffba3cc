"""The surfaces of the access matrix that tell what was said, and what was made of it."""

from collections.abc import Iterator

from copilot.cli.searching import as_document
from copilot.grounding.pack.asked import DraftRequest
from copilot.grounding.pack.gather import gather_evidence
from copilot.writers.calls.reading import read_conversation as read_for_notes
from copilot.writers.proposals.evidence import gather as gather_for_proposal
from copilot.writers.proposals.proposal import ProposalRequest
from crm.index.conversations import ConversationIndex
from crm.index.filters import SearchFilters
from evals.access_bench import Bench
from evals.access_saying import said, serialise
from evals.access_world import NOW, SHARED
from ingest.identity.queue import list_decisions, list_questions
from tools.conversations import (
    LastArguments,
    ReadArguments,
    SearchArguments,
    TopicArguments,
    find_in_conversation,
    last_conversation,
    read_conversation,
    search_conversations,
)
from tools.notes import (
    FindCommitments,
    FindProposals,
    ReadNotes,
    find_commitments,
    find_proposals,
    read_notes,
)


def searches_by_words(bench: Bench) -> Iterator[str]:
    """The search of conversations by words alone, all of them and one by one."""
    yield from _searches(bench, ConversationIndex(bench.store))


def searches_by_meaning(bench: Bench) -> Iterator[str]:
    """The search of conversations by words and vectors."""
    yield from _searches(bench, bench.index)


def _searches(bench: Bench, index: ConversationIndex) -> Iterator[str]:
    filters = [SearchFilters(), SearchFilters(speaker="Speaker")]
    filters += [SearchFilters(account_id=number) for number in bench.ids("Account")]
    filters += [SearchFilters(conversation_id=number) for number in bench.ids("Conversation")]
    for each in filters:
        hits = index.search(
            bench.session, f"who needs the {SHARED}", principal=bench.principal, filters=each,
            limit=100,
        )  # fmt: skip
        yield serialise(as_document(hits, 0))


def conversations(bench: Bench) -> Iterator[str]:
    """The tools that find and read what was said."""
    everywhere = SearchArguments(text=SHARED, limit=20)
    yield bench.call(search_conversations, bench.index, everywhere)
    for number in bench.ids("Conversation"):
        topic = TopicArguments(conversation_id=number, topic=SHARED)
        read = ReadArguments(conversation_id=number)
        yield bench.call(find_in_conversation, bench.index, topic)
        yield bench.call(read_conversation, read)
    wanted = [LastArguments()]
    wanted += [LastArguments(account_id=number) for number in bench.ids("Account")]
    wanted += [LastArguments(opportunity_id=number) for number in bench.ids("Opportunity")]
    for last in wanted:
        yield bench.call(last_conversation, last)


def evidence(bench: Bench) -> Iterator[str]:
    """The evidence pack of a draft on every deal, account, contact and mail."""
    requests = [DraftRequest(opportunity_id=number) for number in bench.ids("Opportunity")]
    requests += [DraftRequest(account_id=number) for number in bench.ids("Account")]
    requests += [DraftRequest(contact_id=number) for number in bench.ids("Contact")]
    requests += [DraftRequest(reply_to=number) for number in bench.ids("Conversation")]
    for each in requests:
        yield bench.call(gather_evidence, bench.index, each, budget_tokens=5_000)


def proposals(bench: Bench) -> Iterator[str]:
    """What a proposal may rest on."""
    for number in bench.ids("Opportunity"):
        wanted = ProposalRequest(opportunity_id=number, language="en")
        yield said(gather_for_proposal, bench.session, wanted, principal=bench.principal, as_of=NOW)


def notes(bench: Bench) -> Iterator[str]:
    """Notes, promises and proposed changes."""
    for number in bench.ids("Conversation"):
        wanted = ReadNotes(conversation_id=number)
        yield bench.call(read_notes, wanted)
    yield bench.call(find_commitments, FindCommitments())
    yield bench.call(find_proposals, FindProposals())
    for number in bench.ids("Opportunity"):
        of_deal = FindProposals(entity="opportunity", entity_id=number)
        yield bench.call(find_proposals, of_deal)


def understanding(bench: Bench) -> Iterator[str]:
    """What is read in order to make notes on a conversation."""
    for number in bench.ids("Conversation"):
        yield said(read_for_notes, bench.session, number, bench.principal)


def identities(bench: Bench) -> Iterator[str]:
    """The open questions of who is who."""
    yield serialise(list_questions(bench.session, bench.principal, limit=100))


def decisions(bench: Bench) -> Iterator[str]:
    """Who was taken for whom."""
    yield serialise(list_decisions(bench.session, bench.principal, limit=100))
