"""What a sentence commits us to, says was done, or denies, and whether facts carry that."""

import re
from collections.abc import Collection, Sequence

from copilot.grounding.commitments import own_parts
from copilot.grounding.ground import Ground
from copilot.grounding.sentences import Problem, ProblemKind
from crm.facts import Fact, FactKind

_RISKS = {
    "price": re.compile(
        r"\b(?:discount\w*|rebate\w*|refund\w*|price[sd]?|pricing"
        r"|free of charge|at no (?:extra )?cost|"
        r"for free|free|waiv\w+|credits?|costs?|fees?|quot(?:e|ation)s?|% off)\b"
        r"|折扣|优惠|免费|赠送|降价|打折|\d折|[一二三四五六七八九]折|返点|返利"
        r"|价格|报价|费用|总价|单价|让利",
        re.IGNORECASE,
    ),
    "guarantee": re.compile(
        r"\b(?:guarantee\w*|warrant\w*|promise\w*|commit(?:s|ted|ment)?|assure\w*)\b"
        r"|保证|承诺|确保|担保|绝对",
        re.IGNORECASE,
    ),
    "legal": re.compile(
        r"\b(?:indemnif\w+|liabilit\w+|penalt\w+|exclusiv\w+|SLAs?|uptime|terminat\w+)\b"
        r"|赔偿|违约|责任上限|独家|罚款|服务水平",
        re.IGNORECASE,
    ),
    "delivery": re.compile(
        r"\b(?:deliver\w*|go[- ]live|ship(?:s|ped|ping|ment)?|roll(?:ed)?[- ]?out|deploy\w*)\b"
        r"|交付|交货|发货|上线|部署|到货",
        re.IGNORECASE,
    ),
    "roadmap": re.compile(
        r"\b(?:roadmap|will (?:release|launch|support|add)|coming release|next version)\b"
        r"|路线图|将发布|将支持|新版本|下个版本|即将推出",
        re.IGNORECASE,
    ),
}
_COMMITS = re.compile(
    r"\b(?:we|I|our team)(?:['’]ll| will| shall| can| are going to"
    r"|['’]re going to| promise| guarantee)"
    r"(?! (?:be )?(?:glad|happy|look|see each|meet|talk|speak))"
    r"|(?:我们|我方|我司|我|本公司)(?:将|会|一定|能(?!否|不能|够否)|可以|保证|承诺|答应|确保|马上|随后)",
    re.IGNORECASE,
)
_TERMS = re.compile(
    r"\b(?:discount\w*|rebate\w*|refund\w*|free of charge|for free|waiv\w+|guarantee\w*|% off|"
    r"at no (?:extra )?cost|indemnif\w+)\b|折扣|优惠|免费|赠送|降价|打折"
    r"|[一二三四五六七八九\d]折|保证|承诺|返点",
    re.IGNORECASE,
)
_SAID_BY_CUSTOMER = re.compile(
    r"(?<![Aa]s )\b(?:you|they|he|she|customer|[A-Z][a-z]+)(?:['’]d| had| have|['’]ve| also)? "
    r"(?:asked|said|mentioned|noted|raised|requested|wanted|wants?|need(?:ed"
    r"|s)?|hoped?|hopes|expect\w*|told|"
    r"pointed|offered|proposed|suggested|wonder\w*|were asking|are asking|inquired)\b"
    r"|\byour (?:question|request|concern|ask|budget|need|requirement|point)s?\b"
    r"|(?:您|贵司|贵公司|贵方|客户|你们|对方|[\u4e00-\u9fff]{1,3}(?:总|经理|先生|女士|主任|工))"
    r"[^，。,]{0,8}(?:提到|提出|要求|希望|问|询问|想|表示|说|关心|担心|需要|关注)"
    r"|(?:您|贵司|贵公司)(?:的)?(?:问题|需求|要求|顾虑|预算)",
)
_WAS_DONE = re.compile(
    r"\b(?:I|we)(?:['’]ve| have| had)?(?: just| already| now| also)* "
    r"(?:sent|attached|updated|shared|created|scheduled|booked|e?mailed|uploaded|enclosed|"
    r"forwarded|fixed|resolved|signed|included)\b"
    r"|\b(?:find|see|is|are) (?:the )?(?:attached|enclosed)\b"
    r"|\b(?:attached|enclosed)(?: (?:is|are|you|please)|:)"
    r"|\b(?:has|have|was|were) (?:already |just |now )?been (?:sent|updated|attached|created|"
    r"scheduled|booked|uploaded|fixed|resolved)\b|\bI (?:attach|enclose)\b|\bin the attachment\b"
    r"|已(?:经)?(?:将[^，。]{0,12})?(?:发送|发给|发出|发至|附上|更新|创建|安排"
    r"|预约|上传|寄出|解决|修复|保存)"
    r"|(?:附上|随信附|见附件|附件(?:是|为|中|里)|请查收)",
    re.IGNORECASE,
)
# What was done, by what it amounts to: a quote that was sent is not a quote that was updated.
_DEEDS = tuple(
    re.compile(words, re.IGNORECASE)
    for words in (
        r"\b(?:sent|shared|e?mailed|forwarded|uploaded)\b|已.{0,12}(?:发|寄"
        r"|上传)|请查收|发送了|发出了",
        r"attach|enclos|附件|附上|随信附|请查收",
        r"\bupdated\b|已.{0,12}(?:更新|保存)",
        r"\b(?:created|scheduled|booked)\b|已.{0,12}(?:创建|安排|预约)",
        r"\b(?:fixed|resolved)\b|已.{0,12}(?:解决|修复)",
        r"\b(?:signed|included)\b|已.{0,6}签",
    )
)
_OPEN_TASK = re.compile(r"\bopen task\b|未完成", re.IGNORECASE)
_NEGATED = re.compile(
    r"\b(?:not|never|no longer|cannot|without|no|none|nor)\b|n['’]t\b|不(?!仅"
    r"|但|过|断|同(?!意)|少|知|如|妨)|没有|没|未(?!来)|无法|并非|无需",
    re.IGNORECASE,
)
# "Is it or is it not": a question in Chinese, no denial.
_EITHER = re.compile(r"([\u4e00-\u9fff])不\1|有没有|不管|不论|没有?问题")
_WORDS = re.compile(r"[A-Za-z]{3,}|[\u4e00-\u9fff]")
_EMPTY_WORDS = """
the and for you your our are was will with that this have has had can not but from they their
them what when which would could should about there been were its also any all who how his her
said told asked mentioned customer please need does did don doesn won isn cannot never 的 了 是
在 和 与 我 您 们 不 没 有 也 会 将 要 对 于 这 那 就 都 及 贵 司 说 到 提 可 以 能 为 个 未 并 无
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())


def check_promises(sentence: str, facts: Sequence[Fact], ground: Ground) -> list[Problem]:
    """Return the commitments and finished actions in a sentence that no cited fact carries.

    Facts in the customer's words can ask, never promise. Where approval is asked for, what binds
    us on price, delivery or terms is left to the check of commitments. An attachment of the text
    bears out "attached".
    """
    outside = ground.outside_ids()
    ours = [fact for fact in facts if fact.id not in outside]
    problems: list[Problem] = []
    if not ground.is_strict and not _SAID_BY_CUSTOMER.search(sentence):
        problems = _risky(sentence, ours)
    for part in own_parts(sentence) if ground.is_strict else [sentence]:
        commitment = _COMMITS.search(part)
        if ground.is_strict and not commitment and _is_baseless(part, facts):
            problems.append(Problem(ProblemKind.PROMISE, part[:60]))
        if commitment and not problems and not _shares_topic(part[commitment.end() :], ours):
            problems.append(Problem(ProblemKind.PROMISE, part[commitment.start() :][:60].strip()))
    action = _WAS_DONE.search(sentence)
    is_attached = bool(action and ground.attachments and _DEEDS[1].search(action.group()))
    if action and not is_attached and not any(_records_deed(action.group(), fact) for fact in ours):
        problems.append(Problem(ProblemKind.ACTION, action.group()))
    return problems


_ANSWERS = re.compile(
    r"(?:[:;.,]\s*|^)(?:and |but |so )?(?:yes\b|(?:it|this|they) (?:does|do|is|are|can"
    r"|will)\b(?! not\b)"
    r"|(?:we|our (?:product|system|platform|team|solution)) (?:do|does|have|has|support\w*|can"
    r"|offer\w*|provide\w*|include\w*)\b|our (?:product|system|platform|team"
    r"|solution) (?:is|are)\b)"
    r"|(?:[：:；;。，,]|^)(?:是的|支持|可以|能够|没问题|有的|已经(?:支持|具备|提供|可以|能)|我们(?:已|有|支持|可以|能"
    r"|提供|会))",
    re.IGNORECASE,
)
_YOU_SAID = re.compile(
    r"\byou (?:also |had |have )?(?:asked|mentioned|said|told|noted|requested|wanted|proposed)\b"
    r"|(?<![跟对向和给同与])您(?:还|也)?(?:问到|提到|说|要求|希望|表示|询问)",
    re.IGNORECASE,
)


_WILL = re.compile(
    r"\b(?:will|won['’]t|shall|going to|guarantee\w*|never|always)\b|['’]ll\b"
    r"|会(?!议|面|上|谈|后|前|员|计)|将|一定|必定|保证|绝不|永远|终身|随时",
    re.IGNORECASE,
)
_YOURS = re.compile(
    r"\byou(?:r|['’]\w+)?\b|\?|^\W*(?:if|when|once|unless)\b|您|贵|你们|如果|[?？]", re.IGNORECASE
)


def _is_baseless(part: str, facts: Sequence[Fact]) -> bool:
    """Say whether a part foretells something of which no fact says a word."""
    words = content_words(_WILL.sub(" ", part))
    if not facts or not _WILL.search(part) or _YOURS.search(part) or len(words) < _ENOUGH_WORDS:
        return False
    alike = [fact for fact in facts if _script(part) == _script(fact.text)]
    known = frozenset[str]().union(*(content_words(fact.text) for fact in alike))
    return bool(alike) and len(words & known) < _BASE * len(words)


_BASE = 0.34


def check_speaker(sentence: str, cited: Sequence[str], outside: Collection[str]) -> list[Problem]:
    """Return a problem if our answer rests on the customer's words alone, or theirs on ours."""
    is_theirs = [each in outside for each in cited]
    answer, said = _ANSWERS.search(sentence), _YOU_SAID.search(sentence)
    if cited and all(is_theirs) and answer and not sentence.rstrip().endswith(("?", "？")):
        return [Problem(ProblemKind.SPEAKER, answer.group().strip(" :;,.：；，。"))]
    if cited and said and not any(is_theirs):
        return [Problem(ProblemKind.SPEAKER, said.group())]
    return []


