"""What was heard in one part of a recording, in the form in which it is kept."""

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from ingest.speech.channels import Channel, Samples
from ingest.speech.diarizer import VoicePrint
from ingest.speech.words import Word

_DECIMALS = 4


class PrintRoll(Sequence[VoicePrint]):
    """Voice prints held as plain floats: those of a whole day's talk fit where tuples do not."""

    def __init__(self, prints: Iterable[VoicePrint] = ()) -> None:
        self._times: list[tuple[int, int]] = []
        self._vectors: list[Samples] = []
        for one in prints:
            self._times.append((one.start_ms, one.end_ms))
            self._vectors.append(np.asarray(one.vector, np.float32))

    def __len__(self) -> int:
        return len(self._times)

    @overload
    def __getitem__(self, index: int) -> VoicePrint: ...
    @overload
    def __getitem__(self, index: slice) -> list[VoicePrint]: ...
    def __getitem__(self, index: int | slice) -> VoicePrint | list[VoicePrint]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        start_ms, end_ms = self._times[index]
        return VoicePrint(start_ms, end_ms, tuple(self._vectors[index].tolist()))

    def extend(self, other: "PrintRoll") -> None:
        """Take in the prints of a further part."""
        self._times += other._times
        self._vectors += other._vectors

    def to_json(self) -> list[list[Any]]:
        """Return [start_ms, end_ms, vector] each, the vector in base64."""
        return [
            [*times, base64.b64encode(vector.tobytes()).decode()]
            for times, vector in zip(self._times, self._vectors, strict=True)
        ]

    @classmethod
    def from_json(cls, kept: Iterable[list[Any]]) -> "PrintRoll":
        """Return the prints that `to_json` wrote."""
        roll = cls()
        for start_ms, end_ms, vector in kept:
            roll._times.append((start_ms, end_ms))
            roll._vectors.append(np.frombuffer(base64.b64decode(vector), np.float32))
        return roll


@dataclass(frozen=True)
class FinishedPart:
    """The words of each channel in a part that ends before sample `end`; times as in all of it.

    `dropped` counts the words that nobody spoke.
    """

    end: int
    language: str | None
    words: dict[Channel, tuple[Word, ...]]
    prints: PrintRoll
    dropped: int

    def to_json(self) -> dict[str, Any]:
        """Return it as kept in the store."""
        return {
            "end": self.end,
            "language": self.language,
            "words": {channel: list(_plain(words)) for channel, words in self.words.items()},
            "prints": self.prints.to_json(),
            "dropped": self.dropped,
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "FinishedPart":
        """Return what `to_json` wrote."""
        return cls(
            end=kept["end"],
            language=kept["language"],
            words={
                channel: tuple(Word(*word) for word in words)
                for channel, words in kept["words"].items()
            },
            prints=PrintRoll.from_json(kept["prints"]),
            dropped=kept["dropped"],
        )


def _plain(words: Sequence[Word]) -> Iterator[list[Any]]:
    for word in words:
        sure = None if word.probability is None else round(word.probability, _DECIMALS)
        yield [word.text, word.start_ms, word.end_ms, sure]
