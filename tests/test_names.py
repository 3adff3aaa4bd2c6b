"""Names: which are accepted, which are refused and how, which are the same, which look the same."""

from __future__ import annotations

import re
import string
import subprocess
import sys
import unicodedata
from itertools import chain, combinations
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from precis_i18n import get_profile

from chat import names
from chat.events import Refused

HONEST = {
    "Latin": [
        "alice",
        "Zoë",
        "Łukasz",
        "Þórunn",
        "İpek",
        "ŞÜKRÜ",
        "Strauß",
        "Nguyễn",
        "d'Arc",
        "Paral·lel",
        "ʻIolani",
    ],
    "IRC": ["[bob]", "bob_", "bob|away", "`tick`", "^_^7", "a{b}", "x\\y", "bob-2", "me~", "007", "_a"],
    "Cyrillic": ["Жанна", "Ёлка", "Ўткір", "Ђорђе", "Їжак", "Вася_dev", "DJ_Вася", "и́мя"],
    "Greek": ["Νίκος", "ΑΘΗΝΆ", "Ἀχιλλεύς", "λx"],
    "Armenian": ["Արամ", "Նարեկ"],
    "Georgian": ["ნინო", "გიორგი"],
    "Hebrew": ["דוד", "שָּׁרוֹן", "רות_", "צ׳רלי"],
    "Arabic": ["محمد", "مُحَمَّد", "علی‌رضا", "فاطمة٢"],
    "Syriac": ["ܡܪܝܡ"],
    "Thaana": ["އަހުމަދު"],
    "N'Ko": ["ߒߞߏ"],
    "Adlam": ["𞤀𞤣𞤢𞤥"],
    "Devanagari": ["हिन्दी", "ज़िंदगी", "क्षितिज", "श्री", "क्‍ष"],
    "Bengali": ["রবীন্দ্রনাথ", "বাংলা"],
    "Gurmukhi": ["ਗੁਰਪ੍ਰੀਤ"],
    "Gujarati": ["ગાંધી"],
    "Oriya": ["ଓଡ଼ିଆ"],
    "Tamil": ["தமிழ்", "ஸ்ரீ"],
    "Telugu": ["తెలుగు"],
    "Kannada": ["ಕನ್ನಡ"],
    "Malayalam": ["മലയാളം", "ക്ഷമ"],
    "Sinhala": ["සිංහල", "ශ්‍රී"],
    "Thai": ["สมชาย", "น้ำฝน", "กิ่ง"],
    "Lao": ["ລາວ", "ນໍ້າ"],
    "Tibetan": ["བསྟན་འཛིན", "སྒྲོལ་མ", "ཧཱུྃ"],
    "Burmese": ["မြို့", "လျှို့", "အောင်"],
    "Khmer": ["ស្ត្រី", "សុខា"],
    "Javanese": ["ꦗꦮ"],
    "Balinese": ["ᬩᬮᬶ"],
    "Ethiopic": ["ሰላም"],
    "Cherokee": ["ᏣᎳᎩ", "ꮳꮃꭹ"],
    "Canadian": ["ᐃᓄᒃ"],
    "Mongolian": ["ᠮᠣᠩᠭᠣᠯ"],
    "Tifinagh": ["ⵣⵉⵔⵉ"],
    "Vai": ["ꕙꔤ"],
    "Hangul": ["김민수", unicodedata.normalize("NFD", "김민수")],
    "Han": ["李小龍", "山田太郎", "二〇二〇"],
    "Kana": ["さくら", "ジョン・レノン", "ﾊﾅｺ", "Tシャツ", "田中さんA"],
    "Bopomofo": ["ㄅㄆㄇ"],
    "Yi": ["ꆈꌠ"],
    "Gothic": ["𐌲𐌿𐍄"],
    "Deseret": ["𐐔𐐯𐑅"],
    "Width": ["ｂｏｂ", "𝐛𝐨𝐛"],
}

