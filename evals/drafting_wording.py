"""What a sentence promises, claims to have done, and puts into whose mouth, against its facts."""

import re
from collections.abc import Iterator

from evals.drafting_figures import flat
from evals.drafting_ground import (
    QUOTED,
    Finding,
    Ground,
    bare,
    content,
    is_chinese,
    is_other_script,
    matches,
    pattern,
    without,
)

_REPORTED = re.compile(
    r"\byou (?:told me|said|mentioned|wrote|asked)(?: that)?"
    r"|您(?:之前|也|还)?(?:提到|说过?|表示)(?:过)?",
    re.I,
)


def of_words(text: str, ground: Ground) -> Iterator[Finding]:
    language = "zh" if re.search(r"[\u4e00-\u9fff]", text) else "en"
    own = without(text, (match[0] for match in QUOTED.finditer(text)))
    asks = own.rstrip().endswith(("?", "？"))
    is_courtesy = matches("courtesy", language, own.strip()) != ""
    if not ground.facts and not is_courtesy and not asks and re.search(r"\w", own):
        yield Finding("uncited", own.strip()[:80], text)
    yield from _of_promises(own, ground, language, asks=asks)
    done = matches("done", language, own)
    if done and not asks and not _is_done(done, ground):
        yield Finding("action", done, text)
    superlative = matches("superlative", language, own)
    if superlative and not asks and superlative.casefold() not in ground.text.casefold():
        yield Finding("superlative", superlative, text)
    yield from _of_speakers(own, ground, language, asks=asks)
    for part in re.split(r"(?<=[.!?。！？])\s*", own) if ground.facts else ():
        if bare(part) and bare(part) not in bare(ground.text):
            yield from _of_polarity(part, ground, language, asks=asks)
            yield from _of_content(part, ground, asks=asks)


def _of_promises(own: str, ground: Ground, language: str, *, asks: bool) -> Iterator[Finding]:
    promise = matches("promise", language, own)
    is_harmless = asks or matches("harmless", language, own) != ""
    if promise and not is_harmless and not _is_ours(promise, own, ground):
        yield Finding("promise", promise, own)
    bound = matches("binding", language, own)
    if bound and not _is_bound_by(bound, ground):
        yield Finding("promise", bound, own)


def _is_ours(promise: str, text: str, ground: Ground) -> bool:
    wanted = content(text)
    for fact, origin in zip(ground.facts, ground.origins, strict=True):
        is_ours = origin.sides == {"ours"} or origin.table in {
            "quotes", "policy", "price_book_entries",
        }  # fmt: skip
        if is_ours and (is_other_script(text, fact.text) or wanted & content(fact.text)):
            return True
    # What the customer will do is the customer's to promise.
    about_them = re.search(r"\byou(?:'ll| will)\b|您(?:会|将)|贵公司", text) is not None
    own_words = re.search(r"\b(?:I|we)(?:'ll| will)\b|我们?", text) is not None
    mentions = promise.casefold() in ground.text.casefold()
    return "customer" in ground.sides and (about_them or mentions) and not own_words


def _is_bound_by(bound: str, ground: Ground) -> bool:
    """Say whether words of ours, an offer or a policy hold what binds us, by the word's stem."""
    stem = bound.casefold()[:6] if bound.isascii() else bound
    return any(
        stem in flat(fact.text).casefold()
        and (origin.sides == {"ours"} or origin.table in {"quotes", "policy", "price_book_entries"})
        for fact, origin in zip(ground.facts, ground.origins, strict=True)
    ) or ("customer" in ground.sides and stem in ground.text.casefold())


def _is_done(done: str, ground: Ground) -> bool:
    if done.casefold() in ground.text.casefold() and "ours" in ground.sides:
        return not re.search(r"attach|enclos|附", done)
    discussed = re.search(r"discuss|agreed|讨论|商定|约定", done)
    if discussed:
        return any(origin.table == "conversations" for origin in ground.origins)
    return not re.search(r"attach|enclos|附", done) and any(
        origin.table in {"activities", "quotes"} or "ours" in origin.sides
        for origin in ground.origins
    )


