"""Linking names to the store, over a small company whose right answers are plain."""

from pathlib import Path

import pytest
import yaml
from sqlalchemy import event

from crm.models import Account, Alias, Contact, Opportunity, Product, Stage, User
from crm.principal import Principal
from crm.store import Store
from tools.names import NamedThing, NameIndex, NameMention, find_names, unknown_names

CASES = yaml.safe_load((Path(__file__).parent / "cases/names.yaml").read_text(encoding="utf-8"))
ENTITIES = {
    "owner": ["Anna Berg", "Ben Carter", "Anna Li", "王小明", "Svetlana Kovalenko"],
    "account": [
        "Acme East",
        "Acme West",
        "Concept",
        "Plus Group",
        "Hottechway",
        "Northern Lights Ltd",
        "Zoomzone GmbH",
        "Müller & Söhne AG",
        "深圳华锐科技有限公司",
        "上海明德医疗器械股份有限公司",
    ],
    "contact": ["Li Wei", "Li Wei", "Petra Novak", "陈晓东", "Maria Alvarez"],
    "product": ["GTX Pro", "GTX Plus Basic", "MG Special"],
    "team": ["East Team"],
    "territory": ["Pacific North"],
    "stage": ["Prospecting", "Closed Won"],
    "opportunity": ["Northern Lights rollout", "New business"],
}
VALUES = {
    "product_family": ["GTX"],
    "region": ["East", "West"],
    "industry": ["software", "medical", "technolgy", "telecommunications"],
    "country": ["United States"],
    "city": ["Berlin"],
    "source": ["Trade Show", "Email"],
    "lost_reason": ["Price"],
    "competitor": ["Initech"],
    "lead_status": ["New"],
    "case_priority": ["High"],
}


@pytest.fixture(scope="module")
def index() -> NameIndex:
    things = [
        NamedThing(dimension, number, name)
        for dimension, names in ENTITIES.items()
        for number, name in enumerate(names, start=1)
    ]
    things += [NamedThing("manager", 2, "Ben Carter")]
    things += [NamedThing(key, None, name) for key, names in VALUES.items() for name in names]
    return NameIndex(things, {("account", 6): ["北极光", "NLL"]})


def spelled(mention: NameMention) -> str:
    best = mention.candidates[0]
    return f"{best.dimension}:{best.name}{'?' if mention.ambiguous else ''}"


@pytest.mark.parametrize(("text", "names"), CASES["linked"])
def test_a_question_names_these_things(index: NameIndex, text: str, names: list[str]) -> None:
    assert [spelled(mention) for mention in find_names(text, index).mentions] == names


@pytest.mark.parametrize(("text", "names"), CASES["unknown"])
def test_names_that_nobody_has_are_reported(index: NameIndex, text: str, names: list[str]) -> None:
    assert unknown_names(text, find_names(text, index)) == names


def test_a_manager_is_a_candidate_for_owner_too(index: NameIndex) -> None:
    mention = find_names("Ben Carter's team", index).mentions[0]
    assert [thing.dimension for thing in mention.candidates] == ["owner", "manager"]
    assert not mention.ambiguous


def test_an_ambiguous_name_lists_its_candidates(index: NameIndex) -> None:
    mention = find_names("deals of Acme", index).mentions[0]
    assert {thing.name for thing in mention.candidates} == {"Acme East", "Acme West"}
    assert mention.ambiguous


def test_typing_errors_are_forgiven_and_said(index: NameIndex) -> None:
    right, wrong = (
        find_names(text, index).mentions[0] for text in ("Northern Lights", "Nothern Lights")
    )
    assert right.exact
    assert not wrong.exact
    assert wrong.score < right.score


def test_excluded_spans_are_not_looked_at(index: NameIndex) -> None:
    assert find_names("East", index, exclude_spans=[(0, 4)]).mentions == ()


def test_spans_point_into_the_original_text(index: NameIndex) -> None:
    text = "请看ＧＴＸ Ｐｒｏ的金额"
    mention = find_names(text, index).mentions[0]
    assert text[slice(*mention.span)] == mention.text == "ＧＴＸ Ｐｒｏ"


def test_a_question_of_fifty_thousand_characters_is_survived(index: NameIndex) -> None:
    text = "Anna Berg " + "x y 客户 " * 10_000
    assert spelled(find_names(text, index).mentions[0]) == "owner:Anna Berg"


def test_the_store_is_read_with_aliases_managers_and_few_queries(
    store: Store, owner: Principal, as_of: object
) -> None:
    def sourced(number: int) -> dict[str, object]:
        return {"source": "t", "external_id": str(number), "synced_at": as_of}

    with store.session() as session:
        boss = User(name="Ben Carter", **sourced(1))
        session.add(boss)
        session.flush()
        session.add_all(
            [
                User(name="Anna Berg", manager_id=boss.id, **sourced(2)),
                Account(name="Northern Lights Ltd", industry="software", **sourced(1)),
                Contact(name="Petra Novak", **sourced(1)),
                Product(name="GTX Pro", family="GTX", **sourced(1)),
                Stage(name="Prospecting", position=1, status="open", **sourced(1)),
                Alias(entity="account", entity_id=1, name="北极光"),
            ]
        )
        session.flush()
        session.add(
            Opportunity(
                name="Big one", stage_id=1, currency="USD", competitor="Initech", **sourced(1)
            )
        )
    statements: list[str] = []
    event.listen(
        store.engine, "before_cursor_execute", lambda *args: statements.append(str(args[2]))
    )
    with store.session() as session:
        index = NameIndex.load(session, owner)
    assert len(statements) <= 25
    text = "Ben Carter 北极光 Petra Novak, GTX, Prospecting, software, Initech"
    assert [spelled(mention) for mention in find_names(text, index).mentions] == [
        "owner:Ben Carter",
        "account:Northern Lights Ltd",
        "contact:Petra Novak",
        "product_family:GTX",
        "stage:Prospecting",
        "industry:software",
        "competitor:Initech",
    ]
    assert find_names("Ben Carter", index).mentions[0].candidates[1].dimension == "manager"


def test_reading_needs_a_principal(store: Store) -> None:
    with store.session() as session, pytest.raises(TypeError, match="Principal"):
        NameIndex.load(session, None)  # type: ignore[arg-type]
