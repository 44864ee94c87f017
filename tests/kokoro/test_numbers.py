"""Numbers of Chinese and Japanese texts in words that their readers know."""

from __future__ import annotations

import pytest
from tts_hub_kokoro.numbers_ja import rewritten
from tts_hub_kokoro.numbers_zh import cardinal, in_words, is_unit


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("50%的人", "百分之五十的人"),
        ("5‰", "千分之五"),
        ("-5%", "负百分之五"),
        ("3.5km长", "三点五公里长"),
        ("时速120km/h", "时速一百二十公里每小时"),
        ("10 kg", "十公斤"),
        ("￥1,200", "一千二百元"),
        ("¥1,200元", "一千二百元"),
        ("￥3.5亿", "三点五亿元"),
        ("$5", "五美元"),
        ("１，２００元，好", "一千二百元，好"),
        ("2024年11月30日", "二零二四年十一月三十日"),
        ("2024-11-30", "二零二四年十一月三十日"),
        ("24年5月", "二四年五月"),
        ("已经10年了", "已经十年了"),
        ("现在12:30", "现在十二点三十分"),
        ("9：05", "九点零五分"),
        ("2:00", "两点"),
        ("10:1", "十比一"),
        ("1/2", "二分之一"),
        ("1/0", "一/零"),
        ("温度-3℃", "温度零下三摄氏度"),
        ("25°C", "二十五摄氏度"),
        ("电话13812345678", "电话幺三八幺二三四五六七八"),
        ("007", "零零七"),
        ("第3.2.1节", "第三点二点一节"),
        ("40-60人", "四十到六十人"),
        ("2个，12个，22.5倍", "两个，十二个，二十二点五倍"),
        ("2月2日", "二月二日"),
        ("5G网络", "五G网络"),
        ("100MB", "一百MB"),
        ("3.20", "三点二零"),
        ("OK，我去", "OK，我去"),
    ],
)
def test_chinese_numbers(text: str, said: str) -> None:
    assert in_words(text) == said


@pytest.mark.parametrize(
    ("digits", "said"),
    [
        ("0", "零"),
        ("10", "十"),
        ("110", "一百一十"),
        ("1001", "一千零一"),
        ("10203", "一万零二百零三"),
        ("10020", "一万零二十"),
        ("120000", "十二万"),
        ("100000000", "一亿"),
        ("100000001", "一亿零一"),
        ("1234567890123456", "一千二百三十四万亿五千六百七十八亿九千零一十二万三千四百五十六"),
    ],
)
def test_chinese_cardinals(digits: str, said: str) -> None:
    assert cardinal(digits) == said


def test_units_are_chinese_only_behind_a_number() -> None:
    assert is_unit("3km", 1, 3)
    assert is_unit("3 km", 2, 4)
    assert not is_unit("用km", 1, 3)
    assert not is_unit("3 of", 2, 4)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("￥1,200です", "1200円です"),
        ("$5", "5ドル"),
        ("€3.5万", "3.5万ユーロ"),
        ("1,234円", "1234円"),
        ("12:30から9:00まで", "12時30分から9時まで"),
        ("2024/11/30", "2024年11月30日"),
        ("-5度〜10度", "マイナス5度から10度"),
        ("1～3日", "1から3日"),
        ("第3.2.1節", "第3点2点1節"),
        ("4月3日", "4月3日"),
        ("A-5", "A-5"),
    ],
)
def test_japanese_numbers(text: str, line: str) -> None:
    new, origins = rewritten(text)
    assert new == line
    assert len(origins) == len(line)
    assert all(0 <= start < end <= len(text) for start, end in origins)
    assert origins == sorted(origins)


def test_what_is_rewritten_stands_for_the_characters_of_the_text() -> None:
    line, origins = rewritten("約￥1,200です")
    assert [(line[at], origins[at]) for at in (0, 1, 5, 6)] == [
        *(("約", (0, 1)), ("1", (1, 7)), ("円", (1, 7)), ("で", (7, 8)))
    ]
