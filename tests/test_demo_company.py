"""The demo company: same bytes for the same day, its promises kept on any day, causes that show."""

import csv
import email
import email.policy
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import func, select

from crm.errors import BadInput
from crm.models import Account, Activity, Alias, Base, Opportunity, Stage, StageChange
from crm.principal import Principal
from crm.store import Store
from ingest.crm.importer import import_crm
from ingest.crm.mapping import load_mapping
from ingest.demo.calendar_days import quarter_at
from ingest.demo.company import DemoCompany, generate_demo
from ingest.demo.organisation import reps
from ingest.demo.wordbank import bank, fill

TODAY = date(2026, 11, 16)
Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoCompany:
    return generate_demo(tmp_path_factory.mktemp("demo"), today=TODAY)


def table(demo: DemoCompany, name: str) -> Rows:
    with (demo.crm / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def truth(demo: DemoCompany) -> dict[str, dict[str, dict]]:
    return json.loads((demo.folder / "truth.json").read_text("utf-8"))


def test_same_seed_and_day_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        generate_demo(tmp_path / name, today=TODAY, scale=0.1)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_another_seed_gives_other_deals(tmp_path: Path) -> None:
    generate_demo(tmp_path / "one", today=TODAY, scale=0.1)
    generate_demo(tmp_path / "two", seed=8, today=TODAY, scale=0.1)
    one, two = digests(tmp_path / "one"), digests(tmp_path / "two")
    assert one["crm/opportunities.csv"] != two["crm/opportunities.csv"]


def test_a_second_run_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    generate_demo(tmp_path / "used", today=TODAY - timedelta(days=40), scale=0.1)
    generate_demo(tmp_path / "used", today=TODAY, scale=0.05)
    generate_demo(tmp_path / "fresh", today=TODAY, scale=0.05)
    assert digests(tmp_path / "used") == digests(tmp_path / "fresh")


def test_sizes_are_as_promised(demo: DemoCompany) -> None:
    roles = Counter(row["role"] for row in table(demo, "users"))
    assert (roles["rep"], roles["manager"]) == (12, 3)
    assert len(table(demo, "accounts")) == 400
    assert len(table(demo, "opportunities")) == 3000
    assert demo.emails == len(list(demo.mail.glob("*.eml"))) >= 590
    assert demo.transcripts == len(list(demo.calls.glob("*.vtt"))) == 100
    assert {row["family"] for row in table(demo, "products")} == {
        "Beacon Software",
        "Tidemark Devices",
        "Anchor Services",
    }
    chinese = [row for row in table(demo, "accounts") if row["country"] == "China"]
    assert 0.25 < len(chinese) / 400 < 0.36
    assert all(re.search("[\u4e00-\u9fff]", row["name"]) for row in chinese)
    latin = {r["target"] for r in table(demo, "aliases") if r["name"].isascii()}
    assert {row["id"] for row in chinese} <= latin


def test_scale_multiplies_accounts_and_opportunities_only(tmp_path: Path) -> None:
    big = generate_demo(tmp_path, today=TODAY, scale=2)
    assert (big.rows["accounts"], big.rows["opportunities"]) == (800, 6000)
    assert 590 <= big.emails <= 605
    assert big.transcripts == 100
    for name, key in (("accounts", "name"), ("accounts", "domain"), ("contacts", "email")):
        values = [row[key] for row in table(big, name)]
        assert len(set(values)) == len(values)


def test_a_scale_too_small_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"0\.001"):
        generate_demo(tmp_path, today=TODAY, scale=0.001)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "today",
    [date(2026, 1, 1), date(2026, 6, 30), date(2027, 4, 1), date(2028, 2, 29), date(2026, 12, 31)],
)
def test_three_of_annas_open_deals_slipped_this_quarter(tmp_path: Path, today: date) -> None:
    demo = generate_demo(tmp_path, today=today, scale=0.1)
    annas = [row["id"] for row in table(demo, "users") if row["name"].startswith("Anna ")]
    assert annas == ["U11"]
    quarter = quarter_at(today)
    moved = {
        row["opportunity_id"]
        for row in table(demo, "close_date_history")
        if quarter.contains(date.fromisoformat(row["from_on"]))
        and date.fromisoformat(row["to_on"]) > quarter.end
        and quarter.contains(date.fromisoformat(row["changed_at"][:10]))
    }
    slipped = [
        row
        for row in table(demo, "opportunities")
        if row["id"] in moved and row["owner_id"] == "U11" and not row["closed_on"]
    ]
    assert {"D00001", "D00003", "D00004"} <= {row["id"] for row in slipped}
    assert all(date.fromisoformat(row["expected_close_on"]) > quarter.end for row in slipped)
    assert len({row["amount"] for row in slipped}) == len(slipped)
    assert_no_later_than(demo, today)


