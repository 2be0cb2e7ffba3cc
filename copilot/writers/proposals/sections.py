"""The sections of a proposal that code writes whole: cover, letter, people, references, terms."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from copilot.writers.company.guide import CompanyGuide, CustomerStory
from copilot.writers.documents.content import Person, Prose, Quotation, Reference, Sentence, Term
from copilot.writers.documents.wording import show_date
from copilot.writers.proposals.cues import Voice
from copilot.writers.proposals.evidence import ProposalEvidence, Talked
from copilot.writers.proposals.notebook import Notebook
from copilot.writers.proposals.restating import ended
from copilot.writers.proposals.voices import Statement
from copilot.writers.proposals.wording import phrase
from crm.index.passages import length_of
from crm.models import Contact
from tools.language import fold_script, has_han

_VALIDITY = re.compile(r"\bvalid|有效", re.IGNORECASE)
MOST_QUOTATIONS = 4
_MOST_REFERENCES = 3
_MOST_IN_TITLE = 60
_LONGEST_QUOTE = 36.0
_THANKED = frozenset({"call", "meeting"})


def cover_title(evidence: ProposalEvidence) -> str:
    """Return the title: the product that weighs most, and the customer."""
    language, customer = evidence.language, evidence.customer
    lines = sorted(evidence.lines, key=lambda line: -(line.amount_minor or 0))
    product = lines[0].product.name if lines else ""
    if not product or len(product) > _MOST_IN_TITLE:
        return phrase("title_bare", language, customer=customer)
    product = _spaced(product, language).lstrip()
    return phrase("title", language, product=product, customer=customer)


def contact_person(contact: Contact | None, customer: str) -> Person | None:
    """Return a contact as a person of the document."""
    if contact is None:
        return None
    return Person(contact.name, contact.title or "", customer, contact.email or "")


def owner_person(evidence: ProposalEvidence, company: str) -> Person | None:
    """Return who makes the offer."""
    owner = evidence.owner
    if owner is None:
        return None
    return Person(owner.name, owner.title or "", company, owner.email or "")


def greeting(evidence: ProposalEvidence) -> str:
    """Return the salutation, in Chinese with the title as is usual there."""
    contact, language = evidence.recipient, evidence.language
    if contact is None:
        return phrase("greeting_nobody", language)
    is_titled = language == "zh" and has_han(contact.name) and has_han(contact.title or "")
    name = f"{contact.name}{contact.title}" if is_titled else contact.name
    return phrase("greeting", language, name=name)


def thanks(evidence: ProposalEvidence, notebook: Notebook) -> Sentence | None:
    """Return thanks for the last two talks, None if there were none."""
    spoken = [talk for talk in evidence.talks if talk.kind in _THANKED][:2]
    if not spoken:
        return None
    ids = [_talk_fact(talk, notebook) for talk in spoken]
    text = phrase("thanks", evidence.language, talks=_talks_on(spoken, evidence))
    return notebook.say(text, *ids)


def overview(evidence: ProposalEvidence, parts: Sequence[str]) -> Sentence:
    """Return what the document holds, in one sentence."""
    language = evidence.language
    named = [phrase(f"part_{part}", language, customer=evidence.customer) for part in parts]
    return Sentence(phrase("overview", language, parts=join(named, evidence)))


def background(
    evidence: ProposalEvidence, notebook: Notebook, told: Sequence[Statement]
) -> Sentence | None:
    """Return who told us of the customer's situation, and when."""
    if not told:
        return None
    language = evidence.language
    speakers = list(dict.fromkeys(statement.speaker for statement in told))
    people = {person.name: person for person in evidence.profile.people}
    ids, shown = [], []
    for name in speakers[:4]:
        title = people[name].title if name in people else None
        shown.append(phrase("person", language, name=name, title=title) if title else name)
        if title:
            text = phrase("fact_contact", language, name=name, title=title)
            ids.append(notebook.record(text, f"contact:{people[name].contact_id}"))
    days = sorted(statement.said_on for statement in told)
    ids += [notebook.cite(each.fact, is_theirs=True) for each in _ends(told, days)]
    values = {
        "first": show_date(days[0], language), "last": show_date(days[-1], language),
        "people": join(shown, evidence), "customer": evidence.customer,
    }  # fmt: skip
    name = "background_day" if days[0] == days[-1] else "background"
    return notebook.say(phrase(name, language, **values), *dict.fromkeys(ids))


