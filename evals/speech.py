"""`python -m evals.speech`: how well and how fast recordings are heard; needs no key."""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rapidfuzz.distance import Levenshtein
from rich.console import Console
from rich.table import Table

from copilot.settings import Settings
from copilot.wiring import Installation
from crm.errors import BadInput
from evals.speech_cases import Case, empty_cases, long_call, speech_cases
from ingest.speech.transcriber import Transcriber, Transcript

LONG_MINUTES = 45
MEMORY_MINUTES = (10, 120)

_BELOW_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_ROUND = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {word: value for value, word in enumerate(_BELOW_TWENTY.split())}
_TENS = {word: 10 * value for value, word in enumerate(_ROUND.split(), 2)}
_GREAT = ("hundred", "thousand")
_HAN_DIGITS = "零一二三四五六七八九"


@dataclass(frozen=True)
class Row:
    """One figure with its unit and how it came about."""

    name: str
    figure: str
    how: str


@dataclass(frozen=True)
class Hearing:
    """What became of a case: the words heard, the seconds it took."""

    case: Case
    transcript: Transcript | None
    took_s: float

    @property
    def text(self) -> str:
        """All that was heard."""
        return " ".join(one.text for one in self.transcript.utterances) if self.transcript else ""

    @property
    def error_rate(self) -> float:
        """Words (Chinese: characters) wrong, missing or added, as a share of those spoken."""
        spoken, heard = (units_of(text, self.case.language) for text in (self.case.said, self.text))
        return Levenshtein.distance(spoken, heard) / len(spoken)

    @property
    def real_time_factor(self) -> float:
        """Seconds of work for a second of sound."""
        return self.took_s / self.case.seconds


def hear(transcriber: Transcriber, case: Case, *, language: str | None = None) -> Hearing:
    """Transcribe a case from a file, without hints."""
    with tempfile.TemporaryDirectory() as folder:
        path = case.write(Path(folder))
        started = time.perf_counter()
        try:
            transcript = transcriber.transcribe(path, language=language, hints=(), progress=None)
        except BadInput:
            # Nobody speaks, says the transcriber.
            transcript = None
        return Hearing(case, transcript, time.perf_counter() - started)


def measures(transcriber: Transcriber, *, is_quick: bool = False) -> Iterator[Row]:
    """Yield errors, speed and invented words of every case; the long ones unless quick."""
    for case in speech_cases():
        yield _told(hear(transcriber, case))
    for case in empty_cases():
        heard = hear(transcriber, case)
        count = len(units_of(heard.text, "en"))
        yield Row(case.name, f"{count} words invented", f"{case.seconds:.0f} s without speech")
    if is_quick:
        return
    yield _told(hear(transcriber, long_call(LONG_MINUTES)))
    for minutes in MEMORY_MINUTES:
        command = [sys.executable, "-m", "evals.speech", "--memory", str(minutes)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        how = f"a process that hears {minutes} min, stereo, a tenth of it speech"
        yield Row(f"peak memory, {minutes} min", f"{done.stdout.strip()} MB", how)


def units_of(text: str, language: str) -> list[str]:
    """Return what is counted: words, or in Chinese characters; numbers in one spelling."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("'", "")
    if language == "zh":
        return [char for char in re.sub(r"\d+", _in_han, folded) if char.isalnum()]
    folded = re.sub(r"(?<=\d),(?=\d)", "", folded).replace("%", " percent ").replace("-", " ")
    folded = re.sub(r"\$(\d+)", r"\1 dollars", folded)
    return _with_numbers(re.findall(r"[^\W_]+", folded))


def _with_numbers(words: list[str]) -> list[str]:
    """Return the words with English numerals as figures: `one hundred and sixty` is `160`."""
    found: list[str] = []
    whole, part = 0, -1
    for number, word in enumerate([*words, ""]):
        value = _SMALL.get(word, _TENS.get(word))
        is_round = part >= 0 and part % 100 == 0 and whole + part > 0
        is_and = word == "and" and is_round and _is_numeral(words[number + 1 : number + 2])
        is_ones = part >= 20 and part % 10 == 0 and value is not None and value < 10
        if value is not None and (is_round or is_ones):
            part += value
        elif part >= 0 and word in _GREAT:
            whole, part = (whole, part * 100) if word == "hundred" else ((whole + part) * 1000, 0)
        elif not is_and:
            found += [str(whole + part)] if part >= 0 else []
            whole, part = 0, -1 if value is None else value
            found += [word] if word and value is None else []
    return found


def _is_numeral(words: list[str]) -> bool:
    return bool(words) and (words[0] in _SMALL or words[0] in _TENS)


def _in_han(figure: re.Match[str]) -> str:
    """Return figures under a hundred as they are spoken, digit by digit above."""
    value = int(figure[0])
    if value >= 100:
        return "".join(_HAN_DIGITS[int(digit)] for digit in figure[0])
    tens, ones = divmod(value, 10)
    front = ("" if tens == 1 else _HAN_DIGITS[tens]) + "十" if tens else ""
    return front + (_HAN_DIGITS[ones] if ones or not tens else "")


def _told(heard: Hearing) -> Row:
    kind = "characters" if heard.case.language == "zh" else "words"
    language = heard.transcript.language if heard.transcript else None
    return Row(
        heard.case.name,
        f"{heard.error_rate:.1%} of {kind} wrong, RTF {heard.real_time_factor:.3f}",
        f"{heard.case.seconds:,.0f} s, heard as {language!r}",
    )


def _peak_mb() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 2**20 if sys.platform == "darwin" else peak / 1024)


def _print_memory(transcriber: Transcriber, minutes: float) -> None:
    """Make the recording in a process of its own, so that only hearing it is measured."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "call.flac"
        command = [sys.executable, "-m", "evals.speech", "--write", str(path), str(minutes)]
        subprocess.run(command, check=True)
        transcriber.transcribe(path, language="en", hints=(), progress=None)
    sys.stdout.write(f"{_peak_mb()}\n")


def main() -> None:
    """Measure and print; `--quick` leaves out what takes minutes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave the long recordings out")
    parser.add_argument("--memory", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--write", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        path, minutes = arguments.write
        case = long_call(float(minutes), share_of_speech=0.1)
        case.write(Path(path).parent).rename(path)
        return
    transcriber = Installation(Settings.load()).transcriber()
    if arguments.memory:
        _print_memory(transcriber, arguments.memory)
        return
    table = Table(title="Speech")
    for heading in ("recording", "measured", "how"):
        table.add_column(heading)
    for row in measures(transcriber, is_quick=arguments.quick):
        table.add_row(row.name, row.figure, row.how)
    Console().print(table)


if __name__ == "__main__":
    main()
