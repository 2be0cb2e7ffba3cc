"""The agent drafts when it is asked to: for whom, what came of it, and what it never claims."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from copilot.agent import drafting
from copilot.agent.contract import Answer, Status
from copilot.agent.recipients import Scope, find_person, newest_mail
from crm import models as m
from crm.errors import Ambiguous, NotFound, PermanentError, TransientError
from crm.principal import Principal
from crm.store import Store
from tests.agent_world import (
    ACME,
    ANNA,
    ANNA_ASKS,
    AS_OF,
    LINA,
    LINA_ASKS,
    STAR,
    SYNCED,
    Company,
)
from tests.draft_talk import Obedient, add_mails
from tools.names import NameIndex

OWNER = Principal.local_owner()
SENT = ("have sent", "was sent", "has been sent", "i sent", "已发送", "已经发送")


@pytest.fixture(scope="module")
def mailed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """The company with a mail each of Maria and 王伟, and three more contacts at two accounts."""
    store = Store.sqlite(tmp_path_factory.mktemp("drafts") / "crm.db")
    store.migrate()
    company = Company.build(store)
    with store.session() as session:
        add_mails(session)
        people = [
            (20, "Maria Santos", "Buyer", 5),
            (21, "王强", "销售经理", 5),
            (22, "Tom Gray", "CTO", 2),
        ]
        for number, name, title, account in people:
            session.add(
                m.Contact(
                    id=number, source="t", external_id=f"c{number}", synced_at=SYNCED,
                    name=name, title=title, account_id=account,
                )
            )  # fmt: skip
    yield company
    store.close()


@pytest.fixture
def company(mailed: Company) -> Company:
    mailed.model = Obedient()
    mailed.fresh(InMemorySaver())
    return mailed


def names(company: Company) -> NameIndex:
    with company.store.session() as session:
        return NameIndex.load(session, OWNER)


def claims_nothing(answer: Answer) -> bool:
    told = answer.sentences[-1].text.lower().replace("nothing has been sent", "")
    return not any(word in told for word in SENT)


def saved(company: Company) -> int:
    with company.store.session() as session:
        return session.scalar(select(func.count()).select_from(m.SavedDraft)) or 0


def test_a_reply_answers_the_newest_mail_of_the_person(company: Company) -> None:
    answer = company.ask("draft a reply to Maria Lopez's last mail")
    assert answer.status is Status.ANSWERED
    assert answer.draft is not None
    assert (answer.draft.kind, answer.draft.channel) == ("reply", "email")
    assert answer.draft.to == ["Maria Lopez <c1@buys.example>"]
    assert "Data location" in answer.interpretation
    assert answer.draft.body in answer.answer
    assert answer.draft.subject.startswith("Re:")
    assert "Maria" in answer.draft.body


def test_the_answer_has_the_facts_of_its_sentences(company: Company) -> None:
    answer = company.ask("draft a reply to Maria Lopez's last mail")
    known = {fact.id for fact in answer.facts}
    cited = {one for sentence in answer.sentences for one in sentence.facts}
    assert cited
    assert cited <= known
    assert any(fact.source.startswith("conversation:10") for fact in answer.facts)


def test_it_is_kept_and_the_number_is_told_and_nothing_is_sent(company: Company) -> None:
    answer = company.ask("nudge Maria Lopez about the SOC2 report")
    assert answer.draft is not None
    with company.store.session() as session:
        kept = session.get(m.SavedDraft, answer.draft.draft_id)
        assert kept is not None
    assert f"Draft {answer.draft.draft_id}; nothing has been sent" in answer.answer
    assert claims_nothing(answer)


def test_where_it_cannot_be_kept_nothing_is_claimed(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object, **__: object) -> int:
        raise OperationalError("insert", {}, Exception("attempt to write a readonly database"))

    monkeypatch.setattr(drafting, "save_draft", read_only)
    answer = company.ask("nudge Maria Lopez about the SOC2 report")
    assert answer.status is Status.ANSWERED
    assert answer.draft is not None
    assert answer.draft.draft_id is None
    assert "not kept" in answer.answer
    assert "accept" not in answer.answer


def test_chinese_wishes_are_answered_in_chinese(company: Company) -> None:
    answer = company.ask("回复王总最近的邮件")
    assert answer.draft is not None
    assert (answer.draft.kind, answer.draft.language) == ("reply", "zh")
    assert answer.draft.body.startswith("王总")
    assert "尚未发送" in answer.answer
    chat = company.ask("帮我给王总发个微信，回复一下付款条款")
    assert chat.draft is not None
    assert (chat.draft.channel, chat.draft.to) == ("wechat", ["王伟 <c2@buys.example>"])


def test_a_proposal_is_written_for_the_one_open_deal_of_the_account(company: Company) -> None:
    answer = company.ask("prepare a proposal for Acme Corp")
    assert answer.draft is not None
    assert (answer.draft.kind, answer.draft.opportunity_id) == ("proposal", 12)
    assert "draft proposal --deal 12" in answer.answer
    assert claims_nothing(answer)
    chinese = company.ask("为长城二期出一份建议书")
    assert chinese.draft is not None
    assert (chinese.draft.kind, chinese.draft.opportunity_id) == ("proposal", 14)


def test_a_proposal_without_an_open_deal_is_none(company: Company) -> None:
    answer = company.ask("给王伟写一份方案")
    assert answer.status is Status.NOT_FOUND
    assert "商机" in answer.answer
    assert company.model.asked == []


def test_several_people_of_a_name_are_asked_back_with_their_ids(company: Company) -> None:
    answer = company.ask("write an email to Tom Gray and Maria Lopez")
    assert answer.status is Status.AMBIGUOUS
    assert answer.candidates == ["Tom Gray", "Maria Lopez"]
    with company.store.session() as session:
        session.execute(text("update contacts set name = 'Maria Lopez' where id = 20"))
    try:
        twins = company.ask("write an email to Maria Lopez from Nowhere")
        # Only one of the two ever talked with us.
        assert twins.draft is not None
        assert twins.draft.contact_id == 1
        session_free = find_twice(company)
        assert [one.rpartition("(")[2] for one in session_free] == ["contact:1)", "contact:20)"]
    finally:
        with company.store.session() as session:
            session.execute(text("update contacts set name = 'Maria Santos' where id = 20"))


def find_twice(company: Company) -> list[str]:
    """The candidates where neither of two people ever talked with us."""
    with company.store.session() as session:
        session.execute(text("update participants set contact_id = null where contact_id = 1"))
        try:
            index = NameIndex.load(session, OWNER)
            with pytest.raises(Ambiguous) as error:
                find_person(session, "Maria Lopez", index, principal=OWNER)
        finally:
            session.execute(
                text("update participants set contact_id = 1 where email = 'c1@buys.example'")
            )
    return error.value.candidates


def test_the_name_asked_for_completes_the_wish(company: Company) -> None:
    back = company.ask("write an email to Globex about the beacon", thread="t")
    assert back.status is Status.AMBIGUOUS
    assert any("Globex Foods (account:3)" in one for one in back.candidates)
    first = company.ask("Globex Foods", thread="t")
    assert "Globex Foods" in first.interpretation
    company.ask("write an email to Globex about the beacon", thread="u")
    picked = company.ask("Globex Labs (account:2)", thread="u")
    assert "Globex Labs" in picked.interpretation


def test_a_wish_without_addressee_asks_for_one_and_goes_on(company: Company) -> None:
    back = company.ask("write an email", thread="t")
    assert back.status is Status.NOT_FOUND
    assert "For whom?" in back.answer
    assert company.model.asked == []
    answer = company.ask("Maria Lopez", thread="t")
    assert answer.draft is not None
    assert answer.draft.contact_id == 1


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("write an email to Zorblax", "Zorblax"),
        ("write an email to Anna Berg", "colleague"),
        ("reply to Tom Gray's last mail", "Tom Gray"),
        ("给赵总写封邮件", "赵总"),
    ],
)
def test_what_cannot_be_drafted_is_told_without_the_model(
    company: Company, question: str, named: str
) -> None:
    before = saved(company)
    answer = company.ask(question)
    assert answer.status is Status.NOT_FOUND
    assert named in answer.answer
    assert answer.draft is None
    assert company.model.asked == []
    assert saved(company) == before


def test_a_question_about_a_draft_drafts_nothing(company: Company) -> None:
    before = saved(company)
    for question in ("Has Maria Lopez replied to my draft?", "给王总写的方案发了吗？"):
        company.script(TransientError("asked as a question, which needs the model"))
        with suppress(TransientError):
            assert company.ask(question).draft is None, question
    assert saved(company) == before


def test_sending_is_still_declined(company: Company) -> None:
    answer = company.ask("send an email to Maria Lopez")
    assert answer.status is Status.DECLINED


def test_changes_are_made_to_the_draft_before(company: Company) -> None:
    first = company.ask("draft a reply to Maria Lopez's last mail", thread="t")
    assert first.draft is not None
    chinese = company.ask("in Chinese", thread="t")
    assert chinese.draft is not None
    assert (chinese.draft.language, chinese.draft.kind) == ("zh", "reply")
    slack = company.ask("make it a Slack message", thread="t")
    assert slack.draft is not None
    assert (slack.draft.channel, slack.draft.language) == ("slack", "zh")
    english = company.ask("in English please", thread="t")
    assert english.draft is not None
    assert (english.draft.channel, english.draft.language) == ("slack", "en")
    assert english.draft.contact_id == first.draft.contact_id


def test_shorter_is_shorter_and_formal_is_formal(company: Company) -> None:
    first = company.ask("draft an email to Maria Lopez", thread="t")
    short = company.ask("shorter", thread="t")
    formal = company.ask("more formal", thread="t")
    assert first.draft is not None
    assert short.draft is not None
    assert formal.draft is not None
    assert len(short.draft.body.split()) < len(first.draft.body.split())
    assert first.draft.body.startswith("Hi Maria")
    assert formal.draft.body.startswith("Dear Maria Lopez")


def test_a_change_without_a_draft_is_none(company: Company) -> None:
    company.ask("how many deals did Anna Berg win?", thread="t")
    company.script(TransientError("asked the model what it means"))
    with pytest.raises(TransientError):
        company.ask("shorter", thread="t")


def test_a_question_after_a_draft_is_answered_as_before(company: Company) -> None:
    company.ask("draft a reply to Maria Lopez's last mail", thread="t")
    answer = company.ask("how many deals did Anna Berg win?", thread="t")
    assert answer.draft is None
    assert next(fact.value for fact in answer.facts) == 3
    assert "draft" not in answer.model_dump(mode="json")


def test_pronouns_and_no_name_mean_who_was_just_spoken_of(company: Company) -> None:
    company.ask("draft a reply to Maria Lopez's last mail", thread="t")
    answer = company.ask("write her a nudge about the warranty", thread="t")
    assert answer.draft is not None
    assert (answer.draft.contact_id, answer.draft.kind) == (1, "nudge")


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ("draft a reply to Maria Lopez's last mail", "facts and quotations only"),
        ("给王伟写一封邮件，问他付款条款定了没有", "语言模型不可用"),
    ],
)
def test_a_draft_while_the_model_is_down_is_made_by_rules_and_says_so(
    company: Company, wish: str, said: str
) -> None:
    before = saved(company)
    company.script(*[TransientError("the endpoint is busy")] * 3)
    answer = company.ask(wish)
    assert answer.draft is not None
    assert answer.draft.without_model == "the endpoint is busy"
    assert said in answer.sentences[-1].text
    assert "the endpoint is busy" in answer.sentences[-1].text
    assert saved(company) == before + 1


def test_the_models_refusal_is_raised_and_nothing_is_kept(company: Company) -> None:
    before = saved(company)
    company.script(*[PermanentError("the endpoint refuses the key")] * 3)
    with pytest.raises(PermanentError, match="refuses the key"):
        company.ask("draft a reply to Maria Lopez's last mail")
    assert saved(company) == before


def test_steps_tell_how_far_the_writing_is(company: Company) -> None:
    steps: list[str] = []
    company.ask("draft a reply to Maria Lopez's last mail", on_step=steps.append)
    assert steps[:2] == ["plan", "act"]
    assert any(step.startswith("writing ") for step in steps)


def test_an_answer_with_a_draft_is_plain_json(company: Company) -> None:
    document = company.ask("nudge Maria Lopez about the SOC2 report").model_dump(mode="json")
    assert document["draft"]["contact_id"] == 1
    assert Answer.model_validate(document).draft is not None


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("Maria Lopez", 1),
        ("maria lopez", 1),
        ("Ms Lopez", 1),
        ("Marai Lopez", 1),
        ("c1@buys.example", 1),
        ("contact:22", 22),
        ("王伟", 2),
        ("王总", 2),
        ("王经理", 21),
    ],
)
def test_a_person_is_found_by_whatever_they_are_called(
    company: Company, said: str, found: int
) -> None:
    with company.store.session() as session:
        who = find_person(session, said, names(company), principal=OWNER)
    assert who.contact_id == found


def test_who_talks_with_us_is_meant_where_a_name_fits_several(company: Company) -> None:
    index = names(company)
    with company.store.session() as session:
        assert find_person(session, "Maria", index, principal=OWNER).contact_id == 1
        at_account = Scope(account_id=5)
        other = find_person(session, "Maria", index, principal=OWNER, scope=at_account)
        assert other.contact_id == 20
        assert find_person(session, "Maria", index, principal=OWNER, rather=20).contact_id == 20
        with pytest.raises(NotFound, match="Nobody"):
            find_person(session, "Nobody Atall", index, principal=OWNER)


def test_the_newest_mail_is_one_that_the_customer_wrote(company: Company) -> None:
    with company.store.session() as session:
        session.add(
            m.Conversation(
                id=30, source="t", external_id="ours", synced_at=SYNCED, kind="email",
                title="Ours", account_id=ACME, opportunity_id=12, owner_id=ANNA,
                content_sha256="f" * 64, started_at=AS_OF,
            )
        )  # fmt: skip
        session.flush()
        for at, (name, side, contact) in enumerate(
            [("Anna Berg", "ours", None), ("Maria Lopez", "customer", 1)]
        ):
            session.add(
                m.Participant(
                    conversation_id=30, position=at, name=name, side=side, contact_id=contact
                )
            )
        session.add(
            m.Segment(conversation_id=30, position=0, speaker="Anna Berg", text="Any news?")
        )
        session.flush()
        asked = {"principal": ANNA_ASKS, "as_of": AS_OF}
        assert newest_mail(session, contact_id=1, **asked) == 10  # type: ignore[arg-type]
        assert newest_mail(session, account_id=STAR, **asked) == 11  # type: ignore[arg-type]
        assert newest_mail(session, **asked) == 10  # type: ignore[arg-type]
        theirs = newest_mail(session, principal=LINA_ASKS, as_of=AS_OF)
        assert theirs == 11
        assert newest_mail(session, opportunity_id=1, **asked) is None  # type: ignore[arg-type]
        session.rollback()
    assert LINA != ANNA
