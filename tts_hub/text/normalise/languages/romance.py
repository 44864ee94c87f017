"""The words for signs in Spanish, French, Italian and Portuguese."""

from __future__ import annotations

from tts_hub.text.normalise.languages.model import Currency, Form, LanguageRules, fractions


def _none_is_singular(whole: int) -> Form:
    """The form of a noun in French, where zero takes the singular."""
    return "one" if whole == 1 else "part" if whole == 0 else "many"


SPANISH = LanguageRules(
    signs={
        ">": "mayor que", "<": "menor que", "×": "por", "*": "por", "÷": "dividido entre",
        "≥": "mayor o igual que", "≤": "menor o igual que", "≠": "distinto de", "±": "más menos",
        "≈": "aproximadamente", "√": "raíz cuadrada de", "∞": "infinito", "&": "y", "−": "menos",
    },
    minus="menos",
    about="aproximadamente",
    to="a",
    ratio="a",
    number="número",
    copyright="copyright",
    per_mille="{} por mil",
    powers=("al cuadrado", "al cubo", "elevado a {}"),
    areas={
        "m²": "metros cuadrados", "km²": "kilómetros cuadrados", "cm²": "centímetros cuadrados",
        "mm²": "milímetros cuadrados", "m³": "metros cúbicos", "cm³": "centímetros cúbicos",
    },
    fractions=fractions(
        "un dos tres cuatro cinco seis siete",
        {
            2: ("medio", "medios"), 3: ("tercio", "tercios"), 4: ("cuarto", "cuartos"),
            5: ("quinto", "quintos"), 6: ("sexto", "sextos"), 7: ("séptimo", "séptimos"),
            8: ("octavo", "octavos"), 9: ("noveno", "novenos"), 10: ("décimo", "décimos"),
        },
    ),
    mixed={"½": "y medio"},
    mixed_and=" y ",
    currencies={
        "$": Currency("un dólar", "dólares"),
        "US$": Currency("un dólar", "dólares"),
        "R$": Currency("un real", "reales"),
        "£": Currency("una libra", "libras"),
        "€": Currency("un euro", "euros"),
        "¥": Currency("un yen", "yenes"),
        "₹": Currency("una rupia", "rupias"),
        "₽": Currency("un rublo", "rublos"),
        "₩": Currency("un won", "wones"),
        "zł": Currency("un zloty", "zlotys"),
        "¢": Currency("un centavo", "centavos"),
    },
    cents_and=" con ",
    magnitudes={
        "mil": "mil", "millón": "millón de", "millones": "millones de",
        "mil millones": "mil millones de",
    },
    days={
        "lun": "lunes", "mar": "martes", "mié": "miércoles", "jue": "jueves", "vie": "viernes",
        "sáb": "sábado", "dom": "domingo",
    },
)  # fmt: skip

FRENCH = LanguageRules(
    signs={
        ">": "supérieur à", "<": "inférieur à", "×": "fois", "*": "fois", "≥": "supérieur ou égal à",
        "≤": "inférieur ou égal à", "≠": "différent de", "≈": "environ", "√": "racine carrée de",
        "∞": "infini", "−": "moins",
    },
    minus="moins",
    about="environ",
    to="à",
    ratio="à",
    number="numéro",
    section="paragraphe",
    copyright="copyright",
    per_mille="{} pour mille",
    powers=("au carré", "au cube", "puissance {}"),
    areas={
        "m²": "mètres carrés", "km²": "kilomètres carrés", "cm²": "centimètres carrés",
        "mm²": "millimètres carrés", "m³": "mètres cubes", "cm³": "centimètres cubes",
    },
    fractions=fractions(
        "un deux trois quatre cinq six sept",
        {
            2: ("demi", "demis"), 3: ("tiers", "tiers"), 4: ("quart", "quarts"),
            5: ("cinquième", "cinquièmes"), 6: ("sixième", "sixièmes"), 7: ("septième", "septièmes"),
            8: ("huitième", "huitièmes"), 9: ("neuvième", "neuvièmes"), 10: ("dixième", "dixièmes"),
        },
    ),
    mixed={"½": "et demi"},
    mixed_and=" et ",
    currencies={
        "$": Currency("un dollar", "dollars", few="dollar"),
        "US$": Currency("un dollar américain", "dollars américains", few="dollar américain"),
        "R$": Currency("un réal", "réaux", few="réal"),
        "£": Currency("une livre", "livres"),
        "€": Currency("un euro", "euros"),
        "¥": Currency("un yen", "yens"),
        "₹": Currency("une roupie", "roupies"),
        "₽": Currency("un rouble", "roubles"),
        "₩": Currency("un won", "wons"),
        "zł": Currency("un zloty", "zlotys"),
        "¢": Currency("un centime", "centimes"),
    },
    magnitudes={
        "mille": "mille", "million": "million de", "millions": "millions de", "milliard": "milliard de",
        "milliards": "milliards de", "M": "millions de", "Md": "milliards de", "Mds": "milliards de",
    },
    elisions={"de euros": "d'euros"},
    days={
        "lun": "lundi", "mar": "mardi", "mer": "mercredi", "jeu": "jeudi", "ven": "vendredi",
        "sam": "samedi", "dim": "dimanche",
    },
    form_of=_none_is_singular,
)  # fmt: skip

