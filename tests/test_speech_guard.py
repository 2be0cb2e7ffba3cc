"""Text that nobody spoke is left out in any language; what people do say twice stays."""

from collections.abc import Sequence

import numpy as np
import pytest

from ingest.speech.activity import FRAME, Activity, Span
from ingest.speech.diarizer import VoiceTurn
from ingest.speech.guard import (
    Background,
    is_echo,
    is_invented,
    keep_spoken,
    lacks_variety,
    without_loops,
)
from ingest.speech.transcriber import Utterance
from ingest.speech.turns import name_of_voices, to_utterances
from ingest.speech.words import Heard, Word
from tests.speech_world import RATE


def _words(
    texts: Sequence[str], *, ms: int = 300, gap_ms: int = 0, probability: float = 0.9
) -> list[Word]:
    return [
        Word(text, n * (ms + gap_ms), n * (ms + gap_ms) + ms, probability)
        for n, text in enumerate(texts)
    ]


def _text(words: Sequence[Word]) -> str:
    return "".join(word.text for word in words).strip()


def _background(*, speech: tuple[float, float], seconds: float = 10) -> Background:
    """Loud between the two seconds, where the detector is sure; near silence elsewhere."""
    samples = np.full(int(seconds * RATE), 1e-4, np.float32)
    start, end = (int(at * RATE) for at in speech)
    samples[start:end] = 0.3 * np.sin(np.arange(end - start) / 10)
    likelihood = np.zeros(len(samples) // FRAME, np.float32)
    likelihood[start // FRAME : end // FRAME] = 0.95
    return Background.of(samples, Activity(likelihood, (Span(start, end),)), offset_ms=0)


@pytest.mark.parametrize(
    ("no_speech", "log_probability", "expected"),
    [(0.9, -1.2, True), (0.9, -0.3, False), (0.1, -1.2, False), (0.1, -2.0, True)],
)
def test_text_is_invented_only_if_silent_and_doubtful(
    no_speech: float, log_probability: float, expected: bool
) -> None:
    assert is_invented(Heard((), no_speech, log_probability)) is expected


@pytest.mark.parametrize(
    "said",
    [
        [" No,", " no,", " no."],
        [" Yes.", " Yes."],
        ["对", "对", "对", "对", "对"],
        ["好", "的", "好", "的"],
        [" Да,", " да,", " да."],
        [" Can", " you", " hear", " me?", " Can", " you", " hear", " me?"],
        [" one", " hundred", " one", " hundred", " and", " ten"],
    ],
)
def test_what_people_repeat_survives(said: list[str]) -> None:
    assert _text(without_loops(_words(said))) == "".join(said).strip()


@pytest.mark.parametrize(
    ("unit", "rounds"),
    [
        ([" Thank", " you."], 9),
        ([" you"], 30),
        (["谢", "谢", "观", "看", "。"], 6),
        ([" Продолжение", " следует..."], 5),
        (["ご", "視", "聴", "あ", "り", "が", "と", "う"], 4),
        ([" So", " we", " will", " send", " the", " contract", " again."], 3),
    ],
)
def test_loop_is_said_once_in_any_script(unit: list[str], rounds: int) -> None:
    said = [" Good.", *unit * rounds, " Bye."]
    assert _text(without_loops(_words(said))) == "".join([" Good.", *unit, " Bye."]).strip()


def test_loop_broken_off_within_a_round_leaves_no_crumbs() -> None:
    unit = [" I'm", " going", " to", " the", " meeting"]
    assert _text(without_loops(_words(unit * 5 + unit[:3]))) == "I'm going to the meeting"


def test_listener_who_agrees_every_so_often_is_heard_each_time() -> None:
    said = _words([" Right."] * 12, gap_ms=8_000)
    assert without_loops(said) == said


def test_repeats_too_fast_to_speak_are_a_loop() -> None:
    slow, fast = (_words([" exactly"] * 4, ms=ms) for ms in (350, 40))
    assert without_loops(slow) == slow
    assert len(without_loops(fast)) == 1


def test_loop_with_small_changes_lacks_variety() -> None:
    loop = [part for n in range(20) for part in (" and", " the", " next", f" {n}" * (n % 7 == 0))]
    talk = [f" w{n % 50}x{n // 9}" for n in range(60)]
    assert lacks_variety(_words(loop))
    assert not lacks_variety(_words(talk))
    assert not lacks_variety(_words([" no"] * 6))


def test_doubtful_words_over_silence_are_dropped_and_sure_ones_kept() -> None:
    background = _background(speech=(0, 4))
    spoken = (Word(" We", 500, 900, 0.3), Word(" agree.", 900, 1400, 0.4))
    in_silence = (Word(" Thanks", 6000, 6400, 0.3), Word(" all.", 6400, 6700, 0.2))
    sure = (Word(" Bye.", 8000, 8300, 0.9),)
    heard = Heard((*spoken, *in_silence, *sure), 0.2, -0.5)
    assert _text(keep_spoken([heard], background)) == "We agree. Bye."


def test_doubtful_word_among_sure_ones_stays_though_its_time_is_off() -> None:
    background = _background(speech=(1, 4))
    heard = Heard(
        (Word("还", 700, 980, 0.2), Word("有", 980, 1300, 0.9), Word("一家", 1300, 1900, 0.95)),
        0.1, -0.3,
    )  # fmt: skip
    assert _text(keep_spoken([heard], background)) == "还有一家"


def test_loop_over_two_stretches_is_said_once() -> None:
    background = _background(speech=(0, 10))
    words = _words([" Thank", " you."] * 10)
    stretches = [Heard(tuple(words[:10]), 0.1, -0.1), Heard(tuple(words[10:]), 0.1, -0.1)]
    assert _text(keep_spoken(stretches, background)) == "Thank you."


def test_doubtful_stretch_that_is_mostly_a_loop_is_dropped_as_a_whole() -> None:
    background = _background(speech=(0, 10))
    for probability, kept in ((0.2, ""), (0.9, "la")):
        heard = Heard(tuple(_words([" la"] * 9, probability=probability)), 0.1, -0.4)
        assert _text(keep_spoken([heard], background)) == kept
    apart = Heard(tuple(_words([" la"] * 9, gap_ms=4_000, probability=0.2)), 0.1, -0.4)
    background = _background(speech=(0, 40), seconds=41)
    assert keep_spoken([apart], background) == []


def test_hints_read_out_are_no_speech() -> None:
    hints = ("Anna Lindqvist", "Harborline", "Northvale Foods", "Priya", "Tom")
    read_out = " Anna Lindqvist, Harborline, Northvale Foods, Priya"
    assert is_echo(Heard(tuple(_words([read_out])), 0.1, -0.1), hints)
    assert not is_echo(Heard(tuple(_words([" Anna Lindqvist"])), 0.1, -0.1), hints)
    assert not is_echo(Heard(tuple(_words([read_out, " are here"])), 0.1, -0.1), hints)


def test_words_are_cut_at_sentence_ends_and_pauses() -> None:
    words = [
        Word(" Yes.", 0, 400, 0.9), Word(" We", 500, 600, 0.8),
        Word(" agree", 600, 900, 0.6), Word(" then", 2000, 2300, 0.5),
    ]  # fmt: skip
    assert to_utterances(words, "left") == [
        Utterance("left", 0, 400, "Yes.", 0.9, (words[0],)),
        Utterance("left", 500, 900, "We agree", 0.7, (words[1], words[2])),
        Utterance("left", 2000, 2300, "then", 0.5, (words[3],)),
    ]


def test_utterance_without_stated_probabilities_has_no_confidence() -> None:
    assert to_utterances([Word(" Hi.", 0, 400, None)], "mono")[0].confidence is None


def test_utterances_end_where_the_voice_changes() -> None:
    words = _words([" I", " agree,", " so", " do", " I"])
    cut = to_utterances(words, "mono", ["Speaker 1"] * 2 + ["Speaker 2"] * 3)
    assert [(one.voice, one.text) for one in cut] == [
        ("Speaker 1", "I agree,"),
        ("Speaker 2", "so do I"),
    ]


def test_voices_are_numbered_by_their_first_words_and_clauses_stay_whole() -> None:
    words = _words([" Hello", " there.", " Hi,", " how", " are", " you?"], ms=500)
    turns = [VoiceTurn(0, 1_200, 7), VoiceTurn(1_200, 3_000, 3)]
    assert name_of_voices(words, turns) == ["Speaker 1"] * 2 + ["Speaker 2"] * 4


def test_words_where_no_voice_was_heard_go_to_the_nearest() -> None:
    words = [Word(" Hm.", 5_000, 5_200, 0.9), Word(" Yes.", 9_000, 9_400, 0.9)]
    turns = [VoiceTurn(4_000, 4_800, 1), VoiceTurn(8_900, 9_500, 2)]
    assert name_of_voices(words, turns) == ["Speaker 1", "Speaker 2"]
    assert name_of_voices(words, []) == ["Speaker 1", "Speaker 1"]
