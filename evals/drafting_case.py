"""One draft to be judged, with its task and its day, as the criteria of the rubric look at it."""

import re
from dataclasses import dataclass
from datetime import date

from copilot.writers.draft import Draft
from evals.drafting_tasks import Resolved

HAN = r"[\u4e00-\u9fff]"
_SENTENCE = re.compile(r".+?(?:[.!?]+(?=\s|$)|[。！？；…]+|\n+|$)", re.DOTALL)


@dataclass(frozen=True)
class Case:
    """A draft, the task that asked for it, and the day on which it would be sent."""

    draft: Draft
    resolved: Resolved
    today: date

    @property
    def language(self) -> str:
        """The language that was asked for."""
        return self.resolved.task.language

    @property
    def text(self) -> str:
        """The ready text without greeting and closing."""
        return "\n".join(
            " ".join(one.text for one in paragraph) for paragraph in self.draft.paragraphs
        )

    @property
    def own(self) -> str:
        """The same without what stands in quotation marks."""
        return re.sub(r"[\"“「][^\"“”「」]*[\"”」]", " ", self.text)

    @property
    def is_chat(self) -> bool:
        """Say whether it goes by a chat."""
        return self.resolved.task.channel.value != "email"


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a text, none empty."""
    return [one.strip() for one in _SENTENCE.findall(text) if one.strip()]
