"""A customer who may be named as a reference, as a fact of the company's own guide."""

from copilot.grounding.pack.model import DraftEvidence, Role
from copilot.writers.company.guide import CompanyGuide, CustomerStory
from crm.facts import Fact, FactKind
from tools.language import has_han

REFERENCE_SOURCE = "reference:"


def reference_fact(evidence: DraftEvidence, guide: CompanyGuide, *, number: int) -> Fact | None:
    """Return the story that suits the products at hand, else the first; None without stories.

    One whose name readers of the letter's language can read goes first.
    `number` is that of the fact's id. A customer is never shown as a reference to itself.
    """
    named = " ".join(
        piece.fact.text for piece in evidence.pieces if piece.role is Role.PRODUCT
    ).casefold()
    stories = [
        story
        for story in guide.references
        if story.text.in_language(evidence.language)
        and story.customer != evidence.recipient.company
    ]
    if not stories:
        return None
    is_zh = evidence.language == "zh"
    story = max(stories, key=lambda each: (has_han(each.customer) == is_zh, _fit(each, named)))
    return Fact(
        id=f"F{number}",
        kind=FactKind.SETTING,
        text=" ".join((story.text.in_language(evidence.language) or "").split()),
        source=f"{REFERENCE_SOURCE}{story.customer}",
    )


def _fit(story: CustomerStory, named: str) -> int:
    return sum(product.casefold() in named for product in story.products)
