"""How the speech bench counts, and what the recordings that it makes are like."""

from pathlib import Path

import numpy as np
import pytest

from evals.speech import Hearing, units_of
from evals.speech_cases import Case, empty_cases, long_call, speech_cases
from ingest.speech.channels import open_sound
from ingest.speech.transcriber import Transcript, Utterance


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("One hundred and eighty thousand dollars is more.", "$180,000 is more"),
        ("eight percent, Type two", "8% type 2"),
        ("It's sixty-five and twenty.", "its 65 and 20"),
        ("one hundred and sixty thousand", "160,000"),
        ("sign-on", "sign on"),
    ],
)
def test_numbers_and_marks_are_no_errors_in_english(said: str, heard: str) -> None:
    assert units_of(said, "en") == units_of(heard, "en")


@pytest.mark.parametrize(
    ("said", "heard"),
    [("预算是八十万，二十四小时。", "预算是80万 24小时"), ("十点", "10点"), ("十二点", "12点")],
)
def test_figures_are_no_errors_in_chinese(said: str, heard: str) -> None:
    assert units_of(said, "zh") == units_of(heard, "zh")


def test_error_rate_counts_wrong_missing_and_added_words() -> None:
    case = Case("x", (np.zeros(16_000, np.float32),), "we will send the quote", "en")
    for text, rate in (("we will send the quote", 0), ("we will send a quote now", 0.4), ("", 1)):
        transcript = Transcript((Utterance("mono", 0, 1, text),), "en", 1000)
        assert Hearing(case, transcript, 0.5).error_rate == pytest.approx(rate)
    assert Hearing(case, None, 0.5).error_rate == 1
    assert Hearing(case, None, 0.5).real_time_factor == 0.5


def test_long_call_is_as_long_as_asked_and_always_the_same() -> None:
    call, again, sparse = long_call(2), long_call(2), long_call(2, share_of_speech=0.1)
    assert 120 <= call.seconds < 140
    assert call.said == again.said
    assert len(sparse.said) < len(call.said) / 4
    left, right = call.tracks
    assert min(float(np.abs(left).max()), float(np.abs(right).max())) > 0.1
    assert float(np.mean((np.abs(left) > 0.05) & (np.abs(right) > 0.05))) < 0.01


def test_telephone_case_has_no_sound_outside_its_band(tmp_path: Path) -> None:
    case = next(one for one in speech_cases() if one.name == "call, telephone")
    sound = open_sound(case.write(tmp_path))
    assert sound.duration_ms == pytest.approx(case.seconds * 1000, abs=50)
    track = np.concatenate([block["mono"] for block in sound.blocks()])
    power = np.square(np.abs(np.fft.rfft(track)))
    hertz = np.fft.rfftfreq(len(track), 1 / 16_000)
    outside = power[(hertz < 250) | (hertz > 3_600)].sum()
    assert outside < 0.01 * power.sum()


def test_cases_without_speech_are_loud_enough_to_be_read(tmp_path: Path) -> None:
    cases = list(empty_cases(5))
    assert len(cases) >= 7
    for case in cases:
        assert case.said == ""
        assert open_sound(case.write(tmp_path)).duration_ms == 5_000
