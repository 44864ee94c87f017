"""Abbreviations of each language, by what may follow their full stop within the same sentence.

A row is a string of words without their full stops. An entry in small letters stands for every spelling, one
with a capital only for itself and for all capitals: `Sat` is a day, `sat` is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

Kind = Literal["always", "number", "reference", "name", "clock"]
"""The kind of an abbreviation, which says where its full stop ends no sentence: before a small letter, and

- `always`: before whatever follows (`Dr. Who`)
- `number`: before a number (`approx. 5`, `Jan. 5`)
- `reference`: before a number, also a Roman one or one with a letter (`Fig. A1`, `vol. II`, `Eq. (5)`)
- `name`: before a capital too, unless that begins a word that usually begins a sentence (`U.S. Senate`, but
  `in the U.S. She left.`)
- `clock`: before a time zone, a day or a month (`5 p.m. Eastern time`)
"""


@dataclass(frozen=True, slots=True)
class Rules:
    """The abbreviations of one language."""

    kinds: Mapping[str, Kind]
    starters: frozenset[str] = frozenset()
    """Words, in small letters, that usually begin a sentence when they have a capital."""
    behind_clock: frozenset[str] = frozenset()
    """Words, in small letters, that belong to a time of day before them: time zones, days, months."""
    ordinals: bool = False
    """Whether a number with a full stop is an ordinal: `der 2. Weltkrieg`."""
    endings: tuple[str, ...] = ()
    """Endings of longer abbreviations of the kind `name`: `Goethestr. 5`."""

    def kind(self, word: str) -> Kind | None:
        """The kind of a word without its full stop; None for one that is no abbreviation."""
        kind = self.kinds.get(word)
        if kind is None and not (len(word) == 1 and word.isupper()):
            kind = self.kinds.get(word.casefold())
        return "name" if kind is None and self.endings and word.endswith(self.endings) else kind


@dataclass(frozen=True, slots=True)
class _Table:
    """The row of a language in `_TABLES`, each kind as a string of words."""

    always: str = ""
    number: str = ""
    reference: str = ""
    name: str = ""
    clock: str = ""
    starters: str = ""
    behind_clock: str = field(default="", kw_only=True)
    endings: str = field(default="", kw_only=True)
    ordinals: bool = field(default=False, kw_only=True)

    def kinds(self) -> dict[str, Kind]:
        rows: dict[Kind, str] = {
            "always": self.always,
            "number": self.number,
            "reference": self.reference,
            "name": self.name,
            "clock": self.clock,
        }
        return {word: kind for kind, row in rows.items() for word in row.split()}


def rules_for(code: str) -> Rules:
    """The rules of a language by its ISO 639 code; only the shared ones if it has none of its own."""
    return _rules(code if code in _TABLES else "")


@cache
def _rules(code: str) -> Rules:
    table = _TABLES.get(code, _Table())
    own = table.kinds()
    spellings = {word.casefold() for word in own}
    kinds = {word: kind for word, kind in _SHARED.kinds().items() if word.casefold() not in spellings} | own
    capitals = {word.upper(): kind for word, kind in kinds.items() if len(word) > 1}
    return Rules(
        capitals | kinds,
        frozenset(table.starters.split()),
        frozenset(table.behind_clock.split()),
        table.ordinals,
        tuple(table.endings.split()),
    )


_SHARED = _Table(
    always="Dr Dra Drs Prof Profa Mr Mrs Ms Mx Mme Mlle Messrs Hr Hrn Frl Sra Srta Sig Mgr e.g i.e",
    number="No Nos Nr Vol Fig",
    name="Jr Sr Inc Ltd Corp Co",
)

_TABLES: Mapping[str, _Table] = {
    "en": _Table(
        always=(
            "P.S Dr Drs Prof Profs Mr Mrs Ms Mx Mme Mlle Messrs Rev Revd Fr St Ste Mt Mts Ft Hon Pres Gov "
            "Sen Reps Rep Gen Maj Col Lt Capt Cmdr Cdr Adm Sgt Cpl Pvt Brig Supt Insp Det Atty Amb Msgr "
            "Mgr viz vs cf e.g i.e eg ie resp incl excl esp aka a.k.a"
        ),
        number=(
            "temp avg deg tsp tbsp misc prev orig acct addr amt attn no nos approx appx ca circa c max "
            "min est p pp para paras ll tel ext op cit ed al etc et.al Jan Feb Mar Apr Jun Jul Aug Sep "
            "Sept Oct Nov Dec kg km cm mm mi yd yds ft lb lbs oz gal hr hrs mins mph pts qt doz"
        ),
        reference=(
            "sec fig figs eq eqs eqn vol vols ch chs chap chaps sect secs art arts tab app ex prop thm "
            "lem cor def ref refs ver v vv pl bk pt par ser suppl"
        ),
        name=(
            "Jr Sr Esq Inc Ltd Co Cos Corp Dept Univ Assn Bros Intl Natl Govt Ave Blvd Rd Hwy Ln Pkwy Sq "
            "Bldg Ph.D M.D B.A M.A Ill Calif Mass Conn Penn Pa Va Fla Ga Ala Ariz Ark Colo Del Ind Kan Ky "
            "La Md Mich Minn Miss Mo Mont Neb Nev Okla Ore Tenn Tex Vt Wash Wis Wyo"
        ),
        clock="a.m p.m am pm Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun",
        starters=(
            "he she it they we you i the a an this that these those there here his her its their our my "
            "your but and so or yet then if when while where what who why how which after before because "
            "since although though however for in on at by with from to as no not now today tomorrow "
            "yesterday everyone everybody nobody someone somebody nothing everything some many most all "
            "both each every let please yes is are was were do does did can could will would should have "
            "has had once later meanwhile finally also still even only just maybe perhaps instead"
        ),
        behind_clock=(
            "eastern pacific central mountain atlantic gmt utc bst cet cest est edt cst cdt mst mdt pst "
            "pdt et pt ct mt monday tuesday wednesday thursday friday saturday sunday mon tue tues wed "
            "thu thurs fri sat sun january february march april may june july august september october "
            "november december jan feb mar apr jun jul aug sep sept oct nov dec"
        ),
    ),
    "de": _Table(
        always=(
            "Dr Prof Hr Hrn Fr Frl Dipl Ing Mag St Sr Univ-Prof bzw bspw ggf evtl vgl sog usf inkl exkl "
            "zzgl abzgl z d.h z.b z.t u.a u.u i.d.r s.o s.u o.ä v.a geb gest verh gen betr bez bes insb "
            "Frhr Gf Graf Rev Hl hl resp rd allg dt engl frz lat"
        ),
        number=(
            "ca etwa max min mind nr nrn tel zirka usw etc ff al Jan Feb Mär Mrz Apr Jun Jul Aug Sep Sept "
            "Okt Nov Dez Mo Di Mi Do Sa So km kg cm"
        ),
        reference="abb abs Art bd bde kap S Seite tab fig anm ziff par aufl vers ver taf lfg hs vol pos",
        name="str jr Inc Ltd Co Corp Hbf Bhf Pl Univ Ges Mio Mrd Tsd Stk Std Min Sek Jh Jhd Jhdt p n v",
        endings="str",
        starters=(
            "er sie es wir ihr ich du man das die der den dem ein eine einen einem einer dies diese "
            "dieser dieses doch aber und oder denn dann danach da dort hier nun jetzt heute gestern "
            "morgen so auch als wenn weil obwohl während nachdem bevor sein seine seinen ihre ihren mein "
            "meine unser unsere in im am an auf aus bei mit nach von vor zu zum zur für durch um über "
            "unter was wer wie wo warum wann alle viele manche nicht nichts niemand jeder jede später "
            "schließlich trotzdem deshalb daher dabei damit bis seit"
        ),
        ordinals=True,
    ),
    "fr": _Table(
        always=(
            "M MM Mme Mmes Mlle Mlles Dr Drs Mgr Pr Prof Me Mes Ste St Sgt Cdt Cne Lt Col Gal Mis Vve ex "
            "p.ex c.-à-d càd cf av apr J.-C hab av.j.-c éd dir trad"
        ),
        number=(
            "env no num max min tél etc janv févr fév avr juil sept oct nov déc lun mar mer jeu ven sam "
            "dim km kg cm mm h sec coll"
        ),
        reference="p pp fig art chap vol t tome réf éq eq tab sect par al ch app v",
        name="Jr Sr Cie Sté Ets bd boul",
        starters=(
            "c j l d n qu il elle ils elles on nous vous je tu le la les un une des ce cet cette ces ça "
            "c'est mais et ou donc or ni car alors puis ensuite après avant quand lorsque si comme que "
            "qui où pourquoi comment son sa ses leur leurs mon ma mes notre nos votre vos dans sur sous "
            "pour par avec sans en à au aux de du tout tous toute aujourd'hui hier demain ici là personne "
            "rien chaque certains plusieurs cependant pourtant enfin"
        ),
    ),
    "es": _Table(
        always=(
            "sr sra srta sres sras D dña dr dra dres prof profa lic ing arq gral Cap cnel tte sto sta "
            "excmo excma ilmo Fr rvdo mons av avda pza plza ctra ej p.ej cf vs esq prov ud"
        ),
        number=(
            "izq dcha entlo núm núms nº n nro no aprox máx mín tel tfno etc ene feb mar abr may jun jul "
            "ago sept set oct nov dic lun mié jue vie sáb dom km kg cm mm h min seg ed admón"
        ),
        reference=(
            "s pág págs p pp fig cap caps art arts vol vols t tomo sec secc ec apdo párr ref tab lám v"
        ),
        name="Cía Hnos S.A EE.UU EE UU Uds Vds Jr Inc Ltd Co Corp a.C d.C",
        starters=(
            "es son está están hay fue era ha él ella ellos ellas yo tú nosotros usted ustedes el la los "
            "las lo un una unos unas este esta esto estos ese esa eso aquel pero y o entonces luego "
            "después antes cuando si como que quién qué dónde cómo por para en con sin de desde hasta a "
            "al su sus mi mis tu nuestro nadie nada todo todos cada hoy ayer mañana aquí allí ahora "
            "también no sí ya además aunque porque finalmente"
        ),
    ),
    "it": _Table(
        always=(
            "sig sigg sig.ra sig.na dott dr dott.ssa prof proff prof.ssa ing avv arch geom rag On Sen Gen "
            "Col Cap Ten mons S SS spett egr gent es p.es cfr v.le p.za"
        ),
        number=(
            "n nn num nr ca circa max min tel ecc gen feb mar apr mag giu lug ago set sett ott nov dic "
            "lun mer gio ven sab dom km kg cm mm h ed"
        ),
        reference="sec pag pagg p pp fig figg cap capp art artt vol voll t tab sez eq par rif v lib",
        name="S.p.A S.r.l Jr Inc Ltd Co Corp a.C d.C",
        starters=(
            "è sono c'è era ha l c egli lui lei loro noi voi io tu il lo la i gli le un uno una questo "
            "questa questi quello quella ma e o poi dopo prima quando se come che chi cosa dove perché "
            "per in con senza di da a al nel nella sul su suo sua suoi mio mia nostro nessuno niente "
            "tutto tutti ogni oggi ieri domani qui là ora anche non sì già inoltre però infine allora "
            "così"
        ),
    ),
    "pt": _Table(
        always=(
            "sr sra srs sras srta dr dra drs prof profa eng enga arq D exmo exma ilmo ilma Fr Pe Pr gal "
            "gen cel Cap ten sto sta S av Al pça R Rod trav mons ex p.ex cf vs V"
        ),
        number=(
            "nº n núm num aprox máx mín tel etc jan fev mar abr mai jun jul ago set out nov dez seg ter "
            "qua qui sex sáb dom km kg cm mm h min ed"
        ),
        reference="séc pág págs pag p pp fig figs cap caps art arts vol vols t tab sec eq par ref v",
        name="Cia Ltda S.A EUA E.U.A Jr Inc Ltd Co Corp a.C d.C",
        starters=(
            "é são está estão há foi era ele ela eles elas eu tu nós você vocês o a os as um uma este "
            "esta isto esse essa isso aquele mas e ou então depois antes quando se como que quem onde "
            "porque por para em no na nos nas com sem de do da desde até ao seu sua seus meu minha nosso "
            "ninguém nada tudo todos cada hoje ontem amanhã aqui ali agora também não sim já além embora "
            "finalmente"
        ),
    ),
    "nl": _Table(
        always=(
            "dr drs prof ir ing mr mw mevr dhr hr ds st gen kol kapt bijv bv d.w.z m.a.w o.a t.a.v i.p.v "
            "m.b.t n.a.v z.g zgn resp incl excl vgl evt ca.th jl jhr"
        ),
        number=(
            "nr nrs ca max min tel enz etc jan feb mrt apr jun jul aug sept okt nov dec ma di wo do vr za "
            "zo km kg cm mm mln mld sec e.d e.a"
        ),
        reference="blz p pp fig afb art hfst h hst deel dl par tab vol lid",
        endings="str",
        name="N.V B.V Jr Sr Inc Ltd Co Corp str",
        starters=(
            "hij zij ze wij we ik je jij u het de een dit dat deze die er maar en of dus toen daarna dan "
            "daar hier nu vandaag gisteren morgen zo ook als wanneer omdat hoewel terwijl zijn haar mijn "
            "onze in op aan uit bij met na van voor naar wat wie hoe waar waarom alle veel niemand niets "
            "iedereen later"
        ),
    ),
    "pl": _Table(
        always=(
            "dr prof mgr inż hab ks św bp abp kard gen płk mjr kpt por sierż lek med doc red al ul pl os "
            "im np tzn tzw tj m.in ww wg"
        ),
        number=(
            "nr nry ok maks min tel itd itp etc r w godz sek tys mln mld zł gr kg km cm mm sty lut kwi "
            "maj cze lip sie wrz paź lis gru pn wt śr czw pt sob"
        ),
        reference="s str rys tab art ust pkt rozdz t vol poz par",
        name="Sp Inc Ltd Co Corp Jr wyd",
        starters=(
            "on ona ono oni one ja ty my wy to ten ta te tamten ale i a lub więc potem wtedy teraz dziś "
            "wczoraj jutro tam tu tutaj gdy kiedy jeśli ponieważ chociaż jak co kto gdzie dlaczego w we "
            "na z ze do od po dla przez przy jego jej ich mój nasz nikt nic wszyscy każdy nie tak już też "
            "także później"
        ),
        ordinals=True,
    ),
    "ru": _Table(
        always=("г-н г-жа д-р проф акад доц ул пл пер просп им св тов гр ген полк кап ср напр т.е т.н о"),
        number=(
            "гг в вв ок тыс млн млрд руб коп тел др т.д т.п н.э янв февр мар апр июн июл авг сент окт "
            "нояб дек пн вт чт пт сб вс кг км см мм мин сек шт экз эт"
        ),
        reference="стр с рис гл табл п пп ст разд № н вып т кн ч изд",
        name="г пр обл р-н д кв корп",
        starters=(
            "он она оно они я мы вы ты это этот эта эти тот та но и а или в на с у к о по за из от до для "
            "при под над что кто как где когда почему если потому поэтому затем потом тогда там тут здесь "
            "теперь сегодня вчера завтра его её их мой наш все всё никто ничего каждый не да нет уже ещё "
            "также"
        ),
    ),
    "uk": _Table(
        always="д-р проф акад доц вул пл пров просп ім св тов ген див напр т.зв",
        number="рр ок тис млн млрд грн коп тел ін т.д т.п н.е кг км см мм год хв сек",
        reference="с стор рис гл табл п пп ст розд т кн ч вип",
        name="р м обл",
    ),
    "hi": _Table(
        always=(
            "डॉ डा प्रो श्री श्रीमती सुश्री कु पं मो मु स्व सं ले कर्नल इं एड न्या उदा ए बी सी डी एफ एच "
            "एम एन एल ओ पी आर एस टी यू वी जे डब्ल्यू एक्स वाई "
            "कि.मी कि.ग्रा"
        ),
        number="क्र नं रु ई किमी किग्रा मि मी से लगभग पृ दि",
        reference="अ खं भाग",
    ),
    "mr": _Table(always="डॉ प्रा श्री श्रीमती कु पं", number="क्र नं रु पृ"),
    "bn": _Table(always="ড ডা ডাঃ প্রফ মো মোঃ", number="নং পৃ"),
    "ja": _Table(number="No Nos Vol Fig p pp ver", always="vs"),
    "zh": _Table(number="No Nos Vol Fig p pp ver", always="vs"),
    "sv": _Table(
        always="dr prof hr fr st bl.a t.ex d.v.s s.k resp jfr f.d inkl exkl",
        number=(
            "nr ca max min tel osv etc m.m jan feb mar apr jun jul aug sept okt nov dec kl kr milj km kg"
        ),
        reference="s sid fig kap art tab bd",
    ),
    "da": _Table(
        always="dr prof hr fr frk st bl.a f.eks d.v.s dvs såk jf inkl ekskl",
        number=(
            "nr ca maks min tlf osv etc m.m jan feb mar apr jun jul aug sept okt nov dec kl kr mio mia km kg"
        ),
        reference="s fig kap art tab bd",
        ordinals=True,
    ),
    "no": _Table(
        always="dr prof hr fr frk st bl.a f.eks dvs jf inkl ekskl",
        number=(
            "nr ca maks min tlf osv etc m.m jan feb mar apr jun jul aug sept okt nov des kl kr mill km kg"
        ),
        reference="s fig kap art tab bd",
        ordinals=True,
    ),
    "fi": _Table(
        always="dr prof tri hra rva esim mm ns eli vrt",
        number="nro n ks max min puh jne ym yms klo milj km kg",
        reference="s luku kuva taul",
        ordinals=True,
    ),
    "cs": _Table(
        always="dr prof mgr ing doc mudr judr phdr pan sv tzv např tj resp ul nám gen plk kpt",
        number="č čís cca max min tel atd apod r st hod tis mil mld kč km kg",
        reference="s str obr kap čl odst tab díl",
        ordinals=True,
    ),
    "sk": _Table(
        always="dr prof mgr ing doc mudr judr phdr sv tzv napr tj resp ul nám gen plk kpt",
        number="č čís cca max min tel atď apod r st hod tis mil mld km kg",
        reference="s str obr kap čl ods tab diel",
        ordinals=True,
    ),
    "hu": _Table(
        always="dr prof id ifj özv stb.-k pl ún ill sz.-i",
        number="sz kb max min tel stb db km kg",
        reference="o old ábra fej tábl",
        ordinals=True,
    ),
    "ro": _Table(
        always="dl dna d-na d-l dra dr prof ing sf str bd ex gen col",
        number="nr aprox max min tel etc km kg ian feb mar apr iun iul aug sept oct nov dec",
        reference="p pag fig cap art alin vol tab",
    ),
    "ca": _Table(
        always="Sr Sra Srta Dr Dra Prof Av Avda Pl St Sta ex p.ex",
        number="núm aprox màx mín tel etc km kg",
        reference="pàg pàgs p fig cap art vol",
    ),
    "tr": _Table(
        always="Dr Prof Doç Av Sn Hz Yrd Alb Gen Cad Sok Mah bkz örn",
        number="no max min tel vb vs yy km kg sa dk",
        reference="s sf şek böl mad cilt c",
        ordinals=True,
    ),
    "el": _Table(
        always="κ κα κος δρ καθ αγ π.χ δηλ βλ λεωφ οδ",
        number="αρ τηλ κ.λπ κτλ κ.ά περ χλμ κιλ εκ",
        reference="σ σελ εικ κεφ αρθ τομ πιν",
    ),
}
