"""The summary: three to six sentences made by code from the notes, each citing its segments."""

from collections.abc import Sequence
from dataclasses import dataclass

from copilot.writers.calls.checking import Checker
from copilot.writers.calls.notes import Line, NoteDraft, Talk
from copilot.writers.calls.qualification import Element
from copilot.writers.calls.wording import Wording
from crm.index.passages import length_of
from crm.models import ConversationKind, NoteKind, Side
from tools.language import Language
from tools.spoken import KIND_WORDS, shorten

_QUOTE = 26.0
_TOPICS = 3
_PROMISES = 2
_POINTS = 3
_WORDS = {
    "en": {
        "opening": "{kind} on {day}{length} between {ours} (our side) and {theirs} (customer)"
        "{about}.",
        "opening_any": "{kind} on {day}{length} with {everybody}{about}.",
        "length": ", {minutes} minutes,",
        "about": ", mainly about {topics}",
        "titled": ': "{title}"',
        "pain": 'The problem in {who}\'s words: "{quote}"',
        "objection": '{who} objected: "{quote}"',
        "competitor": 'A competitor came up: "{quote}"',
        "close": 'On timing {who} said: "{quote}"',
        "budget": 'On the budget {who} said: "{quote}"',
        "promise": '{who} will do: "{quote}"{due}',
        "due": " (due {day})",
        "promises": "; ",
        "none": "Neither side committed itself to anything.",
        "next": 'Next step on {day}: "{quote}"',
        "no_next": "No next meeting was agreed.",
        "comma": ", ",
    },
    "zh": {
        "opening": "{day}{kind}{length}，我方{ours}，客户{theirs}{about}。",
        "opening_any": "{day}{kind}{length}，参与者{everybody}{about}。",
        "length": "（{minutes}分钟）",
        "about": "，主要谈到{topics}",
        "titled": "：《{title}》",
        "pain": "{who}说的问题：“{quote}”",
        "objection": "{who}提出异议：“{quote}”",
        "competitor": "提到竞争对手：“{quote}”",
        "close": "关于时间，{who}说：“{quote}”",
        "budget": "关于预算，{who}说：“{quote}”",
        "promise": "{who}的承诺：“{quote}”{due}",
        "due": "（{day}前）",
        "promises": "；",
        "none": "双方都没有作出承诺。",
        "next": "下一步（{day}）：“{quote}”",
        "no_next": "没有约定下次沟通的时间。",
        "comma": "、",
    },
}


@dataclass(frozen=True)
class Point:
    """One thing that the summary tells: in code's words around a quote, or in the model's."""

    form: str
    who: str
    text: str
    segments: tuple[int, ...]


def summarise(
    lines: Sequence[Line],
    notes: Sequence[NoteDraft],
    elements: Sequence[Element],
    talk: Talk,
    *,
    language: Language,
    checker: Checker,
    wording: Wording,
) -> list[NoteDraft]:
    """Return the summary's sentences; one that does not hold is left out."""
    if not lines:
        return []
    opening, about = _opening(lines, notes, talk, language)
    checker.add_talk(opening)
    sentences = [(opening, about)]
    for point in _points(notes, elements):
        sentences.append((_told(point, language, checker, wording), point.segments))
    sentences += _ends(notes, language, is_spoken=talk.kind != ConversationKind.EMAIL, lines=lines)
    kept = []
    for text, segments in sentences:
        if checker.holds(text, segments, with_talk=True):
            kept.append(_note(text, segments, lines))
    return kept


def _opening(
    lines: Sequence[Line], notes: Sequence[NoteDraft], talk: Talk, language: Language
) -> tuple[str, tuple[int, ...]]:
    words = _WORDS[language]
    kind = KIND_WORDS[language].get(talk.kind, talk.kind)
    topics = [note for note in notes if note.kind is NoteKind.TOPIC]
    names = [note.text.split(" · ")[0] for note in topics[:8]]
    chosen = list(dict.fromkeys(names))[:_TOPICS]
    if len(topics) == 1:
        chosen = topics[0].text.split(" · ")[:_TOPICS]
    about = words["about"].format(topics=words["comma"].join(chosen)) if chosen else ""
    if talk.kind == ConversationKind.EMAIL:
        about = words["titled"].format(title=" ".join(talk.title.split())[:120])
    given = {
        "kind": kind.capitalize(),
        "day": talk.day.isoformat(),
        "length": _length(lines, words["length"]),
        "about": about,
    }
    ours, theirs = _people(lines, Side.OURS), _people(lines, Side.CUSTOMER)
    if ours and theirs:
        both = {"ours": words["comma"].join(ours), "theirs": words["comma"].join(theirs)}
        text = words["opening"].format(**given, **both)
    else:
        everybody = list(dict.fromkeys(line.speaker for line in lines))[:6]
        text = words["opening_any"].format(**given, everybody=words["comma"].join(everybody))
    places = [segment for note in topics for segment in note.segments] or [lines[0].position]
    return text, tuple(dict.fromkeys(places))


