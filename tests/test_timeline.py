from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import ValidationError

from crm.errors import BadInput, NotFound
from crm.facts import FactKind
from crm.models import (
    Activity,
    AmountChange,
    CloseDateChange,
    Opportunity,
    Quote,
    Stage,
    StageChange,
)
from crm.principal import Principal
from crm.store import Store
from tests.conversation_seed import add_account, add_conversation, add_user, sourced
from tests.statements import counted
from tools.timeline import (
    ActivityArguments,
    TimelineArguments,
    opportunity_timeline,
    recent_activity_and_gaps,
)


def day(number: int) -> datetime:
    return datetime(2026, 10, number, 12, tzinfo=UTC)


@pytest.fixture
def deal(store: Store) -> Store:
    with store.session() as session:
        add_account(session, 1, "Acme")
        add_user(session, 1, "Anna Berg")
        session.add(Stage(**sourced(1), name="Discovery", position=1, status="open"))
        session.add(Stage(**sourced(2), name="Negotiation", position=2, status="open"))
        session.flush()
        for number in (1, 2):
            session.add(
                Opportunity(
                    **sourced(number),
                    name=f"Deal {number}",
                    account_id=1,
                    stage_id=2,
                    currency="USD",
                )
            )
        session.flush()
        about = {"opportunity_id": 1}
        session.add_all(
            [
                StageChange(**sourced(1), **about, to_stage_id=1, changed_at=day(1)),
                StageChange(
                    **sourced(2), **about, from_stage_id=1, to_stage_id=2, changed_at=day(9)
                ),
                StageChange(**sourced(3), opportunity_id=2, to_stage_id=1, changed_at=day(2)),
                CloseDateChange(
                    **sourced(1),
                    **about,
                    from_on=date(2026, 11, 1),
                    to_on=date(2026, 12, 1),
                    changed_at=day(7),
                ),
                AmountChange(
                    **sourced(1), **about, from_minor=100_000, to_minor=250_000, changed_at=day(8)
                ),
                Quote(
                    **sourced(1),
                    **about,
                    number="Q-7",
                    status="sent",
                    total_minor=240_000,
                    currency="USD",
                    discount="0.04",
                    created_on=date(2026, 10, 12),
                ),
                Activity(
                    **sourced(1),
                    **about,
                    kind="meeting",
                    subject="Demo",
                    owner_id=1,
                    account_id=1,
                    occurred_at=day(5),
                ),
                Activity(
                    **sourced(2),
                    **about,
                    kind="task",
                    subject="Send contract",
                    account_id=1,
                    due_on=date(2026, 11, 2),
                ),
                Activity(
                    **sourced(3),
                    **about,
                    kind="task",
                    subject="Call back",
                    account_id=1,
                    due_on=date(2026, 11, 20),
                ),
                Activity(
                    **sourced(4),
                    **about,
                    kind="task",
                    subject="Old",
                    account_id=1,
                    due_on=date(2026, 10, 1),
                    done_at=day(3),
                ),
            ]
        )
        add_conversation(
            session,
            1,
            [("Bo", "Hi")],
            title="Pricing",
            opportunity_id=1,
            account_id=1,
            started_at=day(10),
        )
        add_conversation(
            session,
            2,
            [("Bo", "Hi")],
            title="Later",
            opportunity_id=1,
            account_id=1,
            started_at=datetime(2027, 1, 1, tzinfo=UTC),
        )
    return store


def test_a_deals_story_is_told_in_order_up_to_the_clock(
    deal: Store, owner: Principal, as_of: datetime
) -> None:
    with deal.session() as session:
        timeline = opportunity_timeline(
            session, TimelineArguments(opportunity_id=1), principal=owner, as_of=as_of
        )
    assert [fact.text for fact in timeline.facts] == [
        "2026-10-01: entered stage Discovery",
        '2026-10-03: task "Old"',
        '2026-10-05: meeting "Demo" by Anna Berg',
        "2026-10-07: expected close moved from 2026-11-01 to 2026-12-01 (30 days later)",
        "2026-10-08: amount changed from $1,000 to $2,500",
        "2026-10-09: stage moved from Discovery to Negotiation",
        '2026-10-10: call "Pricing"',
        "2026-10-12: quote Q-7: $2,400, discount 4%, sent",
    ]
    assert timeline.facts[2].kind is FactKind.ACTIVITY
    assert timeline.facts[6].source == "conversation:1"