def assert_no_later_than(demo: DemoCompany, today: date) -> None:
    plans = {"expected_close_on", "to_on", "from_on", "due_on", "valid_until", "ends_on"}
    for path in demo.crm.glob("*.csv"):
        for row in table(demo, path.stem):
            for column, value in row.items():
                if column.endswith(("_on", "_at")) and column not in plans and value:
                    assert value[:10] <= today.isoformat(), (path.name, row)
    for path in demo.mail.glob("*.eml"):
        sent = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)["Date"]
        assert sent.datetime.date() <= today, path.name
    for path in demo.calls.glob("*.vtt"):
        started = re.search(r"started_at: (\S{10})", path.read_text("utf-8"))
        assert started is not None
        assert started[1] <= today.isoformat(), path.name
    for path in demo.recordings.glob("*.json"):
        assert json.loads(path.read_text("utf-8"))["started_at"][:10] <= today.isoformat()


def test_all_events_lie_before_today(demo: DemoCompany) -> None:
    assert_no_later_than(demo, TODAY)


def test_recordings_belong_to_the_flagship_deals(demo: DemoCompany) -> None:
    deals = {row["id"]: row for row in table(demo, "opportunities")}
    contacts = {row["email"]: row for row in table(demo, "contacts")}
    users = {row["email"]: row for row in table(demo, "users")}
    for path in sorted(demo.recordings.glob("*.json")):
        assert path.with_suffix(".ogg").stat().st_size > 20_000
        sidecar = json.loads(path.read_text("utf-8"))
        deal = deals[sidecar["opportunity"]]
        assert deal["account_id"] == sidecar["account"]
        assert not deal["closed_on"]
        for person in sidecar["participants"]:
            if person["side"] == "ours":
                assert users[person["email"]]["name"] == person["name"]
                assert users[person["email"]]["id"] == deal["owner_id"]
            else:
                assert contacts[person["email"]]["account_id"] == deal["account_id"]
    assert deals[demo.flagship_opportunity]["amount"] == "180000.00"
    assert deals[demo.chinese_flagship_opportunity]["amount"] == "960000.00"


def test_names_on_show_belong_to_one_person_or_company(demo: DemoCompany) -> None:
    people = [row["name"] for name in ("users", "contacts") for row in table(demo, name)]
    names = Counter(people + [row["name"] for row in table(demo, "accounts")])
    shown = [row["name"] for row in table(demo, "users")]
    for path in demo.recordings.glob("*.json"):
        shown += [each["name"] for each in json.loads(path.read_text("utf-8"))["participants"]]
    assert {name: names[name] for name in shown} == dict.fromkeys(shown, 1)
    assert sum(name.split()[0] == "Anna" for name in people) == 1


def test_the_recording_is_the_last_talk_with_the_flagship(demo: DemoCompany) -> None:
    recorded = json.loads((demo.recordings / "northvale_security_call.json").read_text("utf-8"))
    talked = [
        re.search(r"started_at: (\S+)", path.read_text("utf-8"))
        for path in demo.calls.glob(f"*-{demo.flagship_opportunity}.vtt")
    ]
    assert talked
    assert all(found and found[1] < recorded["started_at"] for found in talked)
    assert list(demo.mail.glob(f"*-{demo.flagship_opportunity}.eml"))