HOSTILE = {
    "a b": "U+0020 SPACE",
    "a\u00a0b": "U+00A0 NO-BREAK SPACE",
    "\u00a0bob": "U+00A0",
    "a\u3000b": "U+3000",
    "a\u2028b": "U+2028 LINE SEPARATOR",
    "a\u1680b": "U+1680",
    "a\x00b": "U+0000 control character",
    "bob\r": "U+000D control character",
    "bob\n[*] root entered.": "U+000A",
    "a\x1b[31m": "U+001B",
    "a\x9b1m": "U+009B",
    "a\x7f": "U+007F",
    "bob\u200e": "U+200E LEFT-TO-RIGHT MARK",
    "bob\u200f": "U+200F",
    "\u202ebob": "U+202E RIGHT-TO-LEFT OVERRIDE",
    "bob\u2066": "U+2066",
    "bo\u200bb": "U+200B ZERO WIDTH SPACE",
    "bo\u200cb": "U+200C ZERO WIDTH NON-JOINER",
    "bo\u200db": "U+200D ZERO WIDTH JOINER",
    "bo\u2060b": "U+2060",
    "bob\ufeff": "U+FEFF",
    "bo\u00adb": "U+00AD SOFT HYPHEN",
    "bob\ufe0f": "U+FE0F",
    "bo\u034fb": "U+034F",
    "bob\u3164": "U+3164 HANGUL FILLER",
    "bob\uffa0": "U+FFA0",
    "bob\u2800": "U+2800 BRAILLE PATTERN BLANK",
    "bob\U000e0041": "U+E0041",
    "bob\ud800": "U+D800 lone surrogate",
    "bob\ue000": "U+E000 private character",
    "bob\U0010ffff": "U+10FFFF unknown character",
    "😀": "U+1F600 GRINNING FACE",
    "bob👍": "U+1F44D",
    "bob™": "U+2122",
    "a\ufdfab": "it stands for U+0020 SPACE",
    "a\u0488": "U+0488",
    "ａ\uff20": "U+FF20",
    "alice\uff1e": "U+FF1E",
    "\u0301": "cannot begin with U+0301",
    "\u093f": "cannot begin with U+093F",
    "a" + "\u0301\u0302\u0303\u0304": "pile up",
    "b" + "\u0336\u0337\u0338": "pile up",
    "ก" + "็" * 3: "twice in a row",
    "မ" + "ျှိုံ့": "pile up",
    "{bob": "U+007B LEFT CURLY BRACKET",
    "-bob": "U+002D",
    ".bob": "U+002E",
    "'bob": "U+0027",
    "~bob": "U+007E",
    "_": "a letter or a digit",
    "[]": "a letter or a digit",
    "a" * 33: "this one has 33",
    "ж" * 33: "this one has 33",
    "é" * 1000: "this one has 1000",
    "e\u0301" * 33: "this one has 33",
    "раypal": "U+0440 CYRILLIC SMALL LETTER ER among Latin letters",
    "Hоst": "U+043E CYRILLIC SMALL LETTER O",
    "Ηost": "U+0397 GREEK CAPITAL LETTER ETA",
    "1א": "cannot begin with U+0031 DIGIT ONE",
    "_1א": "cannot begin with U+0031",
    "אb": "U+0062",
    "aب": "U+0061",
    "٣۴م": "cannot begin with U+0663",
    "م٣۴": "U+0663",
    "l·a": "U+00B7 MIDDLE DOT",
    "a・b": "U+30FB",
    "\u302ea": "cannot begin with",
}

ALIKE = [
    ("раypal", "paypal"),
    ("раураl", "paypal"),
    ("raIph", "ralph"),
    ("ra1ph", "ralph"),
    ("ra|ph", "ralph"),
    ("ALICE", "alice"),
    ("ALlCE", "alice"),
    ("AL1CE", "alice"),
    ("ａｌｉｃｅ", "alice"),
    ("𝐚𝓁𝖎𝕔𝚎", "alice"),
    ("ali\u200bce", "alice"),
    ("ali\u034fce", "alice"),
    ("علی‌رضا", "علیرضا"),
    ("rnary", "mary"),
    ("B0B", "BOB"),
    ("b0b", "bOb"),
    ("b0b", "bob"),
    ("Strauß", "STRAUSS"),
    ("Ꭺlice", "alice"),
]
HOSTS = "HOST Hоst НОЅТ НОst HOsт һОЅТ һ0ЅТ H0st h0st Ηοst Ｈｏｓｔ Ho\u200cst ℍ𝕠𝕤𝕥 ＨＯＳТ"

DIFFERENT = """
alice alicia bob rob ann anna hannah mark marc max maria mario neil nell ian jan hans heinz zoe Zoë tim tom jim kim
Анна Жанна Жанне Иван Ивана Вера Вероника Сара Саша Оля Юля Коля Толя Петя Катя Νίκος Νίκη Ελένη 김민수 김민지 李小龍
李小虎 さくら さつき ハナコ タロウ דוד דן מחמד محمد أحمد أحمت मीना मीरा नीना தமிழ் தமிழ สมชาย สมหญิง ნინო ნანა Արամ Արմեն
bob1 bob2 bob_ [bob] bob^ user10 user11 user12 user20 moon noon Strauss Straus ilya olga
"""

EVERY_HONEST = list(chain.from_iterable(HONEST.values()))

anything = st.text(alphabet=st.characters(), max_size=40)
accepted = st.one_of(
    st.sampled_from(EVERY_HONEST),
    st.text(alphabet=string.ascii_letters + string.digits + names.PUNCTUATION, min_size=1, max_size=12),
    st.text(alphabet=st.sampled_from(sorted(set("".join(EVERY_HONEST)))), min_size=1, max_size=12),
)
printable = st.text(alphabet=st.sampled_from(string.digits + string.ascii_letters + string.punctuation), min_size=1)


def is_name(text: str) -> bool:
    try:
        names.check(text)
    except Refused:
        return False
    return True


def refusal(text: str) -> Refused:
    with pytest.raises(Refused) as caught:
        names.check(text)
    return caught.value


def test_there_are_honest_names_of_thirty_scripts() -> None:
    assert len(HONEST) >= 40


