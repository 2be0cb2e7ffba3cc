"""Metric answers by plain loops over Python objects; shares nothing with the metrics layer."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from statistics import median
from typing import Any

from crm import models as m
from tests.metrics_world import AS_OF, World

TODAY = AS_OF.date()
DIGITS = {"USD": 2, "JPY": 0, "KWD": 3}
RATES = ("win_rate", "loss_rate", "stage_conversion", "lead_conversion_rate", "average_discount")


@dataclass
class Row:
    """One thing counted: its value, weight and currency, what it is of, and its dates."""

    id: Any
    value: Any
    currency: str
    dims: dict[str, Any]
    dates: dict[str, date | None]
    numbers: dict[str, Any]
    weight: Any = 1


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _people(
    world: World, owner_id: int | None, account_id: int | None, deal: Any
) -> dict[str, Any]:
    owner, account = world.by_id(m.User, owner_id), world.by_id(m.Account, account_id)
    dims: dict[str, Any] = {"owner": owner_id, "account": account_id}
    dims["manager"] = owner and owner.manager_id
    dims["team"] = owner and owner.team_id
    for name in ("industry", "country", "city"):
        dims[name] = account and getattr(account, name)
    dims["parent_account"] = account and account.parent_id
    if deal is not None:
        status = world.by_id(m.Stage, deal.stage_id).status
        dims |= {"opportunity": deal.id, "stage": deal.stage_id, "status": status}
        dims |= {"source": deal.lead_source, "currency": deal.currency}
        for name in ("lost_reason", "competitor", "forecast_category"):
            dims[name] = getattr(deal, name)
    return dims


def _place(world: World, dims: dict[str, Any], *territories: Any) -> dict[str, Any]:
    number = _first(*territories)
    place = world.by_id(m.Territory, number)
    return dims | {"territory": number, "region": place and place.region}


def _of(row: Any, name: str) -> Any:
    return getattr(row, name) if row is not None else None


def _numbers(world: World, account_id: int | None, deal: Any) -> dict[str, Any]:
    account = world.by_id(m.Account, account_id)
    found = {name: _of(account, name) for name in ("employees", "founded_year")}
    revenue = _of(account, "annual_revenue_minor")
    found["annual_revenue"] = (
        None if revenue is None else Fraction(revenue, 10 ** DIGITS[account.currency])
    )
    if deal is not None:
        minor = deal.amount_minor
        found["amount"] = None if minor is None else Fraction(minor, 10 ** DIGITS[deal.currency])
        found["stage_age_days"] = stage_age(world, deal)
        quotes = [q.discount for q in world.all(m.Quote) if q.opportunity_id == deal.id]
        found["discount"] = max(quotes) if quotes else None
    return found


def stage_age(world: World, deal: Any) -> int | None:
    moves = [
        change.changed_at
        for change in world.all(m.StageChange)
        if change.opportunity_id == deal.id and change.changed_at <= AS_OF
    ]
    since = max(moves).date() if moves else deal.opened_on
    return None if since is None else (TODAY - since).days


def _deal_dims(world: World, deal: Any) -> dict[str, Any]:
    owner, account = world.by_id(m.User, deal.owner_id), world.by_id(m.Account, deal.account_id)
    dims = _people(world, deal.owner_id, deal.account_id, deal)
    places = deal.territory_id, _of(owner, "territory_id"), _of(account, "territory_id")
    return _place(world, dims, *places)


def _deal_dates(deal: Any) -> dict[str, date | None]:
    return {
        "opened": deal.opened_on,
        "closed": deal.closed_on,
        "expected_close": deal.expected_close_on,
    }


def _pieces(world: World, deal: Any, by_product: bool) -> list[tuple[Any, int | None]]:
    lines = [line for line in world.all(m.OpportunityLine) if line.opportunity_id == deal.id]
    if not by_product or not lines:
        return [(None, deal.amount_minor)]
    if len(lines) == 1 and lines[0].amount_minor is None:
        return [(lines[0].product_id, deal.amount_minor)]
    return [(line.product_id, line.amount_minor) for line in lines]


STATUSES = {
    "open_opportunities": "open", "pipeline": "open", "weighted_pipeline": "open",
    "average_open_amount": "open", "stage_age_days": "open",
    "won_deals": "won", "won_amount": "won", "average_deal_size": "won", "customers": "won",
    "median_deal_size": "won", "largest_deal": "won", "smallest_deal": "won",
    "sales_cycle_days": "won", "lost_deals": "lost", "lost_amount": "lost",
    "win_rate": "won lost", "loss_rate": "won lost", "closed_deals": "won lost",
}  # fmt: skip
LINE_SUMS = (
    "amount", "pipeline", "weighted_pipeline", "won_amount", "lost_amount", "average_deal_size",
    "average_open_amount", "median_deal_size", "largest_deal", "smallest_deal", "slipped_amount",
)  # fmt: skip


def slipped(world: World, deal: Any, period: Any) -> bool:
    is_open = world.by_id(m.Stage, deal.stage_id).status == "open"
    expected, moved = deal.expected_close_on, False
    for change in world.all(m.CloseDateChange):
        if change.opportunity_id != deal.id or change.changed_at > AS_OF or change.from_on is None:
            continue
        if period is None:
            moved = moved or change.to_on > change.from_on
        elif period.contains(change.from_on) and change.to_on > period.end:
            moved = True
    passed = is_open and expected is not None and expected < TODAY
    if period is None:
        return moved or passed
    closed_inside = deal.closed_on is not None and period.contains(deal.closed_on)
    return (moved and not closed_inside) or (passed and period.contains(expected))


def deal_rows(  # noqa: C901 - one plain loop on purpose
    world: World, name: str, by_product: bool, period: Any
) -> list[Row]:
    rows = []
    for deal in world.all(m.Opportunity):
        stage = world.by_id(m.Stage, deal.stage_id)
        if name.startswith("slipped"):
            if not slipped(world, deal, period):
                continue
        elif stage.status not in STATUSES.get(name, "open won lost"):
            continue
        for product_id, minor in _pieces(world, deal, by_product):
            value: Any = 1
            if name in LINE_SUMS:
                value = minor
            if name == "weighted_pipeline":
                chance = stage.probability
                value = None if None in (minor, chance) else minor * Fraction(chance)
            elif name == "win_rate":
                value = int(stage.status == "won")
            elif name == "loss_rate":
                value = int(stage.status == "lost")
            elif name == "sales_cycle_days":
                has_both = deal.closed_on and deal.opened_on
                value = (deal.closed_on - deal.opened_on).days if has_both else None
            elif name == "stage_age_days":
                value = stage_age(world, deal)
            product = world.by_id(m.Product, product_id)
            dims = _deal_dims(world, deal)
            dims |= {"product": product_id, "product_family": _of(product, "family")}
            number = deal.account_id if name == "customers" else deal.id
            if number is not None:
                numbers = _numbers(world, deal.account_id, deal)
                rows.append(Row(number, value, deal.currency, dims, _deal_dates(deal), numbers))
    return rows


def entry_rows(world: World) -> list[Row]:
    rows = []
    for change in world.all(m.StageChange):
        entered = world.by_id(m.Stage, change.to_stage_id)
        deal = world.by_id(m.Opportunity, change.opportunity_id)
        if entered.status != "open":
            continue
        moved = world.by_id(m.Stage, deal.stage_id).status == "won"
        for later in world.all(m.StageChange):
            to = world.by_id(m.Stage, later.to_stage_id)
            further = to.status == "won" or (to.status == "open" and to.position > entered.position)
            if (
                later.opportunity_id == deal.id
                and later.changed_at >= change.changed_at
                and further
            ):
                moved = True
        dims = _deal_dims(world, deal) | {"stage": entered.id, "status": "open"}
        dates = {"occurred": change.changed_at.date()}
        numbers = _numbers(world, deal.account_id, deal)
        rows.append(Row((deal.id, entered.id), int(moved), deal.currency, dims, dates, numbers))
    return rows


def quote_rows(world: World) -> list[Row]:
    rows = []
    for quote in world.all(m.Quote):
        deal = world.by_id(m.Opportunity, quote.opportunity_id)
        dims = _deal_dims(world, deal) | {"currency": quote.currency}
        numbers = _numbers(world, deal.account_id, deal) | {"discount": quote.discount}
        dates = {"opened": quote.created_on}
        rows.append(Row(quote.id, Fraction(quote.discount), "", dims, dates, numbers))
    return rows


def _doing(world: World, number: int, value: Any, row: Any, dates: Any) -> Row:
    deal = world.by_id(m.Opportunity, row.opportunity_id)
    account_id = _first(row.account_id, _of(deal, "account_id"))
    account, owner = world.by_id(m.Account, account_id), world.by_id(m.User, row.owner_id)
    dims = _people(world, row.owner_id, account_id, deal) | {"activity_kind": row.kind}
    places = (_of(one, "territory_id") for one in (deal, owner, account))
    dims = _place(world, dims, *places)
    return Row(number, value, "", dims, dates, _numbers(world, account_id, deal))


def touch_rows(world: World, name: str) -> list[Row]:
    kinds = {"calls": ["call"], "emails": ["email"], "meetings": ["meeting"]}
    kinds["days_since_last_contact"] = ["call", "email", "meeting", "chat"]
    found = [(-one.id, one, one.started_at) for one in world.all(m.Conversation)]
    for one in world.all(m.Activity):
        done = one.occurred_at or one.done_at
        deal = world.by_id(m.Opportunity, one.opportunity_id)
        account_id = _first(one.account_id, _of(deal, "account_id"))
        is_twin = one.kind in ("call", "email", "meeting") and any(
            talk.kind == one.kind
            and done is not None
            and talk.started_at.date() == done.date()
            and (
                (deal is not None and talk.opportunity_id == deal.id)
                or (account_id is not None and talk.account_id == account_id)
            )
            for talk in world.all(m.Conversation)
        )
        if done is not None and not is_twin:
            found.append((one.id, one, done))
    rows = []
    for number, one, at in found:
        if at <= AS_OF and (name == "activities" or one.kind in kinds[name]):
            days = (TODAY - at.date()).days
            value = days if name == "days_since_last_contact" else 1
            rows.append(_doing(world, number, value, one, {"occurred": at.date()}))
    return rows


def overdue_rows(world: World) -> list[Row]:
    return [
        _doing(world, one.id, 1, one, {"due": one.due_on})
        for one in world.all(m.Activity)
        if one.due_on is not None
        and one.due_on < TODAY
        and one.done_at is None
        and one.occurred_at is None
    ]


def case_rows(world: World, name: str) -> list[Row]:
    rows = []
    for case in world.all(m.Case):
        value: Any = 1
        if name == "open_cases" and case.closed_at is not None:
            continue
        if name == "case_handle_hours":
            if case.closed_at is None:
                continue
            value = Fraction(int((case.closed_at - case.opened_at).total_seconds()), 3600)
        if name == "satisfaction":
            value = None if case.satisfaction is None else Fraction(case.satisfaction)
        owner, account = world.by_id(m.User, case.owner_id), world.by_id(m.Account, case.account_id)
        product = world.by_id(m.Product, case.product_id)
        dims = _people(world, case.owner_id, case.account_id, None)
        dims = _place(world, dims, _of(account, "territory_id"), _of(owner, "territory_id"))
        dims |= {"product": case.product_id, "product_family": _of(product, "family")}
        dims |= {"case_category": case.category, "case_status": case.status}
        dims["case_priority"] = case.priority
        dates = {
            "opened": case.opened_at.date(),
            "closed": case.closed_at and case.closed_at.date(),
        }
        numbers = _numbers(world, case.account_id, None)
        rows.append(Row(case.id, value, "", dims, dates, numbers))
    return rows


def below(world: World, top: int) -> set[int]:
    found = {top}
    while True:
        more = {team.id for team in world.all(m.Team) if team.parent_id in found} - found
        if not more:
            return found
        found |= more


def quota_rows(world: World, name: str, period: Any) -> list[Row]:
    rows = []
    for quota in world.all(m.Quota):
        if period and not (period.start <= quota.starts_on and quota.ends_on <= period.end):
            continue
        teams = below(world, quota.team_id) if quota.team_id else set()
        finer = False
        for other in world.all(m.Quota):
            overlaps = other.starts_on <= quota.ends_on and other.ends_on >= quota.starts_on
            member = world.by_id(m.User, other.user_id)
            inside = _of(member, "team_id") in teams or (
                other.team_id in teams and other.team_id != quota.team_id
            )
            finer = finer or (overlaps and inside and other is not quota)
        if quota.user_id is None and finer:
            continue
        won = 0
        for deal in world.all(m.Opportunity):
            seller = world.by_id(m.User, deal.owner_id)
            theirs = deal.owner_id == quota.user_id if quota.user_id else False
            if quota.user_id is None:
                theirs = seller is not None and seller.team_id in teams
            if (
                theirs
                and world.by_id(m.Stage, deal.stage_id).status == "won"
                and deal.currency == quota.currency
                and deal.closed_on is not None
                and quota.starts_on <= deal.closed_on <= quota.ends_on
            ):
                won += deal.amount_minor or 0
        owner = world.by_id(m.User, quota.user_id)
        dims = _people(world, quota.user_id, None, None) | {"currency": quota.currency}
        dims = _place(world, dims, _of(owner, "territory_id"))
        dims["team"] = _first(_of(owner, "team_id"), quota.team_id)
        value, weight = (won, quota.amount_minor) if "attain" in name else (quota.amount_minor, 1)
        dates = {"due": quota.starts_on}
        rows.append(Row(quota.id, value, quota.currency, dims, dates, {}, weight))
    return rows


def lead_rows(world: World, name: str) -> list[Row]:
    rows = []
    for lead in world.all(m.Lead):
        done = lead.converted_on is not None or lead.opportunity_id is not None
        owner = world.by_id(m.User, lead.owner_id)
        dims = _people(world, lead.owner_id, None, None)
        dims = _place(world, dims, _of(owner, "territory_id"))
        dims |= {"source": lead.lead_source, "lead_status": lead.status}
        dates = {"opened": lead.created_on, "closed": lead.converted_on}
        value = int(done) if name == "lead_conversion_rate" else 1
        rows.append(Row(lead.id, value, "", dims, dates, {}))
    return rows


def other_rows(  # noqa: C901 - one plain loop on purpose
    world: World, name: str
) -> list[Row]:
    rows = []
    if name == "contacts":
        for contact in world.all(m.Contact):
            account = world.by_id(m.Account, contact.account_id)
            owner = world.by_id(m.User, _of(account, "owner_id"))
            dims = _people(world, _of(account, "owner_id"), contact.account_id, None)
            dims = _place(world, dims, _of(account, "territory_id"), _of(owner, "territory_id"))
            dims["contact_title"] = contact.title
            numbers = _numbers(world, contact.account_id, None)
            rows.append(Row(contact.id, 1, "", dims, {}, numbers))
    elif name == "reps":
        for user in world.all(m.User):
            if user.role == "rep" and user.is_active:
                dims = _place(world, _people(world, user.id, None, None), user.territory_id)
                rows.append(Row(user.id, 1, "", dims, {}, {}))
    elif name == "products":
        for one in world.all(m.Product):
            if one.is_active:
                dims = {"product": one.id, "product_family": one.family}
                rows.append(Row(one.id, 1, "", dims, {}, {}))
    elif name == "list_price":
        for entry in world.all(m.PriceBookEntry):
            currency = world.by_id(m.PriceBook, entry.price_book_id).currency
            family = world.by_id(m.Product, entry.product_id).family
            dims = {"product": entry.product_id, "product_family": family, "currency": currency}
            rows.append(Row(entry.id, entry.list_price_minor, currency, dims, {}, {}))
    return rows


def account_rows(world: World, name: str) -> list[Row]:
    rows = []
    for one in world.all(m.Account):
        owner = world.by_id(m.User, one.owner_id)
        dims = _people(world, one.owner_id, one.id, None) | {"currency": one.currency}
        dims = _place(world, dims, one.territory_id, _of(owner, "territory_id"))
        value: Any = one.annual_revenue_minor if "revenue" in name else 1
        value = one.employees if "employees" in name else value
        dates, numbers = {"opened": one.created_on}, _numbers(world, one.id, None)
        rows.append(Row(one.id, value, one.currency, dims, dates, numbers))
    return rows


def rows_of(world: World, name: str, by_product: bool, period: Any) -> list[Row]:
    if name == "stage_conversion":
        return entry_rows(world)
    if name == "average_discount":
        return quote_rows(world)
    if name in ("activities", "calls", "emails", "meetings", "days_since_last_contact"):
        return touch_rows(world, name)
    if name == "overdue_activities":
        return overdue_rows(world)
    if name in ("case_count", "open_cases", "case_handle_hours", "satisfaction"):
        return case_rows(world, name)
    if name.startswith("quota"):
        return quota_rows(world, name, period)
    if name.startswith("lead"):
        return lead_rows(world, name)
    if name in (*STATUSES, "opportunities", "amount", "slipped_deals", "slipped_amount"):
        return deal_rows(world, name, by_product, period)
    if name in ("contacts", "reps", "products", "list_price"):
        return other_rows(world, name)
    return account_rows(world, name)


def time_label(name: str, day: date | None, first_month: int) -> str | None:
    if day is None:
        return None
    if name == "week":
        year, week, _ = (day - timedelta(days=day.weekday())).isocalendar()
        return f"{year}-W{week:02d}"
    if name == "month":
        return f"{day:%Y-%m}"
    fiscal = day.year + (1 if first_month > 1 and day.month >= first_month else 0)
    quarter = ((day.month - first_month) % 12) // 3 + 1
    return str(fiscal) if name == "year" else f"Q{quarter} {fiscal}"


def aggregate(name: str, values: list[tuple[Any, Any]]) -> Fraction | None:
    numbers = [Fraction(value) for value, _weight in values]
    if name.startswith("median"):
        return Fraction(median(numbers))
    if name == "largest_deal":
        return max(numbers)
    if name in ("smallest_deal", "days_since_last_contact"):
        return min(numbers)
    is_mean = name in (*RATES, "sales_cycle_days", "stage_age_days", "case_handle_hours")
    if is_mean or name in ("satisfaction", "quota_attainment", "list_price") or "average" in name:
        weight = sum(Fraction(weight) for _value, weight in values)
        return sum(numbers) / weight if weight else None
    return sum(numbers, Fraction(0))


def group(
    name: str, rows: list[Row], keys: Any, splits: bool
) -> dict[tuple[Any, str], tuple[Fraction | None, int]]:
    """Return (value in minor units, rows) by (keys, currency), each id counted once a group."""
    groups: dict[Any, dict[Any, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        groups[keys(row), row.currency if splits else ""][row.id].append(row)
    found = {}
    for key, by_id in groups.items():
        values = []
        for same in by_id.values():
            known = [row.value for row in same if row.value is not None]
            if known:
                one = sum(known) if name in LINE_SUMS else max(known)
                values.append((one, same[0].weight))
        if values:
            found[key] = aggregate(name, values), len(values)
    return found
