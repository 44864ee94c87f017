"""The words for signs in English, German and Dutch."""

from __future__ import annotations

from tts_hub.text.normalise.languages.model import Currency, LanguageRules, fractions

ENGLISH = LanguageRules(
    signs={
        ">": "greater than", "<": "less than", "=": "equals", "+": "plus", "×": "times", "*": "times",
        "÷": "divided by", "≥": "greater than or equal to", "≤": "less than or equal to",
        "≠": "not equal to", "±": "plus or minus", "≈": "approximately", "√": "square root of",
        "∞": "infinity", "−": "minus",
    },
    minus="minus",
    about="about",
    to="to",
    ratio="to",
    number="number",
    per_mille="{} per mille",
    degrees={
        "°C": "{} degrees Celsius", "°F": "{} degrees Fahrenheit", "°": "{} degrees",
        "1°C": "1 degree Celsius", "1°F": "1 degree Fahrenheit", "1°": "1 degree",
    },
    powers=("squared", "cubed", "to the power of {}"),
    areas={
        "m²": "square meters", "km²": "square kilometers", "cm²": "square centimeters",
        "mm²": "square millimeters", "ft²": "square feet", "m³": "cubic meters", "cm³": "cubic centimeters",
    },
    fractions=fractions(
        "one two three four five six seven",
        {
            2: ("half", "halves"), 3: ("third", "thirds"), 4: ("quarter", "quarters"), 5: ("fifth", "fifths"),
            6: ("sixth", "sixths"), 7: ("seventh", "sevenths"), 8: ("eighth", "eighths"),
            9: ("ninth", "ninths"), 10: ("tenth", "tenths"),
        },
    ),
    mixed={"½": "and a half", "¼": "and a quarter", "⅓": "and a third"},
    mixed_and=" and ",
    currencies={
        "$": Currency("1 dollar", "dollars", cents=("cent", "cents")),
        "US$": Currency("1 US dollar", "US dollars", cents=("cent", "cents")),
        "A$": Currency("1 Australian dollar", "Australian dollars", cents=("cent", "cents")),
        "C$": Currency("1 Canadian dollar", "Canadian dollars", cents=("cent", "cents")),
        "R$": Currency("1 real", "reais", cents=("centavo", "centavos")),
        "£": Currency("1 pound", "pounds", cents=("penny", "pence")),
        "€": Currency("1 euro", "euros", cents=("cent", "cents")),
        "¥": Currency("1 yen", "yen"),
        "₹": Currency("1 rupee", "rupees", cents=("paisa", "paise")),
        "₽": Currency("1 ruble", "rubles", cents=("kopeck", "kopecks")),
        "₩": Currency("1 won", "won"),
        "zł": Currency("1 zloty", "zlotys", cents=("grosz", "groszy")),
        "₺": Currency("1 lira", "lira"),
        "₴": Currency("1 hryvnia", "hryvnias"),
        "₪": Currency("1 shekel", "shekels"),
        "₿": Currency("1 bitcoin", "bitcoin"),
        "¢": Currency("1 cent", "cents"),
    },
    cents_and=" and ",
    magnitudes={
        "hundred": "hundred", "thousand": "thousand", "million": "million", "billion": "billion",
        "trillion": "trillion", "k": "thousand", "K": "thousand", "m": "million", "M": "million",
        "mn": "million", "bn": "billion", "B": "billion", "tn": "trillion", "T": "trillion",
    },
    decimal_comma=False,
    days={
        "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday",
        "Thur": "Thursday", "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
        "Jan": "January", "Feb": "February", "Mar": "March", "Apr": "April", "May": "May", "Jun": "June",
        "Jul": "July", "Aug": "August", "Sep": "September", "Sept": "September", "Oct": "October",
        "Nov": "November", "Dec": "December",
    },
)  # fmt: skip