def test_every_reference_leads_somewhere(demo: DemoCompany) -> None:
    targets = {
        "account_id": "accounts",
        "owner_id": "users",
        "user_id": "users",
        "manager_id": "users",
        "team_id": "teams",
        "parent_id": "teams",
        "territory_id": "territories",
        "contact_id": "contacts",
        "opportunity_id": "opportunities",
        "product_id": "products",
        "price_book_id": "price_books",
    }
    ids = {name: {row["id"] for row in table(demo, name)} for name in set(targets.values())}
    for path in demo.crm.glob("*.csv"):
        rows = table(demo, path.stem)
        if "id" in rows[0]:
            assert len({row["id"] for row in rows}) == len(rows), path.name
        for column in set(rows[0]) & set(targets):
            used = {row[column] for row in rows} - {""}
            assert used
            assert used <= ids[targets[column]], (path.name, column)


def test_deals_agree_with_their_lines_and_history(demo: DemoCompany) -> None:
    sums: Counter[str] = Counter()
    for row in table(demo, "opportunity_lines"):
        sums[row["opportunity_id"]] += round(float(row["amount"]) * 100)
    stages: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in table(demo, "stage_history"):
        stages[row["opportunity_id"]].append(row)
    last_plan = {r["opportunity_id"]: r["to_on"] for r in table(demo, "close_date_history")}
    for deal in table(demo, "opportunities"):
        assert sums[deal["id"]] == round(float(deal["amount"]) * 100)
        history = stages[deal["id"]]
        assert history[0]["from_stage"] == ""
        assert history[0]["changed_at"][:10] == deal["opened_on"]
        assert history[-1]["to_stage"] == deal["stage"]
        assert [row["changed_at"] for row in history] == sorted(r["changed_at"] for r in history)
        assert bool(deal["closed_on"]) == deal["stage"].startswith("Closed")
        assert bool(deal["lost_reason"]) == (deal["stage"] == "Closed Lost")
        assert last_plan.get(deal["id"], deal["expected_close_on"]) == deal["expected_close_on"]


def win_rate(deals: Iterable[dict[str, str]]) -> float:
    closed = Counter(deal["stage"] for deal in deals if deal["closed_on"])
    return closed["Closed Won"] / closed.total()


def test_stronger_reps_win_more(demo: DemoCompany) -> None:
    deals = table(demo, "opportunities")
    rates = {rep.id: win_rate(d for d in deals if d["owner_id"] == rep.id) for rep in reps()}
    ranked = sorted(reps(), key=lambda rep: rep.skill)
    weak, strong = ranked[:4], ranked[-4:]
    assert max(rates[rep.id] for rep in weak) < min(rates[rep.id] for rep in strong)


def test_deals_with_more_people_and_without_competitors_win_more(demo: DemoCompany) -> None:
    deals = table(demo, "opportunities")
    people = Counter(row["opportunity_id"] for row in table(demo, "opportunity_contacts"))
    by_people = [win_rate(d for d in deals if people[d["id"]] == n) for n in (1, 2, 3)]
    assert by_people == sorted(by_people)
    assert by_people[2] > by_people[0] + 0.1
    alone = win_rate(d for d in deals if not d["competitor"])
    assert alone > win_rate(d for d in deals if d["competitor"]) + 0.05


def test_hidden_quality_decides_and_losses_are_silent_first(demo: DemoCompany) -> None:
    hidden = truth(demo)["deals"]
    deals = table(demo, "opportunities")
    good = win_rate(d for d in deals if hidden[d["id"]]["quality"] > 0.5)
    assert good > win_rate(d for d in deals if hidden[d["id"]]["quality"] < -0.5) + 0.2
    last: dict[str, str] = {}
    for row in table(demo, "activities"):
        if row["kind"] != "task":
            last[row["opportunity_id"]] = max(last.get(row["opportunity_id"], ""), row["done_at"])
    quiet: dict[str, list[int]] = defaultdict(list)
    for deal in deals:
        if deal["closed_on"]:
            spoken = date.fromisoformat(last[deal["id"]][:10])
            quiet[deal["stage"]].append((date.fromisoformat(deal["closed_on"]) - spoken).days)
    mean = {stage: sum(days) / len(days) for stage, days in quiet.items()}
    assert mean["Closed Lost"] > mean["Closed Won"] + 10


def test_deals_close_at_the_ends_of_quarters(demo: DemoCompany) -> None:
    months = Counter(r["closed_on"][5:7] for r in table(demo, "opportunities") if r["closed_on"])
    ends = sum(months[month] for month in ("03", "06", "09", "12"))
    assert ends > 1.3 * (months.total() - ends) / 2


