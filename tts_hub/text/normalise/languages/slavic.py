"""The words for signs in Polish and Russian."""

from __future__ import annotations

from tts_hub.text.normalise.languages.model import Currency, Form, LanguageRules, fractions


def _polish_form(whole: int) -> Form:
    few = whole % 10 in (2, 3, 4) and whole % 100 not in (12, 13, 14)
    return "one" if whole == 1 else "few" if few else "many"


def _russian_form(whole: int) -> Form:
    if whole % 100 in (11, 12, 13, 14):
        return "many"
    return "one" if whole % 10 == 1 else "few" if whole % 10 in (2, 3, 4) else "many"


POLISH = LanguageRules(
    signs={
        ">": "większe niż", "<": "mniejsze niż", "*": "razy", "≥": "większe lub równe",
        "≤": "mniejsze lub równe", "≠": "nie równa się", "≈": "około", "√": "pierwiastek z",
        "∞": "nieskończoność", "&": "i", "−": "minus",
    },
    minus="minus",
    about="około",
    to="do",
    ratio="do",
    number="numer",
    per_mille="{} promili",
    degrees={"°C": "{} stopni Celsjusza", "°F": "{} stopni Fahrenheita"},
    powers=("do kwadratu", "do sześcianu", "do potęgi {}"),
    areas={
        "m²": "metrów kwadratowych", "km²": "kilometrów kwadratowych", "cm²": "centymetrów kwadratowych",
        "mm²": "milimetrów kwadratowych", "m³": "metrów sześciennych", "cm³": "centymetrów sześciennych",
    },
    fractions={"⅓": "jedna trzecia", "⅔": "dwie trzecie"},
    mixed={"½": "i pół"},
    mixed_and=" i ",
    currencies={
        "$": Currency("1 dolar", "dolarów", few="dolary"),
        "US$": Currency("1 dolar", "dolarów", few="dolary"),
        "R$": Currency("1 real", "reali", few="reale"),
        "£": Currency("1 funt", "funtów", few="funty"),
        "€": Currency("1 euro", "euro"),
        "¥": Currency("1 jen", "jenów", few="jeny"),
        "₹": Currency("1 rupia", "rupii", few="rupie"),
        "₽": Currency("1 rubel", "rubli", few="ruble"),
        "₩": Currency("1 won", "wonów", few="wony"),
        "zł": Currency("1 złoty", "złotych", few="złote"),
        "¢": Currency("1 cent", "centów", few="centy"),
    },
    magnitudes={
        "tys.": "tysięcy", "mln": "milionów", "mld": "miliardów", "tysiące": "tysiące",
        "tysięcy": "tysięcy", "milion": "milion", "miliony": "miliony", "milionów": "milionów",
        "miliard": "miliard", "miliardy": "miliardy", "miliardów": "miliardów",
    },
    days={
        "pon": "poniedziałek", "wt": "wtorek", "śr": "środa", "czw": "czwartek", "pt": "piątek",
        "sob": "sobota", "nd": "niedziela",
    },
    form_of=_polish_form,
)  # fmt: skip

RUSSIAN = LanguageRules(
    signs={
        ">": "больше", "<": "меньше", "×": "умножить на", "*": "умножить на", "÷": "разделить на",
        "≥": "больше или равно", "≤": "меньше или равно", "≠": "не равно", "±": "плюс минус",
        "≈": "примерно", "√": "корень из", "∞": "бесконечность", "&": "и", "−": "минус",
    },
    minus="минус",
    about="примерно",
    to="до",
    ratio="к",
    number="номер",
    section="параграф",
    per_mille="{} промилле",
    degrees={"°C": "{} градусов Цельсия", "°F": "{} градусов Фаренгейта", "°": "{} градусов"},
    powers=("в квадрате", "в кубе", "в степени {}"),
    areas={
        "м²": "квадратных метров", "км²": "квадратных километров", "см²": "квадратных сантиметров",
        "м³": "кубических метров", "m²": "квадратных метров", "km²": "квадратных километров",
    },
    fractions=fractions(
        "одна две три четыре пять шесть семь",
        {
            2: ("вторая", "вторых"), 3: ("третья", "третьих"), 4: ("четвёртая", "четвёртых"),
            5: ("пятая", "пятых"), 6: ("шестая", "шестых"), 7: ("седьмая", "седьмых"),
            8: ("восьмая", "восьмых"), 9: ("девятая", "девятых"), 10: ("десятая", "десятых"),
        },
    ),
    mixed={"½": "с половиной", "¼": "с четвертью"},
    mixed_and=" и ",
    currencies={
        "$": Currency("1 доллар", "долларов", few="доллара"),
        "US$": Currency("1 доллар", "долларов", few="доллара"),
        "R$": Currency("1 реал", "реалов", few="реала"),
        "£": Currency("1 фунт", "фунтов", few="фунта"),
        "€": Currency("1 евро", "евро"),
        "¥": Currency("1 иена", "иен", few="иены"),
        "₹": Currency("1 рупия", "рупий", few="рупии"),
        "₽": Currency("1 рубль", "рублей", few="рубля"),
        "₩": Currency("1 вона", "вон", few="воны"),
        "zł": Currency("1 злотый", "злотых", few="злотых"),
        "¢": Currency("1 цент", "центов", few="цента"),
    },
    magnitudes={
        "тыс.": "тысяч", "млн": "миллионов", "млрд": "миллиардов", "тысяч": "тысяч",
        "миллион": "миллион", "миллиона": "миллиона", "миллионов": "миллионов",
        "миллиард": "миллиард", "миллиарда": "миллиарда", "миллиардов": "миллиардов",
    },
    days={
        "пн": "понедельник", "вт": "вторник", "ср": "среда", "чт": "четверг", "пт": "пятница",
        "сб": "суббота", "вс": "воскресенье",
    },
    form_of=_russian_form,
)  # fmt: skip