GERMAN = LanguageRules(
    signs={">": "größer als", "<": "kleiner als", "*": "mal", "−": "minus"},
    minus="minus",
    about="etwa",
    to="bis",
    ratio="zu",
    copyright="Copyright",
    per_mille="{} Promille",
    powers=("hoch 2", "hoch 3", "hoch {}"),
    areas={
        "m²": "Quadratmeter", "km²": "Quadratkilometer", "cm²": "Quadratzentimeter",
        "mm²": "Quadratmillimeter", "m³": "Kubikmeter", "cm³": "Kubikzentimeter",
    },
    fractions=fractions(
        "ein zwei drei vier fünf sechs sieben",
        {
            2: ("halb", "halbe"), 3: ("Drittel", "Drittel"), 4: ("Viertel", "Viertel"),
            5: ("Fünftel", "Fünftel"), 6: ("Sechstel", "Sechstel"), 7: ("Siebtel", "Siebtel"),
            8: ("Achtel", "Achtel"), 9: ("Neuntel", "Neuntel"), 10: ("Zehntel", "Zehntel"),
        },
    ),
    mixed={"½": "einhalb"},
    currencies={
        "$": Currency("ein Dollar", "Dollar"),
        "US$": Currency("ein US-Dollar", "US-Dollar"),
        "R$": Currency("ein Real", "Real"),
        "£": Currency("ein Pfund", "Pfund"),
        "€": Currency("ein Euro", "Euro"),
        "¥": Currency("ein Yen", "Yen"),
        "₹": Currency("eine Rupie", "Rupien"),
        "₽": Currency("ein Rubel", "Rubel"),
        "₩": Currency("ein Won", "Won"),
        "zł": Currency("ein Zloty", "Zloty"),
        "¢": Currency("ein Cent", "Cent"),
    },
    magnitudes={
        "Tausend": "Tausend", "Million": "Million", "Millionen": "Millionen", "Milliarde": "Milliarde",
        "Milliarden": "Milliarden", "Billionen": "Billionen", "Mio.": "Millionen", "Mio": "Millionen",
        "Mrd.": "Milliarden", "Mrd": "Milliarden",
    },
    days={
        "Mo": "Montag", "Di": "Dienstag", "Mi": "Mittwoch", "Do": "Donnerstag", "Fr": "Freitag",
        "Sa": "Samstag", "So": "Sonntag", "Jan": "Januar", "Feb": "Februar", "Mär": "März", "Apr": "April",
        "Mai": "Mai", "Jun": "Juni", "Jul": "Juli", "Aug": "August", "Sep": "September", "Okt": "Oktober",
        "Nov": "November", "Dez": "Dezember",
    },
)  # fmt: skip

DUTCH = LanguageRules(
    signs={"*": "keer", "−": "min"},
    minus="min",
    about="ongeveer",
    to="tot",
    number="nummer",
    per_mille="{} promille",
    powers=("kwadraat", "tot de derde", "tot de macht {}"),
    areas={
        "m²": "vierkante meter", "km²": "vierkante kilometer", "cm²": "vierkante centimeter",
        "mm²": "vierkante millimeter", "m³": "kubieke meter", "cm³": "kubieke centimeter",
    },
    mixed={"½": "en een half"},
    mixed_and=" en ",
    currencies={
        "$": Currency("1 dollar", "dollar"),
        "US$": Currency("1 Amerikaanse dollar", "Amerikaanse dollar"),
        "R$": Currency("1 real", "real"),
        "£": Currency("1 pond", "pond"),
        "€": Currency("1 euro", "euro"),
        "¥": Currency("1 yen", "yen"),
        "₹": Currency("1 roepie", "roepie"),
        "₽": Currency("1 roebel", "roebel"),
        "₩": Currency("1 won", "won"),
        "zł": Currency("1 zloty", "zloty"),
        "¢": Currency("1 cent", "cent"),
    },
    magnitudes={
        "duizend": "duizend", "miljoen": "miljoen", "miljard": "miljard", "mln": "miljoen",
        "mln.": "miljoen", "mld": "miljard", "mld.": "miljard",
    },
    days={
        "ma": "maandag", "di": "dinsdag", "wo": "woensdag", "do": "donderdag", "vr": "vrijdag",
        "za": "zaterdag", "zo": "zondag",
    },
)  # fmt: skip