def choose_quotations(statements: Sequence[Statement]) -> list[list[Statement]]:
    """Return the turns to be quoted, two to four, in the order in which they were said.

    What only tells of a pain is left for our own summary where there is enough without it.
    """
    turns: dict[tuple[str, str], list[Statement]] = {}
    for statement in statements:
        turns.setdefault((statement.fact.source, statement.speaker), []).append(statement)
    groups = [_neighbours(sorted(turn, key=lambda each: each.place)) for turn in turns.values()]
    telling = [group for group in groups if any(each.voices != {Voice.PAIN} for each in group)]
    chosen = _by_many(telling)
    if len(chosen) < 2:
        chosen += [group for group in groups if group not in chosen][: 2 - len(chosen)]
    return sorted(chosen, key=lambda group: group[0].said_on)


def quotation(
    group: Sequence[Statement], notebook: Notebook, evidence: ProposalEvidence
) -> Quotation:
    """Return a turn of the customer, word for word."""
    gap = "" if evidence.language == "zh" else " "
    words = gap.join(ended(each.words) for each in group)
    source = notebook.cite(group[0].fact, is_theirs=True)
    notebook.say(words, source)
    marks = ("“", "”")
    return Quotation(f"{marks[0]}{words}{marks[1]}", group[0].speaker, group[0].said_on, source)


def consists(evidence: ProposalEvidence, notebook: Notebook) -> Prose | None:
    """Return what we propose, in one sentence."""
    if not evidence.products:
        return None
    language = evidence.language
    names = [_spaced(product.name, language).strip() for product in evidence.products]
    listed = ", ".join(names)
    text = phrase("fact_lines", language, listed=listed)
    source = notebook.record(text, f"opportunity:{evidence.deal.id}#products")
    return (notebook.say(phrase("consists", language, products=join(names, evidence)), source),)


def references(
    guide: CompanyGuide, evidence: ProposalEvidence, notebook: Notebook
) -> tuple[Reference, ...]:
    """Return the guide's customers who use products of the deal; those for all come last."""
    sold = {_folded(product.name) for product in evidence.products}
    own = _folded(evidence.customer)
    fit = [
        story
        for story in guide.references
        if _folded(story.customer) != own
        and (not story.products or sold.intersection(map(_folded, story.products)))
    ]
    fit.sort(key=lambda story: not story.products)
    shown = [each for story in fit if (each := _reference(story, evidence, notebook))]
    if not shown:
        notebook.ask("references", "open_no_reference")
    return tuple(shown[:_MOST_REFERENCES])


def terms(
    guide: CompanyGuide, evidence: ProposalEvidence, notebook: Notebook, valid_until: date | None
) -> tuple[Term, ...]:
    """Return the guide's clauses, and until when the offer is valid."""
    language = evidence.language
    found = []
    for at, clause in enumerate(guide.terms):
        title, text = clause.title.in_language(language), clause.text.in_language(language)
        if title is None or text is None:
            notebook.ask("terms", "open_translate", what=clause.title.en or clause.title.zh or at)
            continue
        fact = phrase("fact_guide", language, text=text)
        source = notebook.record(fact, f"guide:terms[{at}]", is_approved=True)
        found.append(Term(title, ((notebook.say(text, source),),)))
    if not guide.terms:
        notebook.ask("terms", "open_no_terms")
    if valid_until is None:
        notebook.ask("terms", "open_no_validity")
        return tuple(found)
    day = show_date(valid_until, language)
    quote = next((f.id for f in notebook.pack.facts if f.source.startswith("quote:")), None)
    source = quote or notebook.record(
        phrase("fact_valid", language, day=day), "request:valid_days", is_approved=True
    )
    sentence = notebook.say(phrase("valid", language, day=day), source)
    for at, term in enumerate(found):
        if _VALIDITY.search(term.title):
            found[at] = replace(term, paragraphs=(*term.paragraphs, (sentence,)))
            return tuple(found)
    return (*found, Term(phrase("validity", language), ((sentence,),)))