def _risky(sentence: str, ours: Sequence[Fact]) -> list[Problem]:
    is_binding = _COMMITS.search(sentence) or _TERMS.search(sentence) or re.search(r"\d", sentence)
    if not is_binding or sentence.rstrip().endswith(("?", "？")):
        return []
    for pattern in _RISKS.values():
        found = pattern.search(sentence)
        if found and not any(_carries(pattern, fact) for fact in ours):
            return [Problem(ProblemKind.PROMISE, found.group())]
    return []


def _carries(pattern: re.Pattern[str], fact: Fact) -> bool:
    return bool(pattern.search(fact.text) or (pattern is _RISKS["price"] and fact.currency))


def _records_deed(action: str, fact: Fact) -> bool:
    if _OPEN_TASK.search(fact.text):
        return False
    deeds = [deed for deed in _DEEDS if deed.search(action)]
    if fact.kind is FactKind.EMAIL and deeds == [_DEEDS[0]]:
        return True  # a mail of ours is itself what was sent
    return any(deed.search(fact.text) for deed in deeds)


def content_words(text: str) -> set[str]:
    """Return the stems of the words, or the single Chinese characters, that carry meaning."""
    words = (word.lower() for word in _WORDS.findall(text))
    return {word[:5] for word in words if word not in _EMPTY}


