"""The sentences that leave the copilot: what they cite, what was dropped, and why."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class CitedSentence(BaseModel):
    """One sentence and the ids of the facts on which it rests."""

    model_config = ConfigDict(frozen=True)

    text: str
    facts: tuple[str, ...] = ()


class Dropped(BaseModel):
    """A sentence that was cut, with the reason in words."""

    model_config = ConfigDict(frozen=True)

    text: str
    reason: str


class ProblemKind(StrEnum):
    """What is wrong with a sentence."""

    AMOUNT = "amount"
    NUMBER = "number"
    DATE = "date"
    TIME = "time"
    PERCENTAGE = "percentage"
    DURATION = "duration"
    NAME = "name"
    CONTACT = "contact"
    PROMISE = "promise"
    ACTION = "action"
    NEGATION = "negation"
    CITATION = "citation"
    SPEAKER = "speaker"
    ROLE = "role"
    COMMITMENT = "commitment"
    PRAISE = "praise"
    QUOTE = "quote"
    ENTAILMENT = "entailment"


_MESSAGES = {
    "en": {
        ProblemKind.AMOUNT: "the amount {value!r} is in no fact it cites",
        ProblemKind.NUMBER: "the number {value!r} is in no fact it cites",
        ProblemKind.DATE: "the date {value!r} is in no fact it cites",
        ProblemKind.TIME: "the time {value!r} is in no fact it cites",
        ProblemKind.PERCENTAGE: "the percentage {value!r} is in no fact it cites",
        ProblemKind.DURATION: "the duration {value!r} is in no fact it cites",
        ProblemKind.NAME: "the name {value!r} is in no fact it cites",
        ProblemKind.CONTACT: "the address or number {value!r} is in no fact it cites",
        ProblemKind.PROMISE: "it promises {value!r}, and no fact of our own says so",
        ProblemKind.ACTION: "it says {value!r}, and no fact records that this was done",
        ProblemKind.NEGATION: "it says the opposite of {value!r}",
        ProblemKind.CITATION: "it rests on no fact: {value!r}",
        ProblemKind.SPEAKER: "{value!r} was not said by that side",
        ProblemKind.ROLE: "{value!r} belongs to something else in the facts it cites",
        ProblemKind.COMMITMENT: "it commits us to {value!r}, and no approved fact carries that",
        ProblemKind.PRAISE: "it praises us with {value!r}, and no fact of our own says so",
        ProblemKind.QUOTE: "the quoted words {value!r} stand in no fact it cites",
        ProblemKind.ENTAILMENT: "its facts do not bear it out: {value!r}",
    },
    "zh": {
        ProblemKind.AMOUNT: "引用的事实里没有金额“{value}”",
        ProblemKind.NUMBER: "引用的事实里没有数字“{value}”",
        ProblemKind.DATE: "引用的事实里没有日期“{value}”",
        ProblemKind.TIME: "引用的事实里没有时间“{value}”",
        ProblemKind.PERCENTAGE: "引用的事实里没有百分比“{value}”",
        ProblemKind.DURATION: "引用的事实里没有时长“{value}”",
        ProblemKind.NAME: "引用的事实里没有名称“{value}”",
        ProblemKind.CONTACT: "引用的事实里没有“{value}”这个地址或号码",
        ProblemKind.PROMISE: "句中承诺“{value}”,但我方的事实里没有",
        ProblemKind.ACTION: "句中称“{value}”,但没有事实记录此事已完成",
        ProblemKind.NEGATION: "与事实“{value}”意思相反",
        ProblemKind.CITATION: "没有事实依据:“{value}”",
        ProblemKind.SPEAKER: "“{value}”不是这一方说的",
        ProblemKind.ROLE: "在引用的事实里，“{value}”说的是另一件事",
        ProblemKind.COMMITMENT: "句中承诺“{value}”，但没有已批准的事实支持",
        ProblemKind.PRAISE: "句中自夸“{value}”，但我方没有事实这样说",
        ProblemKind.QUOTE: "引用的事实里没有这句原话“{value}”",
        ProblemKind.ENTAILMENT: "引用的事实推不出这句话：“{value}”",
    },
}


@dataclass(frozen=True)
class Problem:
    """One reason why a sentence may not be shipped; `value` is the piece that fails."""

    kind: ProblemKind
    value: str

    def message(self, language: str) -> str:
        """Return the reason in words, in Chinese for "zh…" and in English otherwise."""
        table = _MESSAGES["zh" if language.startswith("zh") else "en"]
        return table[self.kind].format(value=self.value)