@pytest.mark.parametrize("name", EVERY_HONEST, ids=ascii)
def test_honest_name_is_accepted(name: str) -> None:
    assert names.check(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(("name", "said"), HOSTILE.items(), ids=ascii)
def test_hostile_name_is_refused_with_the_reason(name: str, said: str) -> None:
    refused = refusal(name)
    assert refused.code == "name_bad"
    assert said in refused.text
    assert refused.text.isascii()
    assert refused.text.isprintable()


@pytest.mark.parametrize("character", sorted(set(string.punctuation) - set(names.PUNCTUATION)))
def test_what_wires_use_is_refused(character: str) -> None:
    for name in (character, f"a{character}b", f"é{character}b"):
        assert f"U+{ord(character):04X}" in refusal(name).text


@pytest.mark.parametrize("name", ["", " ", "\t \t"])
def test_no_name_is_missing(name: str) -> None:
    assert refusal(name).code == "name_missing"


def test_blanks_around_a_name_are_taken_away() -> None:
    assert names.check(" \talice ") == "alice"
    assert names.check(" Жанна\t") == "Жанна"


def test_length_is_counted_after_composing() -> None:
    assert names.check("e\u0301" * 32) == "é" * 32
    assert names.check("a" * 32) == "a" * 32
    assert names.check("김" * 32) == "김" * 32
    assert names.check("x") == "x"


@pytest.mark.parametrize(("one", "other"), ALIKE, ids=ascii)
def test_look_alikes_intersect(one: str, other: str) -> None:
    assert names.looks(one) & names.looks(other)


@pytest.mark.parametrize("name", HOSTS.split(), ids=ascii)
def test_nothing_looks_like_the_host_unseen(name: str) -> None:
    assert names.looks(name) & names.looks("Host")


def test_honest_different_names_do_not_look_alike() -> None:
    seen = {name: names.looks(name) for name in DIFFERENT.split()}
    assert [pair for pair in combinations(seen, 2) if seen[pair[0]] & seen[pair[1]]] == []


@pytest.mark.parametrize("forms", ["ALICE alice ａｌｉｃｅ", "ЖАННА жанна", "ΝΊΚΟΣ νίκος", "ﾊﾅｺ ハナコ"])
def test_key_knows_neither_case_nor_width(forms: str) -> None:
    assert len({names.key(name) for name in forms.split()}) == 1


def test_key_of_what_is_no_name_is_no_key_of_a_name() -> None:
    for text in ("", "ali\u200bce", "alice\x00", "\ud800", "Ж" * 5000):
        assert names.key(text) == text


@given(anything)
@example("\ufc5ea")
@example("\u0345")
@example("\u1fb3" * 32)
def test_check_gives_a_name_or_refuses(text: str) -> None:
    if is_name(text):
        name = names.check(text)
        assert names.check(name) == name
        assert 1 <= len(name) <= names.LONGEST
    else:
        refused = refusal(text)
        assert refused.code in ("name_missing", "name_bad")
        assert refused.text.isascii()
        assert refused.text.isprintable()


@settings(max_examples=300)
@given(accepted.filter(is_name))
def test_an_accepted_name_holds_nothing_harmful(text: str) -> None:
    for form in (names.check(text), names.key(names.check(text))):
        assert form.isprintable() or "\u200c" in form or "\u200d" in form
        assert not any(character.isspace() for character in form)
        assert not set(form) & (set(string.punctuation) - set(names.PUNCTUATION))
        form.encode()


@settings(max_examples=300)
@given(accepted.filter(is_name))
def test_the_key_stands_still_and_equal_keys_look_alike(text: str) -> None:
    name = names.check(text)
    key = names.key(name)
    assert names.key(key) == key
    for other in (name.lower(), name.title(), name.upper(), key):
        if names.key(other) == key:
            assert names.looks(other) & names.looks(name)


@given(anything)
def test_key_and_looks_take_any_text(text: str) -> None:
    assert names.key(names.key(text)) == names.key(text)
    assert names.looks(text)


@settings(max_examples=300)
@given(printable)
def test_the_short_way_to_a_key_agrees_with_precis(text: str) -> None:
    assert names.key(text) == get_profile("NicknameCaseMapped").enforce(text)


@given(printable)
def test_the_short_way_to_looks_agrees_with_the_table(text: str) -> None:
    """A letter the table leaves alone takes the text past the short way and stands in every skeleton."""
    longer = names.looks(text + "ア")
    assert {look + "ア" for look in names.looks(text)} == longer


@given(st.text(alphabet=st.sampled_from(string.printable), max_size=36))
def test_the_short_way_to_a_name_agrees_with_the_long_one(text: str) -> None:
    short = is_name(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(names, "_ORDINARY", re.compile("(?!)"))
        assert is_name(text) == short


def test_ascii_names_load_neither_precis_nor_the_table() -> None:
    code = """
import sys
from chat import names
names.check("alice"), names.key("ALICE"), names.looks("raIph")
for bad in ("a b", "@a", "{a", "_", "a" * 40, "a\\x00"):
    try: names.check(bad)
    except names.Refused: pass
assert "precis_i18n" not in sys.modules
assert names._table.cache_info().currsize == 0
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1], timeout=30)
