"""Values on their way back to a CRM: where the mapping leads to one, and nowhere else."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from crm.errors import BadInput, PermanentError
from crm.models import (
    AmountChange,
    ProposedAction,
    Stage,
)
from tests.write_back_world import World


def test_a_stage_goes_back_by_its_own_key(hs: World) -> None:
    hs.desk.apply("owner", hs.change({"stage": "Closed lost"}))

    assert hs.there("dealstage") == "closedlost"
    assert hs.deal.closed_on == hs.desk.now.date()


def test_a_stage_of_another_pipeline_is_not_for_us_to_set(hs: World) -> None:
    made = hs.change({"stage": "Closed won (Renewals)"})

    with pytest.raises(BadInput, match="not of the pipeline 'Sales'"):
        hs.desk.apply("owner", made)
    assert hs.there("dealstage") == "appointment"


def test_a_property_that_hubspot_works_out_itself_is_not_written(hs: World) -> None:
    made = hs.change({"lead_source": "PAID_SEARCH"})

    with pytest.raises(PermanentError, match=r"hs_analytics_source.*read-only"):
        hs.desk.apply("owner", made)
    assert hs.server.changes == []


def test_a_value_that_the_closed_list_does_not_have_is_refused(hs: World) -> None:
    made = hs.change({"forecast_category": "Surely"})

    with pytest.raises(BadInput, match=r"'Surely' is not among the values.*PIPELINE"):
        hs.desk.apply("owner", made)
    assert (hs.server.changes, hs.deal.forecast_category) == ([], None)


def test_amounts_go_back_only_in_the_currency_that_the_deal_has_there(hs: World) -> None:
    made = hs.change({"amount": "900 EUR"})
    hs.meanwhile(deal_currency_code="GBP")

    with pytest.raises(BadInput, match="in 'GBP' in HubSpot, not in 'EUR'"):
        hs.desk.apply("owner", made)
    assert hs.server.changes == []


def mapped(world: World, tmp_path: Path, text: str) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(text, encoding="utf-8")
    world.connect(world.open(world.server.server.url, mapping=own))
    world.sync.cursor = None
    world.read()


FIELDS = "tables: [{object: Opportunity, entity: opportunities, fields: {%s}}]"


@pytest.mark.parametrize(
    ("fields", "change", "says"),
    [
        ("lead_source: {column: LeadSource, value_map: {Web: Online, Phone: Online}}",
         {"lead_source": "Online"}, "'Web', 'Phone' all read so"),
        ("lead_source: {column: LeadSource, value_map: {Fair: Event}}",
         {"lead_source": "Fair"}, "reads that as something else"),
        ("competitor: {columns: [Name, NextStep]}", {"competitor": "Contoso"}, "made from Name"),
        ("competitor: {constant: nobody}", {"competitor": "Contoso"}, "a constant"),
        ("lead_source: {column: LeadSource, default: unknown}", {"lead_source": None}, "unknown"),
        ('next_step: ""', {"next_step": "Demo"}, "from nowhere"),
    ],
)  # fmt: skip
def test_what_the_mapping_cannot_lead_back_is_refused_before_anybody_is_asked(
    sf: World, tmp_path: Path, fields: str, change: dict[str, str | None], says: str
) -> None:
    mapped(sf, tmp_path, FIELDS % fields)
    if sf.deal.lead_source in set(change.values()):
        sf.server.put("Opportunity", "006A", LeadSource="Radio")
        sf.server.tick(minutes=30)
        sf.read()

    with pytest.raises(BadInput, match=says):
        sf.change(change)
    assert sf.desk.all_of(ProposedAction) == []


def test_a_value_of_the_mappings_own_list_goes_back_as_the_crm_writes_it(
    sf: World, tmp_path: Path
) -> None:
    text = "lead_source: {column: LeadSource, value_map: {Web: Online, Fair: Event}}"
    mapped(sf, tmp_path, FIELDS % text)
    assert sf.deal.lead_source == "Online"

    sf.desk.apply("owner", sf.change({"lead_source": "Event"}))
    assert (sf.there("LeadSource"), sf.deal.lead_source) == ("Fair", "Event")


def test_scaled_amounts_are_scaled_back(sf: World, tmp_path: Path) -> None:
    mapped(sf, tmp_path, FIELDS % "amount: {column: Amount, scale: 1000}")
    assert sf.deal.amount_minor == 120_050_000

    sf.desk.apply("owner", sf.change({"amount": "2500 USD"}))
    assert sf.there("Amount") == 2.5


def test_a_date_in_a_field_with_a_time_keeps_its_day_in_the_sources_zone(
    hs: World, tmp_path: Path
) -> None:
    hs.connect(hs.open(hs.server.server.url, timezone="Asia/Shanghai"))
    hs.sync.cursor = None
    hs.read()

    hs.desk.apply("owner", hs.change({"expected_close_on": "2027-01-31"}))
    assert hs.there("closedate") == "2027-01-30T16:00:00+00:00"
    hs.server.tick(minutes=30)
    hs.read()
    assert hs.deal.expected_close_on == date(2027, 1, 31)


def test_the_planned_date_of_a_deal_that_is_won_is_not_written(sf: World) -> None:
    sf.server.put("Opportunity", "006A", StageName="Closed Won", IsClosed=True, IsWon=True)
    sf.server.tick(minutes=30)
    sf.read()
    made = sf.change({"expected_close_on": "2027-01-31"})

    with pytest.raises(BadInput, match="won or lost"):
        sf.desk.apply("owner", made)
    assert sf.there("CloseDate") == "2026-12-01"


def test_a_stage_of_another_source_is_no_stage_of_this_deal(sf: World) -> None:
    with sf.desk.store.session() as session:
        session.add(Stage(source="other", external_id="1", synced_at=sf.desk.now, name="Legal",
                          position=1, status="open"))  # fmt: skip
    with pytest.raises(BadInput, match=r"did not come from there.*Proposal"):
        sf.change({"stage": "Legal"})


def test_history_is_kept_by_us_where_the_source_tells_none(sf: World, tmp_path: Path) -> None:
    packaged = sf.source.mapping
    tables = [one for one in packaged.tables if not one.entity.endswith("_changes")]
    sf.source.mapping = packaged.model_copy(update={"tables": tables})

    sf.desk.apply("owner", sf.change({"amount": "5 USD"}))
    assert [row.to_minor for row in sf.desk.all_of(AmountChange)] == [500]


def hidden(world: World) -> Callable[[], None]:
    return lambda: world.server.hidden.add("Opportunity.NextStep")


def test_a_field_that_we_may_not_read_is_not_written(sf: World) -> None:
    made = sf.change({"next_step": "Demo"})
    hidden(sf)()

    with pytest.raises(BadInput, match="not for us to read"):
        sf.desk.apply("owner", made)
    assert sf.server.changes == []
