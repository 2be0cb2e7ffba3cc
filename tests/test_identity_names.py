"""When two spellings are one name, and when they are two people."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.identity.addresses import canonical_address, stem_of, words_in
from ingest.identity.likeness import Likeness, compare
from ingest.identity.names import form_of, plain
from ingest.identity.phones import e164, is_a_number, is_same_number, region_of


@pytest.mark.parametrize(
    ("said", "known", "likeness"),
    [
        ("PRIYA NAIR", "Priya Nair", Likeness.SAME),
        ("Nair, Priya", "Priya Nair", Likeness.SAME),
        ("Priya Nair (Acme)", "Priya Nair", Likeness.SAME),
        ("Priya Nair | Acme", "Priya Nair", Likeness.SAME),
        ("Nair Priya", "Priya Nair", Likeness.ORDER),
        ("Dr. Priya Nair", "Priya Nair", Likeness.SAME),
        ("Priya K. Nair", "Priya Nair", Likeness.SHORTER),
        ("José García", "Jose Garcia", Likeness.SAME),
        ("Joerg Mueller", "Jörg Müller", Likeness.SAME),
        ("Łukasz Øst", "Lukasz Ost", Likeness.SAME),
        ("Patrick O'Brien", "Patrick OBrien", Likeness.SAME),
        ("Bob Ray", "Robert Ray", Likeness.NICKNAME),
        ("P. Nair", "Priya Nair", Likeness.INITIAL),
        ("Priya Whitmroe", "Priya Whitmore", Likeness.TYPO),
        ("Priya", "Priya Nair", Likeness.GIVEN),
        ("Mr. Nair", "Priya Nair", Likeness.SURNAME),
        ("思远 陈", "陈思远", Likeness.SAME),
        ("陳思遠", "陈思远", Likeness.SAME),
        ("陈思远总经理", "陈思远", Likeness.SAME),
        ("Chen Siyuan", "陈思远", Likeness.PINYIN),
        ("siyuan chen", "陈思远", Likeness.PINYIN),
        ("陈思远", "Siyuan Chen", Likeness.PINYIN),
        ("SIYUANCHEN", "陈思远", Likeness.PINYIN),
        ("单雄", "Shan Xiong", Likeness.PINYIN),
        ("欧阳娜娜", "Ouyang Nana", Likeness.PINYIN),
        ("吕丽", "Lv Li", Likeness.PINYIN),
        ("Chen SY", "陈思远", Likeness.INITIAL),
        ("陈思源", "陈思远", Likeness.SOUND),
        ("思远", "陈思远", Likeness.GIVEN),
        ("小陈", "陈思远", Likeness.SURNAME),
        ("王总", "王芳", Likeness.SURNAME),
        ("李经理", "李伟", Likeness.SURNAME),
        ("王总", "Wang Fang", Likeness.SURNAME),
    ],
)  # fmt: skip
def test_spellings_of_one_name(said: str, known: str, likeness: Likeness) -> None:
    assert compare(form_of(said), form_of(known)) is likeness


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ("Daniel Ito", "Daniela Ito"),
        ("Jan Berg", "Jon Berg"),
        ("Anna Lee", "Anna Li"),
        ("Priya K. Nair", "Priya S. Nair"),
        ("Bob Nair", "Priya Nair"),
        ("P. Ray", "Priya Nair"),
        ("Martin Berg", "Marvin Lang"),
        ("王芳", "王强"),
        ("王芳", "汪强"),
        ("李总", "王芳"),
        ("Wang Fang", "王强"),
        ("Speaker 1", "Anna Speaker"),
        ("说话人 2", "王芳"),
        ("+49 30 1234567", "Priya Nair"),
        ("priya@acme.example", "Priya Nair"),
        ("", "Priya Nair"),
    ],
)
def test_names_of_two_people(said: str, known: str) -> None:
    assert compare(form_of(said), form_of(known)) is None


@pytest.mark.parametrize(
    ("one", "other", "region"),
    [
        ("030 901820 12", "+49 30 90182012", "DE"),
        ("(030) 90182012", "0049 30 90182012", "DE"),
        ("138 0013 8000", "+86 138-0013-8000", "CN"),
        ("010-65529988", "+86 10 6552 9988", "CN"),
        ("415-555-2671", "+1 (415) 555-2671", "US"),
    ],
)
def test_spellings_of_one_number(one: str, other: str, region: str) -> None:
    assert is_same_number(one, other, regions=(region,))


def test_two_extensions_of_a_switchboard_are_two_telephones() -> None:
    assert not is_same_number("+49 30 901820 ext. 12", "+49 30 901820 ext. 13", regions=("DE",))
    assert not is_same_number("+49 30 9018201", "+43 30 9018201", regions=("DE",))
    assert not is_same_number("12345", "12345", regions=("DE",))


def test_numbers_and_countries_are_read() -> None:
    assert (region_of("germany"), region_of("中国"), region_of("Nowhere")) == ("DE", "CN", None)
    assert e164("030 90182012", "DE") == "+493090182012"
    assert is_a_number("+49 30 90182012")
    assert not is_a_number("Room 12")


def test_addresses_of_one_mailbox() -> None:
    assert canonical_address("Priya+Sales@Acme.Example") == "priya@acme.example"
    assert canonical_address("p.r.i.y.a@googlemail.com") == "priya@gmail.com"
    assert canonical_address("p.nair@acme.example") == "p.nair@acme.example"
    assert canonical_address("no address") == ""
    assert stem_of("mail.acme.co.uk") == stem_of("acme.com") == "acme"
    assert words_in("priya.nair2@acme.example") == ("priya", "nair")


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300), st.text(max_size=60))
def test_any_text_is_taken_apart_and_compared(one: str, other: str) -> None:
    compare(form_of(one), form_of(other))
    compare(form_of(f"{one} 陈"), form_of(f"陈{other}"))
    assert len(plain(one)) <= 400
    assert plain(one).isprintable() or not plain(one)
