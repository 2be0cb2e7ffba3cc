"""A trivial verifier to compare with: every number and month of a sentence stands in its facts."""

import re

from evals.seeded_bench.sources import Case

_TOKENS = re.compile(
    r"\d[\d,.:-]*\d|\d"
    r"|\b(?:January|February|March|April|May|June|July|August|September|October|November|December)"
    r"\b"
)


def baseline_blocks(case: Case) -> bool:
    """Say whether a number or month of the sentence is not in the words of its facts."""
    facts = " ".join(case.source.facts[key].text for key in case.sentence.facts)
    said = set(_TOKENS.findall(facts))
    return not set(_TOKENS.findall(case.sentence.text)) <= said