def test_a_deals_story_is_told_in_chinese(deal: Store, owner: Principal, as_of: datetime) -> None:
    with deal.session() as session:
        timeline = opportunity_timeline(
            session,
            TimelineArguments(opportunity_id=1, limit=5),
            principal=owner,
            as_of=as_of,
            language="zh",
        )
    assert timeline.total == 8
    assert [event.text for event in timeline.events][:3] == [
        "2026-10-07: 预计成交日期从 2026-11-01 改为 2026-12-01（推迟 30 天）",
        "2026-10-08: 金额从 $1,000 改为 $2,500",
        "2026-10-09: 阶段从 Discovery 变为 Negotiation",
    ]


def test_no_such_deal_is_a_clear_error(store: Store, owner: Principal, as_of: datetime) -> None:
    with store.session() as session, pytest.raises(NotFound, match="404"):
        opportunity_timeline(
            session, TimelineArguments(opportunity_id=404), principal=owner, as_of=as_of
        )


@pytest.mark.parametrize("whose", [{"account_id": 1}, {"opportunity_id": 1}])
def test_silence_and_open_tasks_are_told(
    deal: Store, owner: Principal, as_of: datetime, whose: dict[str, int]
) -> None:
    with deal.session() as session:
        state = recent_activity_and_gaps(
            session, ActivityArguments(**whose, days=60), principal=owner, as_of=as_of
        )
    assert (state.last_contact_at, state.days_of_silence) == (day(10), 37)
    assert (state.conversations, state.open_tasks, state.overdue_tasks) == (1, 2, 1)
    assert state.next_planned_on == date(2026, 11, 20)
    assert [fact.text for fact in state.facts] == [
        'Last contact on 2026-10-10: call "Pricing"; days of silence as of 2026-11-16: 37',
        "Conversations in the last 60 days: 1",
        "Open tasks: 2, overdue: 1",
        'Open task "Send contract", due 2026-11-02, overdue',
        'Open task "Call back", due 2026-11-20',
    ]


def test_contacts_outside_the_window_do_not_count(
    deal: Store, owner: Principal, as_of: datetime
) -> None:
    with deal.session() as session:
        state = recent_activity_and_gaps(
            session, ActivityArguments(account_id=1, days=36), principal=owner, as_of=as_of
        )
    assert (state.conversations, state.days_of_silence) == (0, 37)


def test_an_activity_later_than_the_last_conversation_is_the_last_contact(
    deal: Store, owner: Principal, as_of: datetime
) -> None:
    with deal.session() as session:
        session.add(
            Activity(
                **sourced(9),
                kind="email",
                subject="Terms",
                account_id=1,
                occurred_at=as_of - timedelta(days=2),
            )
        )
    with deal.session() as session:
        state = recent_activity_and_gaps(
            session,
            ActivityArguments(account_id=1),
            principal=owner,
            as_of=as_of,
            language="zh",
        )
    expected = "最近一次联系：2026-11-14，邮件《Terms》；截至 2026-11-16 已有 2 天没有联系"
    assert state.facts[0].text == expected


def test_no_contact_at_all_is_said_so(deal: Store, owner: Principal, as_of: datetime) -> None:
    with deal.session() as session:
        state = recent_activity_and_gaps(
            session, ActivityArguments(opportunity_id=2), principal=owner, as_of=as_of
        )
    assert state.days_of_silence is None
    assert state.facts[0].text == "No contact is recorded up to 2026-11-16"


@pytest.mark.parametrize("whose", [{}, {"account_id": 1, "owner_id": 1}])
def test_exactly_one_must_be_asked_about(
    store: Store, owner: Principal, as_of: datetime, whose: dict[str, int]
) -> None:
    with store.session() as session, pytest.raises(BadInput, match="exactly one"):
        recent_activity_and_gaps(session, ActivityArguments(**whose), principal=owner, as_of=as_of)


def test_arguments_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValidationError):
        ActivityArguments(account_id=1, principal="admin")  # type: ignore[call-arg]


def test_a_long_story_costs_no_more_statements(
    deal: Store, owner: Principal, as_of: datetime
) -> None:
    ran = []
    for number in (1, 2):
        with deal.session() as session, counted(deal) as statements:
            opportunity_timeline(
                session, TimelineArguments(opportunity_id=number), principal=owner, as_of=as_of
            )
        ran.append(len(statements))
    assert ran == [7, 7]
