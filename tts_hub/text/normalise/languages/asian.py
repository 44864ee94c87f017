"""The words for signs in Hindi, Japanese and Chinese."""

from __future__ import annotations

from tts_hub.text.normalise.languages.model import Currency, LanguageRules, fractions

HINDI = LanguageRules(
    signs={
        ">": "बड़ा है", "<": "छोटा है", "×": "गुणा", "*": "गुणा", "÷": "भाग", "≥": "बड़ा या बराबर है",
        "≤": "छोटा या बराबर है", "≠": "बराबर नहीं", "±": "प्लस माइनस", "≈": "लगभग", "√": "वर्गमूल",
        "∞": "अनंत", "&": "और", "−": "माइनस",
    },
    minus="माइनस",
    about="लगभग",
    to="से",
    number="नंबर",
    section="धारा",
    per_mille="{} प्रति हज़ार",
    degrees={"°C": "{} डिग्री सेल्सियस", "°F": "{} डिग्री फ़ारेनहाइट", "°": "{} डिग्री"},
    powers=("का वर्ग", "का घन", "की घात {}"),
    areas={
        "m²": "वर्ग मीटर", "km²": "वर्ग किलोमीटर", "cm²": "वर्ग सेंटीमीटर", "m³": "घन मीटर",
    },
    fractions={
        "½": "आधा", "⅓": "एक तिहाई", "⅔": "दो तिहाई", "¼": "एक चौथाई", "¾": "तीन चौथाई",
    },
    mixed_and=" और ",
    currencies={
        "$": Currency("1 डॉलर", "डॉलर"),
        "US$": Currency("1 डॉलर", "डॉलर"),
        "R$": Currency("1 रियाल", "रियाल"),
        "£": Currency("1 पाउंड", "पाउंड"),
        "€": Currency("1 यूरो", "यूरो"),
        "¥": Currency("1 येन", "येन"),
        "₹": Currency("1 रुपया", "रुपये", cents=("पैसा", "पैसे")),
        "₽": Currency("1 रूबल", "रूबल"),
    },
    magnitudes={
        "हज़ार": "हज़ार", "हजार": "हजार", "लाख": "लाख", "करोड़": "करोड़", "अरब": "अरब", "मिलियन": "मिलियन",
    },
    decimal_comma=False,
)  # fmt: skip

_JAPANESE_FRACTIONS = fractions(
    "1 2 3 4 5 6 7", {number: (str(number), str(number)) for number in range(2, 11)}, "{0}/{1}"
)

JAPANESE = LanguageRules(
    signs={
        ">": "だいなり", "<": "しょうなり", "=": "イコール", "+": "プラス", "×": "かける", "*": "かける",
        "÷": "わる", "≥": "だいなりイコール", "≤": "しょうなりイコール", "≠": "ノットイコール",
        "±": "プラスマイナス", "≈": "やく", "√": "ルート", "∞": "むげんだい", "&": "アンド", "−": "マイナス",
    },
    minus="マイナス",
    about="やく",
    to="から",
    ratio="たい",
    number="ナンバー",
    section="セクション",
    copyright="コピーライト",
    percent="{}パーセント",
    per_mille="{}パーミル",
    degrees={"°C": "{}度", "°F": "華氏{}度", "°": "{}度"},
    powers=("の2乗", "の3乗", "の{}乗"),
    areas={
        "m²": "平方メートル", "km²": "平方キロメートル", "cm²": "平方センチメートル", "m³": "立方メートル",
    },
    fractions={
        sign: "{1}分の{0}".format(*said.split("/")) for sign, said in _JAPANESE_FRACTIONS.items()
    },
    mixed_and="と",
    currencies={
        "$": Currency("1ドル", "ドル"),
        "US$": Currency("1ドル", "ドル"),
        "R$": Currency("1レアル", "レアル"),
        "£": Currency("1ポンド", "ポンド"),
        "€": Currency("1ユーロ", "ユーロ"),
        "¥": Currency("1円", "円"),
        "₹": Currency("1ルピー", "ルピー"),
        "₽": Currency("1ルーブル", "ルーブル"),
        "₩": Currency("1ウォン", "ウォン"),
    },
    cents_and="",
    magnitudes={"千": "千", "万": "万", "億": "億", "兆": "兆", "百万": "百万"},
    decimal_comma=False,
    words_apart=False,
)  # fmt: skip

CHINESE = LanguageRules(
    signs={
        ">": "大于", "<": "小于", "=": "等于", "+": "加", "×": "乘以", "*": "乘以", "÷": "除以",
        "≥": "大于等于", "≤": "小于等于", "≠": "不等于", "±": "正负", "≈": "约等于", "√": "根号",
        "∞": "无穷大", "&": "和", "−": "减",
    },
    minus="负",
    about="约",
    to="到",
    ratio="比",
    number="第",
    section="第",
    copyright="版权",
    percent="百分之{}",
    per_mille="千分之{}",
    degrees={"°C": "{}摄氏度", "°F": "{}华氏度", "°": "{}度"},
    powers=("的平方", "的立方", "的{}次方"),
    areas={
        "m²": "平方米", "km²": "平方公里", "cm²": "平方厘米", "m³": "立方米", "cm³": "立方厘米",
    },
    fractions={
        sign: "{1}分之{0}".format(*said.split("/")) for sign, said in _JAPANESE_FRACTIONS.items()
    },
    mixed_and="又",
    currencies={
        "$": Currency("1美元", "美元"),
        "US$": Currency("1美元", "美元"),
        "HK$": Currency("1港元", "港元"),
        "R$": Currency("1雷亚尔", "雷亚尔"),
        "£": Currency("1英镑", "英镑"),
        "€": Currency("1欧元", "欧元"),
        "¥": Currency("1元", "元"),
        "₹": Currency("1卢比", "卢比"),
        "₽": Currency("1卢布", "卢布"),
        "₩": Currency("1韩元", "韩元"),
    },
    cents_and="",
    magnitudes={"千": "千", "万": "万", "亿": "亿", "百万": "百万", "千万": "千万"},
    decimal_comma=False,
    words_apart=False,
)  # fmt: skip