def _of_speakers(text: str, ground: Ground, language: str, *, asks: bool) -> Iterator[Finding]:
    said_by_you = matches("said_by_you", language, text)
    is_offer = asks and re.search(r"need|希望", said_by_you) is not None
    if said_by_you and not is_offer and "customer" not in ground.sides:
        yield Finding("speaker", said_by_you, text)
    asked = matches("asked_by_you", language, text)
    if asked and not asks_back(text) and not _is_question(ground):
        yield Finding("speaker", f"{asked}: nothing was asked", text)
    hearsay = _hearsay_taken_for_theirs(text, ground, language)
    if hearsay:
        yield Finding("speaker", f"{hearsay} said so, not the reader", text)
    together = re.search(r"贵(?:司|公司|方)(?:一起|一同|共同)", text)
    if together and re.search(r"(?:我们|咱们)(?:一起|一同|共同)", ground.text):
        yield Finding("speaker", f"{together[0]}: it was both sides", text)
    reported = matches("reported_me", language, text)
    # "You will send it", said to us, is told as "I will send it".
    if reported and not re.search(
        r"\byou\b|\byour\b|[你您]|贵(?:公司|司|方)", _quoted_of(ground), re.I
    ):
        yield Finding("speaker", reported, text)
    said_by_us = matches("said_by_us", language, text)
    if said_by_us and "ours" not in ground.sides and not ground.has_approved:
        yield Finding("speaker", said_by_us, text)
    named = re.search(
        r"\b([A-Z][a-z]+)(?: [A-Z][a-z]+)? (?:said|asked|mentioned|told|wrote|wanted|confirmed"
        r"|promised|agreed)\b"
        r"|([\u4e00-\u9fff](?:总|经理|工|主任))(?:曾|之前)?(?:说|提到|问|表示|确认|答应|希望)",
        text,
    )
    if named:
        name = (named[1] or named[2][0]).casefold()
        speakers = " ".join(one for origin in ground.origins for one in origin.speakers)
        if name not in {"you", "we"} and name not in speakers.casefold():
            yield Finding("speaker", named[0], text)


def _hearsay_taken_for_theirs(text: str, ground: Ground, language: str) -> str:
    """Return who said what the sentence puts into the reader's mouth, "" if the reader did."""
    if not matches("own_stance", language, text) or len(ground.facts) != 1:
        return ""
    words = _quoted(flat(ground.facts[0].text))
    found = pattern("hearsay", "zh" if is_chinese(words) else "en").search(words)
    if found is None or found["who"] in text or is_other_script(text, words):
        return ""
    told = content(words[found.start() : found.end() + 40])
    return found["who"] if told & content(text) else ""


def asks_back(text: str) -> bool:
    """Say whether a sentence is a question of ours, as "What is your question?" is."""
    return re.search(r"\byour question|您的", text) is not None and text.rstrip()[-1:] in "?？"


def _is_question(ground: Ground) -> bool:
    theirs = [
        flat(fact.text)
        for fact, origin in zip(ground.facts, ground.origins, strict=True)
        if "customer" in origin.sides
    ]
    return any(
        matches("question", "zh" if is_chinese(words) else "en", _quoted(words)) for words in theirs
    )


def _quoted_of(ground: Ground) -> str:
    return " ".join(_quoted(flat(fact.text)) for fact in ground.facts)


def _quoted(words: str) -> str:
    found = QUOTED.findall(words)
    return " ".join(found) or words


def _of_polarity(text: str, ground: Ground, language: str, *, asks: bool) -> Iterator[Finding]:
    mine = content(re.sub(_REPORTED, " ", text))
    if asks or len(mine) < 2:
        return
    is_negated = bool(matches("negation", language, text))
    near: list[tuple[float, bool, str]] = []
    for fact in ground.facts:
        for clause in _clauses(flat(fact.text)):
            theirs = content(clause)
            both = len(mine & theirs)
            share = both / max(1, min(len(mine), len(theirs)))
            is_asked = clause.rstrip().endswith(("?", "？")) or is_other_script(text, clause)
            if both >= 2 and share >= 0.5 and not is_asked:
                near.append((share, bool(matches("negation", language, clause)), clause))
    if near and max(near)[0] >= 0.6 and all(negated != is_negated for _, negated, _ in near):
        yield Finding("negation", max(near)[2][:80], text)


def _clauses(text: str) -> list[str]:
    """Return the sentences of a text, and those with commas in their parts as well."""
    sentences = [one for one in re.split(r"(?<=[.!?。！？;；])\s*|[\"“”]", text) if one.strip()]
    told = [one for one in sentences if one.rstrip()[-1:] not in {"?", "？"}]
    parts = [part for one in told for part in re.split(r"[,，]", one)]
    return [*sentences, *(part for part in parts if part not in sentences)]


def _of_content(text: str, ground: Ground, *, asks: bool) -> Iterator[Finding]:
    bare = re.sub(r"[零一二两三四五六七八九十百千万亿\d]+", " ", re.sub(_REPORTED, " ", text))
    mine = content(bare)
    allowed = content(f"{ground.text} {' '.join(ground.known.names)}")
    is_courtesy = matches("courtesy", "zh" if is_chinese(text) else "en", text.strip())
    if (
        asks
        or is_courtesy
        or len(mine) < (8 if is_chinese(text) else 4)
        or is_other_script(text, ground.text)
    ):
        return
    if len(mine & allowed) / len(mine) < 0.25:
        yield Finding("content", " ".join(sorted(mine - allowed)[:6]), text)
