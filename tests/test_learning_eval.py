"""The simulated reps of the learning eval: the same chances each time, habits of their own."""

from dataclasses import replace
from random import Random

from copilot.grounding.pack.model import Party
from copilot.writers.learning.sent import SentMail
from copilot.writers.style import Style, Swap
from evals.learning_simulation import SimulatedRep, edited_body, occasion_of, scripted_draft
from tests.draft_seed import NOW
from tools.letter_parts import count_words, split_letter

STOCK = {"en": {"opening": ["As promised."], "closing": ["Kindly answer soon."]}}
MAIL = SentMail(
    7, NOW, "Priya Shah", split_letter("Hi Priya,\n\nIt has 40 parts.\n\nWe can begin.")
)
OCCASION = occasion_of(MAIL, Party("Anna Lind", user_id=1), Party("Priya Shah"), STOCK)
NONE = SimulatedRep("en", "", "", 0, {})
KEEN = SimulatedRep("en", "Hello {first},", "Cheers,", 0, {"kindly": "please"})


def sent(rep: SimulatedRep, seed: int) -> str:
    draft = scripted_draft(OCCASION, Style(), 1)
    return edited_body(rep, draft, OCCASION, Random(seed))


def test_a_scripted_draft_follows_the_style() -> None:
    plain = scripted_draft(OCCASION, Style(), 1)
    assert plain.body.startswith("Hi Priya,\n\nAs promised.\n\nIt has 40 parts.")
    learned = Style(
        greeting="Hello {first},",
        sign_off="Cheers,",
        most_words=8,
        swaps=(Swap("as promised", "here it is"),),
    )
    draft = scripted_draft(OCCASION, learned, 1)
    assert draft.body == "Hello Priya,\n\nHere it is.\n\nIt has 40 parts.\n\nCheers,\nAnna Lind"
    assert count_words(" ".join(one.text for one in draft.sentences)) <= 8


def test_a_rep_keeps_her_habits_most_of_the_time() -> None:
    letters = [sent(KEEN, seed) for seed in range(300)]
    for words in ("Hello Priya,", "Cheers,", "Please answer soon."):
        assert 0.7 < sum(words in letter for letter in letters) / 300 < 0.95


def test_a_rep_without_habits_changes_content_and_whims_only() -> None:
    letters = [sent(NONE, seed) for seed in range(300)]
    assert not any("Cheers" in letter or "Please answer" in letter for letter in letters)
    assert 0.2 < sum("40 parts" in letter for letter in letters) / 300 < 0.8


def test_the_same_chances_give_the_same_letter() -> None:
    assert sent(KEEN, 5) == sent(KEEN, 5)
    assert len({sent(KEEN, seed) for seed in range(20)}) > 5
    assert not NONE.has_habits
    assert replace(NONE, words=60).has_habits