def _length(lines: Sequence[Line], form: str) -> str:
    ends = [line.end_ms for line in lines if line.end_ms is not None]
    minutes = round((ends[-1] - (lines[0].start_ms or 0)) / 60_000) if ends else 0
    return form.format(minutes=minutes) if minutes > 0 else ""


def _people(lines: Sequence[Line], side: Side) -> list[str]:
    return list(dict.fromkeys(line.speaker for line in lines if line.side is side))[:5]


def _points(notes: Sequence[NoteDraft], elements: Sequence[Element]) -> list[Point]:
    """Return what matters most between opening and commitments, in the order of the talk."""
    found: list[Point] = []
    for key, form in (
        ("meddicc.identify_pain", "pain"),
        ("expected_close_on", "close"),
        ("bant.budget", "budget"),
    ):
        told = [each for each in elements if each.key == key]
        if told:
            best = max(told, key=lambda each: (each.confidence, -each.statement.line.place))
            line = best.statement.line
            told_there = line.text if length_of(line.text) <= _QUOTE else best.statement.text
            found.append(Point(form, line.speaker, told_there, (line.position,)))
    for kind, form in ((NoteKind.OBJECTION, "objection"), (NoteKind.COMPETITOR, "competitor")):
        of_kind = [note for note in notes if note.kind is kind]
        if of_kind:
            note = of_kind[0]
            text = note.text.partition(": ")[2] if kind is NoteKind.COMPETITOR else note.text
            found.append(Point(form, note.speaker or "", text, note.segments[:1]))
    priority = ("pain", "objection", "competitor", "close", "budget")
    found.sort(key=lambda point: priority.index(point.form))
    unique = list({point.segments: point for point in reversed(found)}.values())[::-1]
    return sorted(unique[:_POINTS], key=lambda point: point.segments)


def _told(point: Point, language: Language, checker: Checker, wording: Wording) -> str:
    worded = wording.sentence(point.text, point.who, point.segments, checker)
    if worded:
        return worded
    quote = shorten(point.text, (), _QUOTE)
    return _WORDS[language][point.form].format(who=point.who, quote=quote)


def _ends(
    notes: Sequence[NoteDraft], language: Language, *, is_spoken: bool, lines: Sequence[Line]
) -> list[tuple[str, tuple[int, ...]]]:
    words = _WORDS[language]
    found: list[tuple[str, tuple[int, ...]]] = []
    promises = [note for note in notes if note.kind is NoteKind.COMMITMENT]
    for side in (Side.OURS, Side.CUSTOMER):
        own = [note for note in promises if note.side is side]
        dated = [note for note in own if note.due_on] or own
        chosen = dated[-_PROMISES:] if len(dated) > _PROMISES else dated
        if chosen:
            text = words["promises"].join(_promise(note, words) for note in chosen)
            segments = tuple(dict.fromkeys(s for note in chosen for s in note.segments))
            found.append((text, segments))
    ends = (lines[0].position, lines[-1].position)
    if not found and is_spoken:
        found.append((words["none"], ends))
    step = next((note for note in notes if note.kind is NoteKind.NEXT_STEP), None)
    if step is not None and step.due_on is not None:
        quote = shorten(step.text, (), _QUOTE)
        found.append(
            (words["next"].format(day=step.due_on.isoformat(), quote=quote), step.segments)
        )
    elif is_spoken and len(found) < 2:
        found.append((words["no_next"], ends))
    return found


def _promise(note: NoteDraft, words: dict[str, str]) -> str:
    due = words["due"].format(day=note.due_on.isoformat()) if note.due_on else ""
    quote = shorten(note.text, (), _QUOTE)
    return words["promise"].format(who=note.speaker or "", quote=quote, due=due)


def _note(text: str, segments: tuple[int, ...], lines: Sequence[Line]) -> NoteDraft:
    first = next((line for line in lines if line.position == segments[0]), None)
    return NoteDraft(
        kind=NoteKind.SUMMARY,
        text=text,
        segments=segments,
        start_ms=first.start_ms if first else None,
        end_ms=None,
    )