def _shares_topic(clause: str, ours: Sequence[Fact]) -> bool:
    """Say whether a fact of our own speaks of what the clause commits us to."""
    wanted = content_words(clause)
    for fact in ours:
        words = content_words(fact.text)
        if _script(clause) != _script(fact.text) or len(wanted & words) >= min(2, len(wanted)):
            return True
    return False


def _script(text: str) -> bool:
    chinese = len(re.findall(r"[\u4e00-\u9fff]", text))
    return 2 * chinese > len(_WORDS.findall(text))


_ENOUGH_WORDS = 3
_SAME_STATEMENT = 0.75


def check_negation(sentence: str, facts: Sequence[Fact]) -> list[Problem]:
    """Return a problem if the one clause that a sentence restates says the opposite.

    Precision first: only a near-copy (three quarters of the words) with one more "not" counts.
    """
    if sentence.rstrip().endswith(("?", "？")):
        return []
    for clause in re.split(r"[,;，；]\s*", sentence):
        words = content_words(clause)
        if len(words) < _ENOUGH_WORDS:
            continue
        rivals = [
            part for fact in facts for part in re.split(r"[.,;:。，；：？?！!“”\"]\s*", fact.text)
        ]
        best = max(rivals, key=lambda part: len(words & content_words(part)), default="")
        alike = len(words & content_words(best)) / len(words | content_words(best))
        if alike >= _SAME_STATEMENT and _is_negated(clause) != _is_negated(best):
            return [Problem(ProblemKind.NEGATION, best.strip())]
    return []


def _is_negated(text: str) -> bool:
    return len(_NEGATED.findall(_EITHER.sub("", text))) % 2 == 1
