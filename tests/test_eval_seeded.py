"""The seeded errors: large, balanced, without doubles, and counted right."""

from collections import Counter
from datetime import date
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from evals.seeded_bench.baseline import baseline_blocks
from evals.seeded_bench.sources import (
    HALVES,
    SET_NAMES,
    SETS,
    Case,
    ErrorKind,
    SetName,
    load_cases,
    load_sources,
)
from evals.seeded_bench.spoken import Count, Day, Money, Share
from evals.seeded_errors import CORRECT, Tally, render, run, tally, verifier_blocks


@pytest.fixture(scope="module")
def cases() -> dict[SetName, list[Case]]:
    return {name: load_cases(name) for name in SET_NAMES}


def test_each_half_holds_enough_of_every_kind_in_both_languages(
    cases: dict[SetName, list[Case]],
) -> None:
    for half in (cases[name] for name in HALVES):
        kinds = Counter(case.error for case in half)
        assert kinds[None] >= 320
        assert all(kinds[kind] >= 40 for kind in ErrorKind)
        by_language = Counter((case.error is None, case.source.language) for case in half)
        assert min(by_language.values()) / max(by_language.values()) > 0.3
        origins = Counter({case.source.id: case.source.origin for case in half}.values())
        assert origins["demo"] >= origins["invented"]
    together = Counter(case.error for name in HALVES for case in cases[name])
    assert together[None] >= 640
    assert sum(together[kind] for kind in ErrorKind) >= 640
    assert all(together[kind] >= 80 for kind in ErrorKind)


def test_last_set_is_large_and_balanced(
    cases: dict[SetName, list[Case]],
) -> None:
    sources = load_sources("last")
    assert len(sources) >= 40
    for part in (
        Counter(source.language for source in sources),
        Counter(source.origin for source in sources),
    ):
        assert len(set(part.values())) == 1
        assert len(part) == 2
    for language in ("en", "zh"):
        chosen = [case for case in cases["last"] if case.source.language == language]
        kinds = Counter(case.error for case in chosen)
        assert kinds[None] >= 250
        assert all(kinds[kind] >= 25 for kind in ErrorKind)
        assert sum(kinds[kind] for kind in ErrorKind) >= 250


def test_sets_share_no_source_and_no_sentence(cases: dict[SetName, list[Case]]) -> None:
    sources = {name: {case.source.id for case in half} for name, half in cases.items()}
    said = {name: {case.sentence.text for case in half} for name, half in cases.items()}
    facts = {
        name: {fact.text for case in half for fact in case.source.facts.values()}
        for name, half in cases.items()
    }
    for one, other in combinations(SET_NAMES, 2):
        assert not sources[one] & sources[other]
        assert not said[one] & said[other]
        assert not facts[one] & facts[other]


def test_an_error_is_never_also_a_correct_sentence(cases: dict[SetName, list[Case]]) -> None:
    for half in cases.values():
        assert len({case.id for case in half}) == len(half)
        keys = Counter((case.source.id, case.sentence.text) for case in half)
        assert not [key for key, count in keys.items() if count > 1]


def test_sentences_cite_facts_that_their_source_has(cases: dict[SetName, list[Case]]) -> None:
    for case in (case for half in cases.values() for case in half):
        assert set(case.sentence.facts) <= set(case.source.facts), case.id
        assert case.error is None or case.sentence.facts, case.id
        assert "{" not in case.sentence.text, case.id


def test_ground_tells_the_customers_words_from_ours_and_from_what_is_approved(
    cases: dict[SetName, list[Case]],
) -> None:
    source = next(case.source for case in cases["dev"] if case.source.id == "de05")
    ground = source.ground()
    assert ground.outside == {"F1", "F3"}
    assert ground.approved == {"F2", "F5"}
    assert ground.today == date(2027, 1, 5)
    assert {"Rajesh Iyer", "FleetSense Lite", "Olúwaṣeun Adébáyò"} <= set(ground.known_names)
    assert set(ground.free_names) == {"Rajesh Iyer", "Olúwaṣeun Adébáyò"}
    as_of = ground.facts["F1"].as_of
    assert as_of is not None
    assert as_of.date() == date(2026, 12, 18)


