"""What a person may use and has used up, told in the language of who asks."""

from collections.abc import Iterator
from contextlib import contextmanager

from crm.errors import CopilotError, TransientError
from tools.language import Language


class UsedUp(TransientError):
    """No more is allowed for now; the message is English until `told_in` knows better."""

    def __init__(self, *, en: str, zh: str) -> None:
        super().__init__(en)
        self._told: dict[Language, str] = {"en": en, "zh": zh}

    def in_language(self, language: Language) -> str:
        """Return the message in a language."""
        return self._told[language]


@contextmanager
def told_in(language: Language) -> Iterator[None]:
    """Let limits that are met inside speak this language."""
    try:
        yield
    except UsedUp as error:
        error.args = (error.in_language(language),)
        raise


def in_words(error: CopilotError, language: Language) -> str:
    """Return an error's message, in the language where it has one in it."""
    return error.in_language(language) if isinstance(error, UsedUp) else str(error)
