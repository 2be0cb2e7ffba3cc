"""How a customer profile looks on a terminal: what matters before a call first, sources short."""

from collections.abc import Iterable, Sequence

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from copilot.cli.console import out
from crm.facts import Fact
from crm.models import Side
from crm.money import format_money
from tools.deal_events import ACTIVITY_WORDS
from tools.profile.labels import (
    FORMALITY,
    STANCES,
    TOPICS,
    URGENCY,
    WORDS,
    plain,
    short_source,
)
from tools.profile.model import (
    Basis,
    Contradiction,
    CustomerProfile,
    DealPicture,
    Known,
    Matter,
    Money,
    Person,
    Scope,
    Topic,
    Touch,
    Urgency,
    WritingStyle,
)
from tools.spoken import shorten
from tools.views import STATUS_WORDS

_QUOTE = 40.0
_UNSURE = 0.7
_LONG_SILENCE = 21
_SHOWN = 6
_SHORT = (Topic.COMPETITOR, Topic.BUDGET, Topic.TIMELINE)
_LEAD = ("industry", "city", "country")
_URGENT = {Urgency.OVERDUE: "bold red", Urgency.DUE: "yellow", Urgency.LIKELY_DONE: "dim"}
_STANCE_STYLE = {"champion": "green", "blocker": "bold red", "critical": "yellow"}


def print_profile(profile: CustomerProfile) -> None:
    """Print a profile; sections stand only where there is something to say."""
    _Page(profile).print()


