"""The scorer of who speaks when: known errors get known rates."""

import numpy as np
import pytest

from evals.diarization import best_agreement, score
from evals.talks import Spoken, make_talk, noisy, phrases_of, telephone
from ingest.speech.channels import SAMPLE_RATE, Samples
from ingest.speech.diarizer import VoiceTurn

TRUE = [Spoken(0, 10_000, "anna"), Spoken(10_000, 20_000, "tom")]


def test_the_truth_under_other_numbers_is_perfect() -> None:
    assert score(TRUE, [VoiceTurn(0, 10_000, 2), VoiceTurn(10_000, 20_000, 1)]).rate == 0


@pytest.mark.parametrize(
    ("turns", "missed", "false_alarm", "confused"),
    [
        ([VoiceTurn(0, 20_000, 1)], 0, 0, 0.5),
        ([VoiceTurn(0, 10_000, 1)], 0.5, 0, 0),
        ([], 1, 0, 0),
        ([VoiceTurn(0, 10_000, 1), VoiceTurn(10_000, 30_000, 2)], 0, 0.5, 0),
        ([VoiceTurn(0, 15_000, 1), VoiceTurn(15_000, 20_000, 2)], 0, 0, 0.25),
        ([VoiceTurn(0, 10_000, 1), VoiceTurn(0, 20_000, 2)], 0, 0.5, 0),
    ],
)
def test_each_kind_of_error_is_counted_for_what_it_is(
    turns: list[VoiceTurn], missed: float, false_alarm: float, confused: float
) -> None:
    errors = score(TRUE, turns, collar_ms=0)
    assert errors.missed == pytest.approx(missed, abs=0.002)
    assert errors.false_alarm == pytest.approx(false_alarm, abs=0.002)
    assert errors.confused == pytest.approx(confused, abs=0.002)


def test_a_boundary_within_the_collar_costs_nothing_and_beyond_it_does() -> None:
    near = [VoiceTurn(0, 10_200, 1), VoiceTurn(10_200, 20_000, 2)]
    far = [VoiceTurn(0, 10_900, 1), VoiceTurn(10_900, 20_000, 2)]
    assert score(TRUE, near).rate == 0
    assert score(TRUE, far).confused == pytest.approx(0.65 / 19, abs=0.002)


def test_overlapping_speech_counts_for_each_who_speaks() -> None:
    both = [Spoken(0, 10_000, "anna"), Spoken(0, 10_000, "tom")]
    assert score(both, [VoiceTurn(0, 10_000, 1)], collar_ms=0).missed == pytest.approx(0.5)


def test_the_best_pairs_are_taken_not_the_greedy_ones() -> None:
    assert best_agreement(np.array([[10, 9], [9, 1]])) == 18
    assert best_agreement(np.array([[5, 0, 3]])) == 5
    assert best_agreement(np.zeros((0, 2), np.int64)) == 0


def bursts(seed: int) -> Samples:
    """Two phrases of noise with a second of silence between them."""
    noise = np.random.default_rng(seed).normal(0, 0.1, 5 * SAMPLE_RATE).astype(np.float32)
    noise[2 * SAMPLE_RATE : 3 * SAMPLE_RATE] = 0
    return noise


def test_phrases_are_found_where_the_sound_is() -> None:
    (first, second) = phrases_of(bursts(0))
    assert first == pytest.approx((0, 2_000), abs=20)
    assert second == pytest.approx((3_000, 5_000), abs=20)


def test_a_talk_is_the_same_each_time_and_its_truth_is_where_its_sound_is() -> None:
    voices = {"anna": [bursts(1)], "tom": [bursts(2)]}
    talk = make_talk(voices, seconds=60, seed=3)
    assert np.array_equal(talk.samples, make_talk(voices, seconds=60, seed=3).samples)
    assert {one.voice for one in talk.spoken} == {"anna", "tom"}
    heard = np.zeros(len(talk.samples), bool)
    for one in talk.spoken:
        heard[one.start_ms * 16 : one.end_ms * 16] = True
    loud = np.abs(talk.samples) > 0.02
    assert (loud & ~heard).sum() < 0.01 * loud.sum()


def test_the_telephone_carries_its_band_and_noise_has_the_power_asked_for() -> None:
    talk = make_talk({"anna": [bursts(1)]}, seconds=20, seed=1)
    power = np.abs(np.fft.rfft(telephone(talk).samples)) ** 2
    hertz = np.fft.rfftfreq(len(talk.samples), 1 / SAMPLE_RATE)
    inside = power[(hertz > 400) & (hertz < 3_000)].mean()
    assert power[hertz > 4_200].mean() < inside / 500
    assert power[hertz < 100].mean() < inside / 50
    added = noisy(talk, snr_db=10, seed=1).samples - talk.samples
    assert np.mean(added**2) == pytest.approx(np.mean(talk.samples**2) / 10, rel=0.01)