def test_trivial_verifier_does_not_solve_the_sets(cases: dict[SetName, list[Case]]) -> None:
    for name, half in cases.items():
        errors = [case for case in half if case.error]
        correct = [case for case in half if not case.error]
        assert sum(map(baseline_blocks, errors)) < len(errors) * 0.5
        least = 0.2 if name in HALVES else 0.1
        assert sum(map(baseline_blocks, correct)) > len(correct) * least


def test_baseline_blocks_a_number_that_no_fact_has(cases: dict[SetName, list[Case]]) -> None:
    by_id = {case.id: case for case in cases["dev"]}
    assert baseline_blocks(by_id["de05.w3"]) is False
    assert baseline_blocks(by_id["de05.w2"]) is True


def test_tally_counts_by_kind_and_language(cases: dict[SetName, list[Case]]) -> None:
    chosen = [case for case in cases["dev"] if case.source.id in {"de01", "dz01"}]
    blocked = {"de01.w1", "de01.w2", "dz01.h1"}
    counts = tally(run(chosen, lambda case: "no" if case.id in blocked else None))
    assert Tally("date", "en", 3, 2) in counts
    assert Tally(CORRECT, "zh", 10, 1) in counts
    assert Tally(CORRECT, "en", 9, 0) in counts
    assert counts[-1].kind == CORRECT
    table = render("dev", counts)
    assert "all errors: caught" in table
    assert f"{2:4d} of {3:4d}  66.7 %" in table


def test_sentence_that_waits_for_a_person_counts_as_blocked(
    cases: dict[SetName, list[Case]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from copilot.grounding.verifier import Pending, Verified

    case = cases["dev"][0]
    pending = Verified([], [], [Pending(case.sentence, "a discount", "nobody approved it")])
    monkeypatch.setattr("evals.seeded_errors.verify", lambda *_: pending)
    assert verifier_blocks(case) == "pending a discount: nobody approved it"
    monkeypatch.setattr("evals.seeded_errors.verify", lambda *_: Verified([case.sentence], []))
    assert verifier_blocks(case) is None


def test_values_say_themselves_in_both_languages() -> None:
    price = Money(1_205_000, "CNY")
    assert [f"{price:wan}", f"{price:han}", f"{price:yuan}"] == [
        "120.5万元",
        "一百二十万五千元",
        "1,205,000元",
    ]
    assert [f"{Money(46_287, 'USD'):k}", f"{Money(1_340_000, 'EUR'):k}"] == ["$46.287k", "€1.34m"]
    assert f"{Money(46_287, 'USD').rough:full}" == "USD 46,000"
    assert [f"{Share(15):fold}", f"{Share(20):fold}", f"{Share(10):zh}"] == [
        "八五折",
        "八折",
        "百分之十",
    ]
    assert [f"{Count(41):word}", f"{Count(315):han}"] == ["forty-one", "三百一十五"]
    day = Day(date(2027, 1, 15), date(2027, 1, 5))
    assert [f"{day:en}", f"{day:part}", f"{day:week}", f"{day:zhweek}", f"{day:han}"] == [
        "15 January",
        "mid-January",
        "next Friday",
        "下周五",
        "一月十五日",
    ]


def test_every_set_of_templates_lies_beside_its_half() -> None:
    for name in HALVES:
        templates = yaml.safe_load((SETS / f"templates_{name}.yaml").read_text("utf-8"))
        generated = yaml.safe_load((SETS / name / "generated.yaml").read_text("utf-8"))
        made = {source["id"].rsplit("-", 1)[0] for source in generated}
        assert made == {template["id"] for template in templates}
    assert Path(SETS / "dev" / "written_zh.yaml").is_file()