class _Page:
    def __init__(self, profile: CustomerProfile) -> None:
        self._profile = profile
        self._language = profile.language
        self._words = WORDS[profile.language]
        self._today = profile.as_of.date()
        self._deals = {deal.opportunity_id: deal.name for deal in profile.deals}
        # Most evidence is on the one deal that is open: only others are named beside it.
        open_ids = [deal.opportunity_id for deal in profile.deals if deal.status == "open"]
        self._main = open_ids[0] if len(open_ids) == 1 else profile.id
        self._is_account = profile.scope is Scope.ACCOUNT
        self._said: list[str] = []

    def print(self) -> None:
        if self._is_account:
            self._head()
        self._now()
        if self._is_account:
            self._deal_list()
        self._contradictions()
        self._matters("commitments", self._profile.commitments)
        self._matters("questions", self._profile.questions)
        self._people()
        self._told()
        self._style(self._profile.style)
        self._service()
        self._recent()
        self._foot()

    def _head(self) -> None:
        profile, words = self._profile, self._words
        fields = {field.name: field for field in profile.company}
        title = Text(plain(profile.name), "bold")
        title.append(f"  {words['account']} {profile.id}", "dim")
        out.print(title)
        lead = [fields[name].known.text for name in _LEAD if name in fields]
        if "employees" in fields:
            lead.append(words["employees"].format(count=fields["employees"].known.text))
        if lead:
            out.print(Text("  " + " · ".join(plain(part) for part in lead)))
        rest = [f for f in profile.company if f.name not in (*_LEAD, "employees")]
        joint = "：" if self._language == "zh" else " "
        shown = [f"{field.label}{joint}{plain(field.known.text)}" for field in rest]
        if shown:
            out.print(Padding(Text(" · ".join(shown), "dim"), (0, 0, 0, 2)))

    def _now(self) -> None:
        """Print where things stand: contact, whose turn it is, what is planned, money."""
        contact, words = self._profile.contact, self._words
        rows: list[tuple[str, Text]] = []
        if contact.last is not None:
            rows.append((words["last"], self._touch(contact.last)))
            rows += self._each_way()
        if contact.waiting is not None and contact.days_of_silence is not None:
            key = "waiting_ours" if contact.waiting is Side.OURS else "waiting_customer"
            style = "bold red" if contact.waiting is Side.OURS else "yellow"
            text = words[key].format(days=self._days(contact.days_of_silence))
            rows.append((words["turn"], Text(text, style)))
        rows += [(words["planned"], self._line(known, day=True)) for known in contact.planned[:2]]
        if self._is_account:
            rows += [(words["money"], Text(self._money(money))) for money in self._profile.money]
        if contact.last is None:
            rows.insert(0, (words["last"], Text(words["never"], "yellow")))
        self._section(words["now"], rows)

    def _each_way(self) -> list[tuple[str, Text]]:
        """Return when each side was last heard, where the last contact does not tell."""
        contact, words = self._profile.contact, self._words
        found = []
        for key, touch in (("heard", contact.last_heard), ("sent", contact.last_sent)):
            if touch is not None and contact.last is not None and touch != contact.last:
                found.append((words[key], self._touch(touch)))
        return found

    def _touch(self, touch: Touch) -> Text:
        day = touch.happened_at.date()
        ago = (self._today - day).days
        text = Text(f"{day} ")
        style = "yellow" if ago > _LONG_SILENCE else "green"
        text.append(self._words["ago"].format(days=self._days(ago)), style)
        kind = ACTIVITY_WORDS[self._language].get(touch.kind, touch.kind)
        who = f" · {plain(touch.who)}" if touch.who else ""
        text.append(f" {kind} “{plain(touch.title)}”{who}")
        return text.append_text(self._sources(touch.facts))

    def _money(self, money: Money) -> str:
        return self._words["money_line"].format(
            open=money.open_deals,
            open_sum=format_money(money.open_minor, money.currency),
            won=money.won_deals,
            won_sum=format_money(money.won_minor, money.currency),
            lost=money.lost_deals,
        )

    def _contradictions(self) -> None:
        rows = [self._contradiction(each) for each in self._profile.contradictions]
        self._section(self._words["contradictions"], rows, total="contradictions")

    def _contradiction(self, one: Contradiction) -> tuple[str, Text]:
        text = Text()
        if one.about and self._is_account and one.opportunity_id != self._main:
            text.append(f"{plain(one.about)}\n", "dim")
        for place, known in enumerate(one.values):
            if place:
                text.append("\n")
            text.append(plain(known.text), "bold" if place == 0 else "")
            text.append_text(self._origin(known))
        return one.label, text

    def _matters(self, name: str, matters: Sequence[Matter]) -> None:
        rows: list[tuple[str, Text]] = []
        for matter in matters[:_SHOWN]:
            key = "we" if matter.known.side is not Side.CUSTOMER else "they"
            rows.append((self._words[f"{name}_{key}"], self._matter(matter)))
        self._section(self._words[name], rows, total=name)

    def _matter(self, matter: Matter) -> Text:
        text = Text()
        if matter.due_on is not None:
            style = _URGENT.get(matter.urgency, "")
            text.append(f"{matter.due_on} {self._urgency(matter)} ", style)
        elif matter.urgency is Urgency.LIKELY_DONE:
            text.append(f"{URGENCY[self._language][matter.urgency]} ", "dim")
        text.append_text(self._line(matter.known, deal=True))
        if matter.settled_by:
            text.append(f"\n{self._words['settled']} ", "dim")
            text.append_text(self._sources(matter.settled_by))
        return text

    def _urgency(self, matter: Matter) -> str:
        words = URGENCY[self._language]
        if matter.urgency is Urgency.OVERDUE:
            return words[Urgency.OVERDUE].format(days=self._days(-(matter.days or 0)))
        if matter.urgency is Urgency.DUE and matter.days == 0:
            return words["today"]
        return words[matter.urgency].format(days=self._days(matter.days or 0))

    def _deal_list(self) -> None:
        deals = [deal for deal in self._profile.deals if deal.status == "open"][:_SHOWN]
        closed = [deal for deal in self._profile.deals if deal.status != "open"]
        deals += closed[: max(1, _SHOWN - len(deals) - 2)] if closed else []
        rows = [(f"{deal.opportunity_id}", self._deal(deal)) for deal in deals]
        self._section(self._words["deals"], rows, total="deals")

    def _deal(self, deal: DealPicture) -> Text:
        words = self._words
        is_open = deal.status == "open"
        text = Text(plain(deal.name), "bold" if is_open else "")
        stage = plain(deal.stage)
        status = STATUS_WORDS[self._language].get(deal.status, deal.status)
        if not is_open and status.casefold() not in stage.casefold():
            stage += f"（{status}）" if self._language == "zh" else f" ({status})"
        colour = {"won": "green", "lost": "dim"}.get(deal.status, "cyan")
        text.append(" · ").append(stage, colour)
        if deal.amount_minor is not None:
            text.append(f" · {format_money(deal.amount_minor, deal.currency)}")
        day = deal.expected_close_on if is_open else deal.closed_on
        if day is not None:
            key = ("close_late" if deal.is_overdue else "close") if is_open else "closed"
            text.append(" · " + words[key].format(day=day), "bold red" if deal.is_overdue else "")
        if is_open and deal.pushes:
            text.append(
                " · " + words["pushed"].format(count=deal.pushes, days=deal.pushed_days), "yellow"
            )
        if is_open:
            self._deal_more(text, deal)
        return text

    def _deal_more(self, text: Text, deal: DealPicture) -> None:
        words = self._words
        more = [", ".join(plain(name) for name in deal.products)]
        if deal.next_step:
            more.append(words["next_step"].format(text=plain(deal.next_step)))
        if deal.quotes:
            more.append(plain(deal.quotes[0].text))
        shown = [part for part in more if part]
        if shown:
            text.append("\n" + " · ".join(shown), "dim")

    def _people(self) -> None:
        shown = [
            person
            for person in self._profile.people
            if person.roles or person.conversations or person.stance
        ]
        shown = shown or list(self._profile.people)
        rows = [("", self._person(person)) for person in shown[:_SHOWN]]
        self._section(self._words["people"], rows, total="people")

    def _person(self, person: Person) -> Text:
        words = self._words
        text = Text(plain(person.name), "bold")
        if person.title:
            mark = ", " if self._language == "en" else " "
            text.append(mark + plain(person.title))
        roles = [known for known in person.roles if known.text != person.stance]
        for place, known in enumerate(roles[:3]):
            mark = "?" if known.basis is Basis.SAID else ""
            style = _STANCE_STYLE.get(known.value or "", "cyan")
            text.append(" · " if not place else ", ").append(f"{plain(known.text)}{mark}", style)
        if person.stance is not None and person.stance.value not in {k.value for k in roles}:
            text.append(" · ").append(
                STANCES[self._language][person.stance], _STANCE_STYLE[person.stance]
            )
        if person.contact_id is None:
            text.append(" · ").append(words["unknown"], "yellow")
        if person.last_heard_at is not None:
            ago = (self._today - person.last_heard_at.date()).days
            text.append(" · " + words["heard_ago"].format(days=self._days(ago)))
        elif person.conversations:
            text.append(" · " + words["silent"], "yellow")
        reach = " · ".join(plain(each) for each in (person.email, person.phone) if each)
        if reach:
            text.append(f"\n{reach}", "dim")
        return text

    def _told(self) -> None:
        for topic, known in self._profile.told.items():
            new = [each for each in known if topic in _SHORT or not self._was_said(each)]
            rows = [("", self._line(each, deal=True)) for each in new[: _SHOWN - 1]]
            hidden = len(known) - len(new)
            self._section(TOPICS[self._language][topic], rows, total=topic.value, hidden=hidden)

    def _was_said(self, known: Known) -> bool:
        """Say whether the words stand further up: an objection may be a criterion too."""
        text = plain(known.text).casefold()
        if any(text in said for said in self._said):
            return True
        self._said.append(text)
        return False

    def _line(self, known: Known, *, day: bool = False, deal: bool = False) -> Text:
        text = Text(f"{known.value} " if day and known.value else "")
        text.append(plain(shorten(known.text, (), _QUOTE)))
        text.append_text(self._origin(known))
        name = self._deals.get(known.opportunity_id or 0)
        if deal and name and self._is_account and known.opportunity_id != self._main:
            text.append(f" · {plain(name)}", "dim")
        return text

    def _origin(self, known: Known) -> Text:
        """Return who said it when and where, unsure ones marked, all in little."""
        parts = [plain(known.who)] if known.who else []
        if known.known_on is not None:
            parts.append(f"{known.known_on}")
        if known.basis is Basis.RECORDED:
            parts.append("CRM")
        elif known.confidence < _UNSURE:
            parts.append(self._words["unsure"])
        text = Text("  " + " · ".join(parts), "dim") if parts else Text()
        return text.append_text(self._sources(known.facts))

    def _sources(self, facts: Iterable[Fact]) -> Text:
        shown = list(dict.fromkeys(short_source(fact, self._language) for fact in facts))
        more = f" +{len(shown) - 2}" if len(shown) > 2 else ""
        return Text("  [" + ", ".join(shown[:2]) + more + "]", "dim blue") if shown else Text()

    def _style(self, style: WritingStyle | None) -> None:
        if style is None:
            return
        words = self._words
        rows = [("", self._style_line(style, None))]
        for person in self._profile.people:
            if person.style is not None and style.mails > person.style.mails:
                rows.append(("", self._style_line(person.style, person.name)))
        self._section(words["style"], rows[: _SHOWN - 1])

    def _style_line(self, style: WritingStyle, who: str | None) -> Text:
        words = self._words
        parts = [
            words[f"language_{style.language}"],
            FORMALITY[self._language].get(style.formality, style.formality),
            words[f"length_{style.language}"].format(count=style.words),
        ]
        if style.greeting:
            parts.append(words["greets"].format(text=plain(style.greeting)))
        if style.sign_off:
            parts.append(words["signs"].format(text=plain(style.sign_off)))
        text = Text(f"{plain(who)}: " if who else "", "bold")
        text.append(" · ".join(parts), "")
        text.append("  " + words["mails"].format(count=style.mails), "dim")
        return text.append_text(self._sources(style.facts))

    def _service(self) -> None:
        service, words = self._profile.service, self._words
        rows: list[tuple[str, Text]] = [
            (words["open_case"], self._case(known)) for known in service.open_cases[:_SHOWN]
        ]
        if service.recent_total:
            key = "cases" if service.satisfaction is not None else "cases_unscored"
            text = words[key].format(
                count=service.recent_total,
                score=f"{service.satisfaction or 0:.1f}",
                scores=service.scores,
                days=service.days,
            )
            rows.append(("", Text(text)))
        self._section(words["service"], rows)

    def _case(self, known: Known) -> Text:
        return Text(plain(known.text), "yellow").append_text(self._sources(known.facts))

    def _recent(self) -> None:
        contact = self._profile.contact
        earlier = [touch for touch in contact.recent if touch != contact.last]
        rows = [("", self._touch(touch)) for touch in earlier[: _SHOWN - 1]]
        self._section(self._words["recent"], rows)

    def _foot(self) -> None:
        coverage, words = self._profile.coverage, self._words
        notes = [words["coverage"].format(count=coverage.conversations, day=self._today)]
        if coverage.looked_at < coverage.conversations:
            notes.append(words["looked_at"].format(count=coverage.looked_at))
        if coverage.unread:
            notes.append(words["unread"].format(count=coverage.unread))
        out.print()
        out.print(Text(" · ".join(notes), "dim"))

    def _section(
        self,
        title: str,
        rows: Sequence[tuple[str, Text]],
        *,
        total: str | None = None,
        hidden: int = 0,
    ) -> None:
        if not rows:
            return
        count = self._profile.totals.get(total, 0) - hidden if total else 0
        head = Text(f"\n{title}", "bold cyan")
        if count > len(rows):
            head.append(" · " + self._words["of"].format(shown=len(rows), total=count), "dim")
        out.print(head)
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column(width=1)
        has_labels = any(label for label, _ in rows)
        if has_labels:
            table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold", ratio=1)
        for label, text in rows:
            table.add_row("·", *([Text(plain(label))] if has_labels else []), text)
        out.print(table)

    def _days(self, count: int) -> str:
        return self._words["day" if count == 1 else "days"].format(count=count)
