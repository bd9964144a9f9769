"""Names that are safe everywhere."""

import re
from pathlib import PurePath

import pytest

from swaptalk_models.data.sources.names import hdtf_group, person_of, safe_name, short_hash, speaker_of


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("WDA_KatieHill_000", "WDA_KatieHill_000"),
        ("Zoë, Łukasz & Ærø", "Zoe_Lukasz_AEro"),
        ("a  b,c", "a_b_c"),
        ("LucilleRoybal-Allard.v2", "LucilleRoybal-Allard.v2"),
        ("..hidden...range..", "hidden.range"),
        ("-rf", "rf"),
        ("ｆｕｌｌ　ｗｉｄｔｈ", "full_width"),
    ],
)
def test_folding(text, safe):
    assert safe_name(text) == safe


@pytest.mark.parametrize("text", ["", "张伟", "...", "🙂", "___", "a" * 500, "x/../../y", "a\nb\t|c", "\udcff"])
def test_anything_becomes_safe(text):
    safe = safe_name(text)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", safe) and ".." not in safe and len(safe) <= 120
    assert safe_name(safe) == safe


def test_other_scripts_stay_apart():
    assert safe_name("张伟") != safe_name("李娜") and safe_name("a" * 500) != safe_name("a" * 501)
    assert short_hash("a") == short_hash("a") != short_hash("b")


@pytest.mark.parametrize(
    ("path", "person"),
    [
        ("WDA_KatieHill_000.mp4", "WDA_KatieHill"),
        ("WDA_DebbieStabenow1_000.mp4", "WDA_DebbieStabenow"),
        ("RD_Radio11_001_000_0_10.mp4", "RD_Radio"),
        ("clips/WDA_LucilleRoybal-Allard_000.mp4", "WDA_LucilleRoybal-Allard"),
        ("Zoë Ann/holiday/take 1.mp4", "Zoe_Ann"),
        ("take 12.mp4", "take_12"),
        ("WDA_notes.mp4", "WDA_notes"),
    ],
)
def test_person(path, person):
    assert person_of(PurePath(path)) == person


def test_group():
    assert hdtf_group("WRA_RoyBlunt_000_000_0_10") == "WRA" and hdtf_group("holiday") == ""


def test_speakers_of_a_programme():
    assert speaker_of("RD_Radio11_001", "RD_Radio") == "RD_Radio11" == speaker_of("RD_Radio11", "RD_Radio")
    assert speaker_of("WDA_DebbieStabenow1_000", "WDA_DebbieStabenow") == "WDA_DebbieStabenow"
    assert speaker_of("RD_Radio11_001", "Somebody") == "Somebody"  # whose name somebody knew
