"""Every way in which records reach a caller, as functions from a caller to serialised text."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from langgraph.checkpoint.memory import MemorySaver

from copilot.agent.approvals.listing import ActionFilter, list_actions, show_action
from copilot.agent.asking import ask
from copilot.agent.desk import Desk
from copilot.agent.graph import build_graph
from copilot.cli.pictures import Asked, list_kind, picture_of
from copilot.llm.client import LanguageModel
from copilot.writers.learning.keeping import list_drafts
from crm.access.policy import load_policy
from crm.errors import PermanentError
from crm.metrics.catalog import catalog
from crm.metrics.query import Filter, MetricQuery
from crm.metrics.run import rows_behind, run_metric
from evals import access_talks
from evals.access_bench import Bench, Surface
from evals.access_saying import said, serialise
from evals.access_world import NOW
from tools.attributes import attributes_of
from tools.metrics import MetricArguments, query_metric
from tools.names import NameIndex, find_names
from tools.profile import build_opportunity_profile, build_profile
from tools.records import (
    AttributeArguments,
    FindAccounts,
    FindContacts,
    FindOpportunities,
    GetRecord,
    find_accounts,
    find_contacts,
    find_opportunities,
    get_record,
    record_attribute,
)
from tools.timeline import (
    ActivityArguments,
    TimelineArguments,
    opportunity_timeline,
    recent_activity_and_gaps,
)
from tools.views import MODELS


def records(bench: Bench) -> Iterator[str]:
    """Every record by its id."""
    for entity, model in MODELS.items():
        for number in bench.ids(model.__name__):
            wanted = GetRecord(entity=entity, ref=str(number))
            yield bench.call(get_record, wanted)


def records_by_name(bench: Bench) -> Iterator[str]:
    """Every record by its external id, and by a name that is nearly right."""
    for entity, model in MODELS.items():
        for number in bench.ids(model.__name__):
            for ref in (f"{model.__name__}-{number}", f"nobody {number}"):
                wanted = GetRecord(entity=entity, ref=ref)
                yield bench.call(get_record, wanted, told=ref)


def attributes(bench: Bench) -> Iterator[str]:
    """Every field of every record."""
    for entity, model in MODELS.items():
        for number in bench.ids(model.__name__):
            for attribute in attributes_of(entity):
                wanted = AttributeArguments(entity=entity, id=number, attribute=attribute.name)
                yield bench.call(record_attribute, wanted)


def lists(bench: Bench) -> Iterator[str]:
    """Lists and searches of records, by words that stand in all of them."""
    find = {"text": "zq", "limit": 100}
    yield bench.call(find_accounts, FindAccounts(**find))
    yield bench.call(find_contacts, FindContacts(**find))
    for text in ("zy", "them.example"):
        wanted = FindContacts(text=text, limit=100)
        yield bench.call(find_contacts, wanted)
    yield bench.call(find_opportunities, FindOpportunities(**find))
    ids = tuple(bench.ids("Opportunity"))
    several = FindOpportunities(ids=ids, limit=100, order="amount")
    yield bench.call(find_opportunities, several)
    for entity in MODELS:
        asked = Asked(bench.session, bench.principal, NOW)
        yield said(list_kind, entity, asked, limit=100)


def pictures(bench: Bench) -> Iterator[str]:
    """What `show` shows: each record with the records around it."""
    asked = Asked(bench.session, bench.principal, NOW)
    for entity, model in MODELS.items():
        for number in bench.ids(model.__name__):
            yield said(picture_of, entity, str(number), asked)


def totals(bench: Bench) -> Iterator[str]:
    """Every measure over all records."""
    for measure in catalog().measures:
        yield _metric(bench, MetricQuery(measure=measure))


def groups(bench: Bench) -> Iterator[str]:
    """Every kind of record by every dimension, each with another of its measures."""
    of_kind: dict[str, list[str]] = {}
    for measure in catalog().measures.values():
        of_kind.setdefault(measure.entity, []).append(measure.name)
    for measures in of_kind.values():
        wanted = [one for one in catalog().dimensions_for(measures[0]) if one.kind in _GROUPED]
        for place, dimension in enumerate(wanted):
            measure_name = measures[place % len(measures)]
            yield _metric(bench, MetricQuery(measure=measure_name, by=(dimension.name,)))


def _metric(bench: Bench, query: MetricQuery) -> str:
    arguments = MetricArguments(query=query)
    return bench.call(query_metric, arguments)


def behind(bench: Bench) -> Iterator[str]:
    """The ids of the records behind every number."""
    for measure in catalog().measures:
        query = MetricQuery(measure=measure)
        yield bench.call(rows_behind, query)


def filters(bench: Bench) -> Iterator[str]:
    """Filters by names that are nearly right, which answer with the close ones, and by ids."""
    for name, model in _FILTERED:
        query = MetricQuery(
            measure="opportunities", filters=(Filter(dimension=name, values=("zq zq",)),)
        )
        yield bench.call(run_metric, query)
        for number in bench.ids(model):
            query = MetricQuery(
                measure="opportunities", filters=(Filter(dimension=name, values=(number,)),)
            )
            yield bench.call(run_metric, query)


_GROUPED = ("entity", "text", "choice")
_FILTERED = (
    ("account", "Account"), ("owner", "User"), ("team", "Team"), ("territory", "Territory"),
    ("stage", "Stage"), ("product", "Product"), ("opportunity", "Opportunity"),
)  # fmt: skip


def timelines(bench: Bench) -> Iterator[str]:
    """The story of every deal."""
    for number in bench.ids("Opportunity"):
        wanted = TimelineArguments(opportunity_id=number)
        yield bench.call(opportunity_timeline, wanted)


def gaps(bench: Bench) -> Iterator[str]:
    """The last contact and the open tasks of every account, deal and person of ours."""
    wanted = [ActivityArguments(account_id=number, days=90) for number in bench.ids("Account")]
    wanted += [
        ActivityArguments(opportunity_id=number, days=90) for number in bench.ids("Opportunity")
    ]
    wanted += [ActivityArguments(owner_id=number, days=90) for number in bench.ids("User")]
    for each in wanted:
        yield bench.call(recent_activity_and_gaps, each)


def account_profiles(bench: Bench) -> Iterator[str]:
    """The profile of every account."""
    return (bench.call(build_profile, one, limit=100) for one in bench.ids("Account"))


def deal_profiles(bench: Bench) -> Iterator[str]:
    """The profile of every deal."""
    deals = bench.ids("Opportunity")
    return (bench.call(build_opportunity_profile, one, limit=100) for one in deals)


def names(bench: Bench) -> Iterator[str]:
    """The names that a question may mean, and those found near a mistyped one."""
    index = NameIndex.load(bench.session, bench.principal)
    every = ("owner", "manager", "account", "contact", "team", "territory", "product", "stage",
             "opportunity", "product_family", "region", "industry", "country", "city", "source",
             "lost_reason", "competitor", "forecast_category", "lead_status", "case_category",
             "case_status", "case_priority")  # fmt: skip
    yield serialise(index.things(*every))
    for mark in sorted(bench.world.marks):
        linked = find_names(f"how is Company {mark} doing", index)
        yield serialise([one.candidates for one in linked.mentions])


def drafts(bench: Bench) -> Iterator[str]:
    """The caller's drafts."""
    rows = list_drafts(bench.session, principal=bench.principal, limit=100)
    yield serialise([(row.id, row.recipient, row.payload) for row in rows])