def test_transcripts_are_long_and_carry_the_planted_facts(demo: DemoCompany) -> None:
    planted = truth(demo)["conversations"]
    for path in demo.calls.glob("*.vtt"):
        text = path.read_text("utf-8")
        turns = re.findall(r"^<v ([^>]+)>(.+)$", text, re.M)
        assert 24 <= len(turns) <= 60, path.name
        for fact in planted[path.name]["facts"]:
            assert (fact["speaker"], fact["quote"]) in turns
        for promise in planted[path.name]["commitments"]:
            assert promise["text"] in text


def test_emails_form_threads_and_carry_the_planted_facts(demo: DemoCompany) -> None:
    planted = truth(demo)["conversations"]
    sent: dict[str, datetime] = {}
    people = {r["email"] for name in ("users", "contacts") for r in table(demo, name)}
    replies = 0
    for path in sorted(demo.mail.glob("*.eml")):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        text = message.get_content()
        own = re.split(r"\n(?:On \d{4}-|在 \d{4}-)", text)[0]
        size = len(own.split()) if own.isascii() or "，" not in own else len(own) / 1.7
        assert 50 <= size <= 220, (path.name, size)
        for header in ("From", "To"):
            assert message[header].addresses[0].addr_spec in people
        for reference in (message["References"] or "").split():
            assert sent[reference] < message["Date"].datetime
            replies += 1
        sent[message["Message-ID"]] = message["Date"].datetime
        for fact in planted[path.name]["facts"]:
            assert fact["quote"] in own
    assert replies > 200
    kinds = Counter(f["kind"] for talk in planted.values() for f in talk["facts"])
    assert min(kinds.values()) >= 3
    assert {"champion_leaves", "security_review", "budget_freeze", "loss"} <= set(kinds)


def test_phrase_banks_speak_of_the_same_things_in_both_languages() -> None:
    for kind, part in (("talk", "scenes"), ("mail", "intents")):
        english, chinese = bank(f"{kind}_en")[part], bank(f"{kind}_zh")[part]
        assert english.keys() == chinese.keys()
        for name, scene in english.items():
            if isinstance(scene, dict):
                assert scene.get("fact") == chinese[name].get("fact"), name


def test_an_unknown_slot_is_an_error() -> None:
    with pytest.raises(KeyError, match="nobody"):
        fill("Dear {nobody},", {"name": "x"})


def test_recordings_are_small_and_have_scripts() -> None:
    folder = Path(__file__).parent.parent / "ingest" / "demo" / "recordings"
    files = sorted(folder.glob("*.ogg"))
    assert len(files) == 3
    assert sum(path.stat().st_size for path in files) < 3_000_000
    for path in files:
        script = json.loads(path.with_suffix(".script.json").read_text("utf-8"))
        names = {
            p["name"] for p in json.loads(path.with_suffix(".json").read_text())["participants"]
        }
        assert {turn["speaker"] for turn in script} <= names


def test_the_importer_takes_every_row(demo: DemoCompany, store: Store, tmp_path: Path) -> None:
    mapping = load_mapping(demo.mapping)
    files = sorted(demo.crm.glob("*.csv"))
    now = datetime(2026, 11, 16, 9, tzinfo=UTC)
    owner = Principal.local_owner()
    summary = import_crm(store, files, mapping, principal=owner, now=now, rejects_dir=tmp_path)
    assert summary.total.rejected == 0
    assert summary.notes == ()
    with store.session() as session:

        def count(model: type[Base]) -> int:
            return session.scalar(select(func.count()).select_from(model)) or 0

        assert count(Account) == demo.rows["accounts"]
        assert count(Opportunity) == demo.rows["opportunities"]
        assert count(Activity) == demo.rows["activities"]
        assert count(StageChange) == demo.rows["stage_history"]
        assert count(Stage) == len(yaml.safe_load(demo.mapping.read_text("utf-8"))["stages"])
        assert session.scalar(select(Alias.entity_id).where(Alias.name == "Huarui Foods"))
        flagship = session.scalars(select(Opportunity).where(Opportunity.external_id == "D00001"))
        assert flagship.one().amount_minor == 180_000_00