def join(parts: Sequence[str], evidence: ProposalEvidence) -> str:
    """Return `a, b and c` in the document's language."""
    if len(parts) < 2:
        return "".join(parts)
    comma = "、" if evidence.language == "zh" else ", "
    return f"{comma.join(parts[:-1])}{phrase('and', evidence.language)}{parts[-1]}"


def _reference(
    story: CustomerStory, evidence: ProposalEvidence, notebook: Notebook
) -> Reference | None:
    text = story.text.in_language(evidence.language)
    if text is None:
        notebook.ask("references", "open_translate", what=story.customer)
        return None
    fact = phrase("fact_guide", evidence.language, text=f"{story.customer}: {text}")
    source = notebook.record(fact, f"guide:references[{story.customer}]")
    return Reference(story.customer, (notebook.say(text, source),))


def _talks_on(spoken: Sequence[Talked], evidence: ProposalEvidence) -> str:
    language = evidence.language
    days = [(talk.kind, show_date(talk.started_at.date(), language)) for talk in reversed(spoken)]
    days = list(dict.fromkeys(days))
    kinds = {kind for kind, _ in days}
    if len(days) > 1 and len(kinds) == 1:
        kind = phrase(kinds.pop(), language)
        return phrase("talks_on", language, kind=kind, days=join([d for _, d in days], evidence))
    shown = [phrase("talk_on", language, kind=phrase(k, language), day=day) for k, day in days]
    return join(shown, evidence)


def _talk_fact(talk: Talked, notebook: Notebook) -> str:
    language = notebook.language
    text = phrase(
        "fact_talk", language, kind=phrase(talk.kind, language), title=talk.title,
        day=show_date(talk.started_at.date(), language),
    )  # fmt: skip
    return notebook.record(text, f"conversation:{talk.conversation_id}")


def _ends(told: Iterable[Statement], days: Sequence[date]) -> list[Statement]:
    """Return one statement of the first day and one of the last."""
    by_day = {statement.said_on: statement for statement in told}
    return [by_day[day] for day in dict.fromkeys((days[0], days[-1]))]


def _neighbours(turn: Sequence[Statement]) -> list[Statement]:
    """Return the best sentence of a turn with those that follow each other around it."""
    telling = [each for each in turn if each.voices != {Voice.PAIN}] or list(turn)
    best = max(telling, key=lambda each: each.weight)
    kept = [best]
    for each in telling:
        is_next = abs(each.place - kept[-1].place) == 1 or abs(each.place - kept[0].place) == 1
        length = length_of(" ".join(one.words for one in (*kept, each)))
        if each is not best and is_next and length <= _LONGEST_QUOTE:
            kept = sorted((*kept, each), key=lambda one: one.place)
    return kept


def _by_many(groups: Sequence[list[Statement]]) -> list[list[Statement]]:
    """Return the first groups, but at most two of one speaker while others wait."""
    count: dict[str, int] = {}
    first: list[list[Statement]] = []
    later: list[list[Statement]] = []
    for group in groups:
        speaker = group[0].speaker
        count[speaker] = count.get(speaker, 0) + 1
        (first if count[speaker] <= 2 else later).append(group)
    return [*first, *later][:MOST_QUOTATIONS]


def _spaced(name: str, language: str) -> str:
    """Return a name set off by spaces where Chinese text runs up to its Latin letters."""
    return f" {name} " if language == "zh" and name.isascii() else name


def _folded(name: str) -> str:
    return fold_script(name).casefold().strip()