def actions(bench: Bench) -> Iterator[str]:
    """The actions that wait for people, and each by its number."""
    scopes = bench.principal.scopes
    asked: dict[str, Any] = {
        "policy": scopes[0].policy if scopes else load_policy(), "principal": bench.principal,
        "now": NOW,
    }  # fmt: skip
    yield said(list_actions, bench.session, ActionFilter(), **asked)
    for number in sorted(
        number for kind, number in bench.world.marks.values() if kind == "ProposedAction"
    ):
        yield said(show_action, bench.session, number, **asked)


def answers(bench: Bench) -> Iterator[str]:
    """Questions in words that are answered without a model."""
    graph = build_graph(Desk(bench.store, bench.index, _no_model), MemorySaver())
    for question in _QUESTIONS:
        yield said(ask, graph, question, **bench.by)


def _no_model() -> LanguageModel:
    raise PermanentError("this question would take a model")


_QUESTIONS = (
    "how many open opportunities are there", "pipeline by account", "won amount by owner",
    "open opportunities by stage", "how many contacts by account", "average discount",
    "list the open deals", "win rate by team", "how many cases by account",
    "本季度成交金额是多少？", "各客户的商机数量",
)  # fmt: skip

SURFACES: Mapping[str, Surface] = {
    "record": records,
    "record by name": records_by_name,
    "attribute": attributes,
    "lists": lists,
    "show": pictures,
    "search by words": access_talks.searches_by_words,
    "search by meaning": access_talks.searches_by_meaning,
    "conversation tools": access_talks.conversations,
    "metric totals": totals,
    "metric groups": groups,
    "rows behind": behind,
    "metric filters": filters,
    "timeline": timelines,
    "gaps": gaps,
    "account profile": account_profiles,
    "deal profile": deal_profiles,
    "evidence pack": access_talks.evidence,
    "proposal evidence": access_talks.proposals,
    "notes": access_talks.notes,
    "understanding": access_talks.understanding,
    "identities": access_talks.identities,
    "decisions": access_talks.decisions,
    "names": names,
    "drafts": drafts,
    "actions": actions,
    "answers": answers,
}


def outputs(surface: str, bench: Bench) -> str:
    """Return everything that a caller reads on a surface."""
    found: Iterable[str] = SURFACES[surface](bench)
    return "\n".join(found)
