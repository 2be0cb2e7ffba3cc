"""Checks whose statement a sentence passes on: their "we" is our "you", and the other way round."""

import re
from collections.abc import Collection, Sequence

from copilot.grounding import lexicon
from copilot.grounding.clauses import overlap, split_clauses, words_of
from copilot.grounding.names import fold
from copilot.grounding.sentences import Problem, ProblemKind
from copilot.grounding.spoken import Said, read_said
from crm.facts import Fact

_FIRST = re.compile(
    r"\b(?:we|us|our|ours|I|me|my|mine|I['’]\w+|we['’]\w+)\b|(?<!让)我|咱|本公司|敝司",
    re.IGNORECASE,
)
_SECOND = re.compile(
    r"\b(?:you|your|yours|you['’]\w+)\b|您|你|贵司|贵公司|贵方|贵团队|贵单位", re.IGNORECASE
)
_FRAME = re.compile(
    r"^\W*(?:(?:as|and|but|also|so|when|since|because|that) )*"
    r"(?:(?:you|your team|he|she|they|[A-Z]\w+(?: [A-Z]\w+)?)(?: and your \w+)?(?:['’]ve| have"
    r"| had| also|['’]d)? "
    r"(?:said|told us|told me|mentioned|noted|asked|wrote|explained|confirmed|pointed out|raised"
    r"|stated|added|shared|"
    r"wanted to know|emphasi[sz]ed|stressed|reported|let (?:us|me) know|expressed|indicated"
    r"|described)"
    r"|(?:we|I)(?: also)? (?:understand|understood|know|see|heard|hear|noted|note|recall|remember"
    r"|learned|gather|appreciate)"
    r"|thank you for (?:telling|letting|sharing)(?: (?:us|me))?(?: know)?)"
    r"(?: that| whether| if| how| about)?\b[,:]?"
    r"|^\W*(?:正如|如|按照)?(?:您|你|贵司|贵公司|[\u4e00-\u9fff]{1,3}(?:总|经理|先生|女士|工"
    r"|主任))(?:之前|刚才|还|也|曾"
    r"|在[^，。]{1,10})?"
    r"(?:提到|提出|说过|说|表示|告诉我们|告知|问到|问|提及|反馈|强调|介绍|指出|询问|写道|提过"
    r"|确认)(?:的|了|过)?[，：:,]?"
    r"|^\W*(?:我们|我)(?:也|都|已)?(?:了解到|理解|注意到|知道|明白|得知|记得|听说|清楚)[，：:,]?",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"[?？]|\b(?:please|can you|could you|would you|need you|want you|expect you)\b"
    r"|^\W*(?:and |so |then |just )?(?:send|call|give|let|show|share|write|tell|help|ship|include"
    r"|make|keep|get|set|put|"
    r"forward|add|check|bring|come|prepare|arrange|book|schedule|confirm|invite)\b"
    r"|请|麻烦|帮|^\W*(?:发|给|安排|把|提供|寄|带|准备)|能不能|可不可以|给我|发我|告诉我|联系我",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|「[^」]*」|『[^』]*』")
_ALIKE = 0.55


def check_persons(sentence: str, facts: Sequence[Fact], outside: Collection[str]) -> list[Problem]:
    """Return a problem if a clause restates somebody's words with the wrong "we" or "you".

    A clause restates words when three fifths of its words stand in one clause of theirs.
    """
    for clause in split_clauses(_QUOTED.sub(" ", sentence), at_conjunctions=False):
        bare = _FRAME.sub("", clause)
        mine, words = _persons(bare), words_of(bare)
        if not mine or len(words) < 2:
            continue
        is_plan = bool(_WILL.match(bare))
        alike = _WILL_ALIKE if is_plan else _ALIKE
        verdicts = [
            (_acts(bare, spoken, theirs) if is_plan else _fits(bare, mine, spoken, theirs))
            or bool(not theirs and _GETS.search(bare))
            for spoken, theirs in _spoken_clauses(facts, outside)
            if overlap(words, words_of(spoken)) >= alike and (_persons(spoken) or theirs)
        ]
        if verdicts and not any(verdicts):
            return [Problem(ProblemKind.SPEAKER, clause.strip()[:60])]
    return _owns(sentence, facts, outside)


_WILL = re.compile(
    r"^\W*(?:and |so )?(?:you|we|I)(?:['’]ll| will| are going to|['’]m going to)\b|^\W*(?:您|我们"
    r"|我"
    r"|贵司)(?:会|将)",
    re.IGNORECASE,
)


def _acts(clause: str, spoken: str, is_theirs: bool) -> bool:
    """Say whether the one who is to act is the same in a plan and in the words it rests on."""
    if _ASKS.search(spoken):
        return True
    mine, theirs = _first_person(clause), _first_person(spoken)
    return not theirs or mine == (3 - theirs if is_theirs else theirs)


def _first_person(text: str) -> int:
    first, second = _FIRST.search(text), _SECOND.search(text)
    if first and second:
        return 1 if first.start() < second.start() else 2
    return 1 if first else 2 if second else 0


_GETS = re.compile(
    r"\byou(?:['’]ll| will| should| can)? (?:have|receive|get|find|see|hear|be)\b|您(?:会|将"
    r"|可以)?(?:收到|看到|拿到)",
    re.IGNORECASE,
)
_WILL_ALIKE = 0.4
_THEIR_OWN = re.compile(
    r"\bour (?:\w+ )?(?:budget|ceiling)\b|(?:我们|我司|我方)(?:的|今年的|明年的)?预算",
    re.IGNORECASE,
)


def _owns(sentence: str, facts: Sequence[Fact], outside: Collection[str]) -> list[Problem]:
    """Return a problem if the customer's budget is called ours."""
    match = _THEIR_OWN.search(_QUOTED.sub(" ", sentence))
    if match is None or not any(fact.id in outside for fact in facts):
        return []
    ours = " ".join(fact.text for fact in facts if fact.id not in outside)
    if re.search(r"budget|ceiling|预算", ours, re.IGNORECASE):
        return []
    return [Problem(ProblemKind.SPEAKER, match.group())]


_I = re.compile(r"\b(?:I|my|me|I['’]\w+)\b|我(?!们|司|方|公司)")
_WE = re.compile(r"\b(?:we|our|us)\b|我们|我司|我方|咱", re.IGNORECASE)


def check_third_person(
    sentence: str, facts: Sequence[Fact], outside: Collection[str], free_names: Collection[str]
) -> list[Problem]:
    """Return a problem if what another customer says of himself is told of the recipient.

    "I object" by a colleague is no "you object"; "we" speaks for the whole company.
    """
    if not free_names or not _SECOND.search(sentence):
        return []
    for clause in split_clauses(_QUOTED.sub(" ", sentence), at_conjunctions=False):
        bare = _FRAME.sub("", clause)
        words = words_of(bare)
        if not re.match(r"\W*(?:you\b|您)", bare, re.IGNORECASE) or len(words) < 2:
            continue
        for fact in facts:
            said = read_said(fact)
            if said is None or fact.id not in outside or _is_one_of(said.who, free_names):
                continue
            if said.who and any(
                _I.search(one) and not _WE.search(one) and overlap(words, words_of(one)) >= _ALIKE
                for one in _sentences(said.words)
            ):
                return [Problem(ProblemKind.SPEAKER, clause.strip()[:60])]
    return []


def _spoken_clauses(facts: Sequence[Fact], outside: Collection[str]) -> list[tuple[str, bool]]:
    found = []
    for fact in facts:
        said = read_said(fact)
        task = _OUR_TASK.match(fact.text)
        if said is not None:
            found += [(one, fact.id in outside) for one in _sentences(said.words)]
        elif task is not None:
            found.append((f"{_WE_DO[task['zh'] is not None]} {fact.text[task.end() :]}", False))
    return found


_OUR_TASK = re.compile(r"(?:Our open task|Task open)\b[^:]*:|(?P<zh>我方待办)[^：:]*[：:]")
_WE_DO = ("we will", "我们")


def _sentences(text: str) -> list[str]:
    """Return clauses, each with the subject of its sentence if it has none of its own."""
    found: list[str] = []
    for sentence in re.split(r"(?<=[.!?。！？；;])\s*", text):
        parts = [one for one in re.split(r"，\s*|,\s+", sentence) if one.strip()]
        subject = _SUBJECT.match(parts[0]) if parts else None
        for part in parts:
            lead = "" if subject is None or _persons(part) - {2} else subject.group().strip() + " "
            found.append(lead + part)
    return found


_SUBJECT = re.compile(r"^\W*(?:I|we)\b|^\W*(?:我们|我)", re.IGNORECASE)


def _persons(text: str) -> set[int]:
    return {1 for _ in _FIRST.finditer(text)} | {2 for _ in _SECOND.finditer(text)}


_TO_YOU = re.compile(r"给您|发您|\b(?:to|for) you\b", re.IGNORECASE)


def _fits(clause: str, mine: set[int], spoken: str, is_theirs: bool) -> bool:
    if _ASKS.search(spoken):
        return True
    # What a customer says without any "we" is still the customer's: "our" it is not.
    if not is_theirs and mine == {2} and _TO_YOU.search(clause):
        return True  # what we give them is theirs to be told of
    theirs = _persons(spoken) or {1}
    seen = {3 - person for person in theirs} if is_theirs else theirs
    return bool(mine & seen)


_YOU_SAID = re.compile(
    r"\byou (?:\w+ )?(?!see|know)\w+ed (?:us |me )?that\b|\b(?:you|you also|you had|you have"
    r"|you['’]ve)(?: also| had| just)? (?:described|reported|said|told|mentioned|noted|asked"
    r"|wrote|explained|raised|"
    r"stated|pointed out|requested|emphasi[sz]ed|stressed|added)\b"
    r"|\byou (?:spoke|talked) (?:of|about)\b"
    r"|(?<![跟对向和给同与])您(?:之前|刚才|还|也|曾|在[^，。]{1,10})?(?:来信|来电|邮件里|信里|信中)?"
    r"(?:提到|说过"
    r"|说"
    r"|表示|告诉我们|问到|问|提及|强调|指出|询问|写道"
    r"|提过|要求|介绍过|介绍说|讲过|提出)"
    r"|您的(?:测算|计算|分析)|\byour (?:calculation|analysis)s?\b",
    re.IGNORECASE,
)
_WE_SAID = re.compile(
    r"\b(?:we|I)(?: also| had| have|['’]ve)? (?:said|asked you|told you|mentioned|corrected|replied"
    r"|answered|explained|wrote|promised|offered|"
    r"proposed|suggested|stated|pointed out)\b|\bour (?:own )?(?:analys[ie]s|measurements?|tests?"
    r"|calculations?|figures|data) (?:show|indicat|suggest|prov)\w*"
    r"|(?:我们|我)(?:测下来|测算下来|测得|测试发现|统计发现)|\b(?:our|my) (?:answer|reply"
    r"|suggestion|proposal was"
    r"|offer was|promise)\b"
    r"|(?:我们|我方|我)(?:之前|刚才|还|也|曾|在[^，。]{1,10})?(?:提到|提出|说过|表示|告诉您|答复"
    r"|回复|承诺|建议过|说明|提议|问过您|问过贵)|我们的答复|我方的答复",
    re.IGNORECASE,
)
_NAMED_SAID = re.compile(
    r"(?P<name>[A-Z][\w'’-]+(?: (?:van |von |de |di |da )?[A-Z][\w'’-]+){0,2})(?: (?:has|had|also"
    r"|then))* (?:said|told|mentioned|noted|asked|wrote|"
    r"explained|raised|stated|pointed out|requested|emphasi[sz]ed|stressed|added|confirmed|would"
    r"|thinks|believes|prefers|plans|hopes|wants|wanted|needs|needed|expects|expected)\b"
    r"|(?:^|[，。；：、\s])(?P<zh>[\u4e00-\u9fff]{1,4}?)(?:之前|刚才|还|也|曾|在[^，。]{1,10})?"
    r"(?:提到|说过|表示|告诉我们|问到|提及|强调|指出|询问|写道|提过|要求|希望|担心)"
)
_NO_NAMES = frozenset(
    ["you", "we", "they", "he", "she", "who", "it", "customer", "this", "that", "what", "i"]
)
_NO_ZH_NAMES = (
    "您",
    "我",
    "你",
    "他",
    "她",
    "客户",
    "贵",
    "对方",
    "邮件",
    "会",
    "电话",
    "通话",
    "中",
    "其",
    "并",
    "同时",
    "还",
    "也",
)


def check_attribution(
    sentence: str, facts: Sequence[Fact], outside: Collection[str], free_names: Collection[str]
) -> list[Problem]:
    """Return a problem if words are put into the mouth of somebody who did not say them.

    "You" is the recipient, whose name is free; "we said" needs words of ours; a name before a verb
    of saying needs that name in front of the quoted words.
    """
    spoken = [(fact, said) for fact in facts if (said := read_said(fact)) is not None]
    if not spoken:
        return []
    bare = _QUOTED.sub(" ", sentence)
    problems = []
    theirs = [said for fact, said in spoken if fact.id in outside]
    named = [said.who for said in theirs if said.who]
    you, ours = _YOU_SAID.search(bare), _WE_SAID.search(bare)
    is_known = any(_is_one_of(said.who, free_names) for said in theirs) or not free_names
    if you and theirs and named and len(named) == len(theirs) and not is_known:
        problems.append(Problem(ProblemKind.SPEAKER, you.group().strip()))
    if (you and _is_of_other(bare, you, spoken, outside, theirs=True)) or (
        ours and _is_of_other(bare, ours, spoken, outside, theirs=False)
    ):
        problems.append(Problem(ProblemKind.SPEAKER, bare.strip()[:60]))
    if you and not theirs:
        problems.append(Problem(ProblemKind.SPEAKER, you.group().strip()))
    if ours and all(fact.id in outside for fact in facts):
        problems.append(Problem(ProblemKind.SPEAKER, ours.group().strip()))
    speakers = [said.who for _, said in spoken if said.who]
    quoted = [said.words for _, said in spoken]
    for match in _NAMED_SAID.finditer(bare):
        name = (match["name"] or match["zh"] or "").strip()
        if len(speakers) == len(facts) and _is_other(name, speakers, quoted, facts, free_names):
            problems.append(Problem(ProblemKind.SPEAKER, match.group().strip(" ，。；：、")))
    return problems


_OTHERS, _OWN = 0.6, 0.34


def _is_of_other(
    sentence: str,
    match: re.Match[str],
    spoken: Sequence[tuple[Fact, Said]],
    outside: Collection[str],
    *,
    theirs: bool,
) -> bool:
    """Say whether what "you" or "we" are said to have said are rather the words of the other."""
    rest = re.split(r"[;；]", sentence[match.end() :])[0]
    words = words_of(rest)
    best = {True: 0.0, False: 0.0}
    for fact, said in spoken:
        is_theirs = fact.id in outside
        best[is_theirs] = max(best[is_theirs], overlap(words, words_of(said.words)))
    return len(words) > 1 and best[not theirs] >= _OTHERS and best[theirs] <= _OWN


def _is_one_of(who: str, names: Collection[str]) -> bool:
    mine = fold(who)
    return any(_alike(mine, fold(name)) for name in names if name)


def _alike(first: str, second: str) -> bool:
    if not first or not second:
        return False
    if first in second or second in first:
        return True
    # 王总 is 王建国: the surname before a title.
    is_han = not first.isascii() and not second.isascii()
    return (
        is_han
        and first[0] == second[0]
        and (first[-1] in "总工" or second[-1] in "总工" or len(first) > 3 or len(second) > 3)
    )


def _is_other(
    name: str,
    speakers: Sequence[str],
    quoted: Sequence[str],
    facts: Sequence[Fact],
    free_names: Collection[str],
) -> bool:
    if not name or (not name.isascii() and name[0] not in lexicon.SURNAMES):
        return False
    if fold(name) in _NO_NAMES or name.startswith(_NO_ZH_NAMES) or name.endswith(_NO_ZH_NAMES):
        return False
    if any(_alike(fold(name), fold(who)) for who in speakers):
        return False
    if any(fold(name) in fold(said) for said in quoted):
        return False  # somebody speaks of that person
    # Only a name that the facts hold or that is free is judged here: any other fails as a name.
    return _is_one_of(name, free_names) or any(fold(name) in fold(fact.text) for fact in facts)