ITALIAN = LanguageRules(
    signs={
        ">": "maggiore di", "<": "minore di", "×": "per", "*": "per", "÷": "diviso",
        "±": "più o meno", "&": "e", "−": "meno",
    },
    minus="meno",
    about="circa",
    to="a",
    ratio="a",
    number="numero",
    copyright="copyright",
    powers=("al quadrato", "al cubo", "elevato a {}"),
    areas={
        "m²": "metri quadrati", "km²": "chilometri quadrati", "cm²": "centimetri quadrati",
        "mm²": "millimetri quadrati", "m³": "metri cubi", "cm³": "centimetri cubi",
    },
    mixed={"½": "e mezzo"},
    mixed_and=" e ",
    currencies={
        "$": Currency("un dollaro", "dollari"),
        "US$": Currency("un dollaro", "dollari"),
        "R$": Currency("un real", "reais"),
        "£": Currency("una sterlina", "sterline"),
        "€": Currency("un euro", "euro"),
        "¥": Currency("uno yen", "yen"),
        "₹": Currency("una rupia", "rupie"),
        "₽": Currency("un rublo", "rubli"),
        "₩": Currency("un won", "won"),
        "zł": Currency("uno zloty", "zloty"),
        "¢": Currency("un centesimo", "centesimi"),
    },
    cents_and=" e ",
    magnitudes={
        "mila": "mila", "milione": "milione di", "milioni": "milioni di", "miliardo": "miliardo di",
        "miliardi": "miliardi di", "mln": "milioni di", "mld": "miliardi di",
    },
    days={
        "lun": "lunedì", "mar": "martedì", "mer": "mercoledì", "gio": "giovedì", "ven": "venerdì",
        "sab": "sabato", "dom": "domenica",
    },
)  # fmt: skip

PORTUGUESE = LanguageRules(
    signs={
        ">": "maior que", "<": "menor que", "*": "vezes", "≥": "maior ou igual a", "≤": "menor ou igual a",
        "≠": "diferente de", "±": "mais ou menos", "≈": "aproximadamente", "√": "raiz quadrada de",
        "−": "menos",
    },
    minus="menos",
    about="cerca de",
    to="a",
    ratio="a",
    number="número",
    copyright="copyright",
    per_mille="{} por mil",
    powers=("ao quadrado", "ao cubo", "elevado a {}"),
    areas={
        "m²": "metros quadrados", "km²": "quilômetros quadrados", "cm²": "centímetros quadrados",
        "mm²": "milímetros quadrados", "m³": "metros cúbicos", "cm³": "centímetros cúbicos",
    },
    mixed={"½": "e meio"},
    mixed_and=" e ",
    currencies={
        "$": Currency("um dólar", "dólares"),
        "US$": Currency("um dólar", "dólares"),
        "R$": Currency("um real", "reais", cents=("centavo", "centavos")),
        "£": Currency("uma libra", "libras"),
        "€": Currency("um euro", "euros"),
        "¥": Currency("um iene", "ienes"),
        "₹": Currency("uma rupia", "rupias"),
        "₽": Currency("um rublo", "rublos"),
        "₩": Currency("um won", "wons"),
        "zł": Currency("um zloty", "zlotys"),
        "¢": Currency("um centavo", "centavos"),
    },
    cents_and=" e ",
    magnitudes={
        "mil": "mil", "milhão": "milhão de", "milhões": "milhões de", "bilhão": "bilhão de",
        "bilhões": "bilhões de", "mil milhões": "mil milhões de",
    },
    days={
        "seg": "segunda", "ter": "terça", "qua": "quarta", "qui": "quinta", "sex": "sexta",
        "sáb": "sábado", "dom": "domingo",
    },
)  # fmt: skip
