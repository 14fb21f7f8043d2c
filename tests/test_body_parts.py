"""What a body-part label means, in the spellings archives are full of."""

from __future__ import annotations

import csv
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxcore.body_parts import PARTS, mentioned_parts, readable, recognise
from fxcore.body_parts.vocabulary import MARKS, covers, listed_terms, spellings
from tests.shared_data import DICOM, requires_dicom

# One line a part and a way of going wrong; labels are separated by "|".
RIGHT = """
wrist: WRIST|wrist|Wrists|L WRIST|WRIST LT|LWRIST|WRIST_L|R.WRIST|XR WRIST 2V
wrist: XR Wrist 2 views Left|WRIST2V|WristAP
wrist: CARPUS|RADIOCARPAL|DISTAL RADIUS|Os scaphoideum|scaphoid views|SCAPHOID RT
wrist: articulatio radiocarpalis|ossa carpi
wrist: Handgelenk|HANDGELENK RE|Handgelenk rechts ap/lat|HG re|HG LI.|hand gelenk|Hand-Gelenk li
wrist: Handwurzel
wrist: Handgelenksaufnahme links|Handgelenk in 2 Ebenen bds.|distaler Radius|Röntgen Handgelenk
wrist: Kahnbein
wrist: poignet|POIGNET DT|Radio du poignet gauche face + profil|poignet face|scaphoïde
wrist: scaphoide carpien
wrist: muñeca|MUNECA|Muñeca izq.|RX MUÑECA DERECHA AP Y L|canell|pulso|pulsos dir|boneca
wrist: eskumuturra
wrist: polso|POLSO DX|polso sin. 2 proiezioni|polsi|punho|Punho Esq.|RX PUNHO|pols|POLS LI
wrist: polsgewricht|handwortel
wrist: håndled|HÅNDLED|Haandled h.|håndledd|handledd|handled|Handled hö|handleden|ranne|RANNE OIK.
wrist: rannenivel|randme
wrist: úlnliður|nadgarstek|NADGARSTEK LEWY|nadgarstka|zdj. nadgarstka P|zápěstí|ZAPESTI vlevo
wrist: zápästie|zapestje
wrist: ručni zglob|RUCNI ZGLOB|zglob šake|ručje|ручни зглоб|китка|лява китка|запястье
wrist: ЗАПЯСТЬЕ ЛЕВОЕ
wrist: лучезапястный сустав|Рентгенография лучезапястного сустава|зап'ясток|зап’ястя
wrist: променево-зап'ястковий суглоб
wrist: încheietura mâinii|incheietura mainii st.|pumn|csukló|CSUKLO JOBB|csuklóízület|καρπός
wrist: ΚΑΡΠΟΣ ΔΕ|πηχεοκαρπική
wrist: riešas|plaukstas locītava|el bileği|EL BİLEĞİ|EL BILEGI|sağ el bileği|bilek|رسغ|معصم|手腕|左手腕
wrist: 右腕关节正侧位
wrist: 手関節|右手首|손목|좌측 손목관절|cổ tay|pergelangan tangan|arddwrn|kyçi i dorës
wrist: COLLES FRACTURE|Colles re|手　関節|左手　関節|手 首|פרק כף יד|שורש כף יד
wrist: Radius loco typico|Radiusfraktur loco typico|Unterarm distal|distaler Unterarm|distal forearm
wrist: HG re seitl.|HG Verlauf|HG gehalten|HG R|L HG|дистальный отдел лучевой кости st
wrist: перелом луча в типичном месте|дистальный отдел лучевой кости|scaphoid waist fx
hand: hand|HAND|RT HAND|HANDS|Hände|main|MAIN DTE|mano|mão|hånd|käsi|ręka|ruka|kéz|кисть|mână
hand: пястных костей|手 部
hand: main droite|RX MAIN G|Main gauche face oblique|MAIN 2 INCIDENCES|main G/D|Main Campus: main droite
hand: Campus hand|Main Building XR HAND LT|HAND 2V LEFT SIDE|mano der.|palm
upper arm: ARM LT|Arm li|bras droit|C-arm left arm
foot: PIE DERECHO|pied G|foot weight bearing|Pie
whole body: body|corps entier
wrist: MAIN CAMPUS WRIST|Main OR wrist
hand: plauksta|χέρι|el
hand: metacarpal|Mittelhand|bone age|手|手部|손
finger: FINGER|THUMB|Daumen|Zeigefinger|doigt|dedo de la mano|dito della mano|sormi|palec|ujj|DIP
finger: палец кисти|אצבע|اصابع|أصابع|ngón tay|фаланга пальца
forearm: FOREARM|Unterarm|avant-bras|antebrazo|avambraccio|antebraço|onderarm|handlegg|przedramię
forearm: předloktí|alkar
forearm: лучевой кости|локтевой кости|UA li seitl
forearm: radius|предплечье|ön kol|αντιβράχιο|lower arm|RADIUS/ULNA
elbow: ELBOW|Ellbogen|Ellenbogen|coude|codo|gomito|cotovelo|elleboog|albue|armbåge|łokieć|loket
elbow: ELB|ELB RT|EBG li seitl.|EBG bočno
elbow: könyök|cot|dirsek
elbow: локтевой сустав|αγκώνας|radial head
upper arm: ARM|arm|HUMERUS|Oberarm|bras|brazo|UPPER ARM|felkar|плечевая кость
shoulder: SHOULDER|Schulter|épaule|hombro|spalla|ombro|schouder|bark|rameno|váll|плечевой сустав
shoulder: umăr|omuz|ώμος|SCAPULA
clavicle: CLAVICLE|Schlüsselbein|Schluesselbein|clavicule|obojczyk|ключица
ankle: ANKLE|Sprunggelenk|OSG|OSG li|oberes Sprunggelenk|Knöchel|Knoechel|cheville|tobillo
ankle: OSG re. seitl.|OSG gehalten|OSG im Stehen li|OSG Verlauf|ANK|ANK 3V RT
ankle: caviglia|tornozelo|enkel
ankle: ankel|fotled|vrist|nilkka|kostka|kotník|boka|gleznă|голеностопный сустав|ποδοκνημική
ankle: ayak bileği|AYAK BİLEĞİ SAĞ|SAĞ A.BİLEĞİ|SOL A BİLEK
ankle: AYAK BILEGI|脚腕关节|발목|足関節|cổ chân|Fußgelenk
foot: FOOT|feet|Fuß|FUSS LI|Vorfuß|pied|pie|PIE IZQ|piede|pé direito|voet|fot|stopa|lábfej|стопа
foot: ayak|tarsal|metatarsal
foot: Navikulare Fuß|Fuß Kahnbein|足部舟骨|舟状骨 足|člunková kost nohy
foot: scaphoid left foot|ладьевидная кость стопы|пальца левой стопы
foot: TARSAL TUNNEL|regio tarsi|canal tarsien|tunnel tarsale|túnel tarsiano|naviküler|رسغ القدم
foot: escafoides tarsiano|escafoides del pie|escafóide do pé|scafoide tarsico|scaphoïde du pied|Kahnbein Fuß
foot: σκαφοειδές ταρσού|sajkacsont láb|kość łódkowata|足舟骨|足舟状骨
heel: CALCANEUS|Fersenbein|talon|heel
toe: TOE|Großzehe|orteil|dedo del pie|dito del piede|hallux|palec stopy|prst nohy|пальцы стопы
toe: lábujj|Zehengelenk|اصابع القدم|אצבעות רגל
lower leg: TIBFIB|TIBIA FIBULA|TIB/FIB|Unterschenkel|jambe|pierna|LEG|lábszár|голень
knee: KNEE|Knie|Kniegelenk|genou|rodilla|ginocchio|joelho|knä|polvi|kolano|koleno|térd
knee: KG re ap + seitl|KG stehend belastet|KG in carico|KG na stojąco
knee: коленный сустав|genunchi|γόνατο|diz
thigh: FEM|FEM LT|FEMUR|Oberschenkel|cuisse|muslo|fémur|бедро
hip: HIP|Hüfte|Huefte re|hanche|cadera|anca|quadril|heup|höft|lonkka|biodro|kyčel|csípő
hip: тазобедренный сустав|kalça
pelvis: BUTTOCK|GROIN|CERVIX
pelvis: PELV|PELV AP|PELVIS|Becken|Beckenübersicht|bassin|miednica|bäcken|таз
face: 鼻骨|副鼻窦
skull: SKULL|HEAD|Schädel|crâne|Brain|череп
cervical spine: CSPINE|C-SPINE|HWS|rachis cervical
lumbar spine: WAIST|WAIST AP|LSPINE|LWS|columna lumbar
spine: FULLSPINE|WHOLESPINE
spine: cột sống|SPINE|Wirbelsäule|kręgosłup|позвоночник
chest: CHESTABDPELVIS|NECKCHESTABDOMEN
chest: CHEST|THORAX|Thoraxaufnahme|poumons|tórax|klatka piersiowa|грудная клетка|ribs
abdomen: ABD|ABD 2V|البطن|ABDOMEN|Bauch|KUB|слепая кишка|ирригоскопия толстой кишки|кишечника|товста кишка
upper limb: UP_EXM|UPPER EXTREMITY|membre supérieur
lower limb: LOWLIMB|FULLLEG
lower limb: lower extremity a.p.
limb: EXTREMITY|Extremität
whole body: WHOLE BODY|WHOLEBODY|Ganzkörper
: |   |LEFT|XR|AP|?|-|1234|joint|Gelenk|puls|pulse|angle|supine|corpus|campus|range|handle|rist
: junho|UNKNOWN|OTHER|first|Main Campus XR|MAIN OR|Radiology Main|Main Building Room 2|main d'oeuvre
: C-arm|C ARM|Mini C-Arm fluoro|hand held|hand-held|left hand side|Pied-à-terre|Poignée|Vorderhand|feet first
: foreign body|CORPS ETRANGER|corps étranger|Cuerpo extraño|Gamma nail|DELETE|Palace
: 2 Bilder|extreme|member|remain|by hand
"""
DAMAGED = """
wrist: WRІST|РUNHO|WRISТ|л/запястного с-ва|Naviculare-Quartett|Polsfoto|håndledsrøntgen|W RIST|ＷＲＩＳＴ
wrist: WTIST|WRSIT|wirst|wriist|WRISST LT|wrsit re|poinget|poigent|pognet droit|Handgelnk|Hangelenk li.
wrist: Handgelnek|Handgellenk
wrist: munneca|muneka|mu?eca|MU?ECA|mu\ufffdeca|MUNYECA|polsso|punnho|nadgarstke|nadgarszek
wrist: zapestii|csuklo|csukllo
wrist: лучезапясный сустав|запястие|запясьте|incheietura maini|ранена китка|el bileyi|handleed
wrist: håndleed
wrist: muÃ±eca|MUÃ‘ECA|csuklÃ³|zÃ¡pÄ›stÃ­|hÃ¥ndled|zápìstí|çàïÿñòüå|ÇÀÏßÑÒÜÅ|êèòêà
knee: KNEE JOITN|genuo|ginochio|rodila|joehlo|коленый сустав
ankle: ankel joint|cheviIle|tobilo|Sprungelenk|ayak bielği|anckle
shoulder: SHOULDR|schoulder|Schuter
foot: scapho?de tarsien
elbow: elbwo|Elbogen|ellenbgen
"""


def _table(text: str) -> list[tuple[str, str]]:
    lines = [line.partition(":") for line in text.splitlines() if ":" in line]
    return [(label, part) for part, _, labels in lines for label in labels.removeprefix(" ").split("|")]


@pytest.mark.parametrize(("label", "part"), _table(RIGHT))
def test_a_label_spelt_right_names_its_part(label: str, part: str) -> None:
    found = recognise(label)
    assert found.part == part
    assert (found.how in ("exact", "word")) == bool(part)


@pytest.mark.parametrize(("label", "part"), _table(DAMAGED))
def test_a_damaged_label_names_its_part(label: str, part: str) -> None:
    assert recognise(label).part == part


@pytest.mark.parametrize(
    ("term", "written", "read"),
    [
        *[("запястье", page, "latin-1") for page in ("utf-8", "cp1251", "koi8_r", "iso8859_5", "cp866")],
        *[("καρπός", page, "latin-1") for page in ("utf-8", "cp1253", "iso8859_7")],
        *[("Zápěstí", page, "latin-1") for page in ("utf-8", "cp1250", "iso8859_2", "cp852")],
        *[("EL BİLEĞİ", page, "latin-1") for page in ("utf-8", "cp1254")],
        *[(term, "utf-8", "cp1252") for term in ("RUČNI ZGLOB", "EL BILEĞI", "el bileği")],
        *[("MUÑECA", page, "cp1252") for page in ("utf-8", "latin-1")],
        *[("手腕", page, "latin-1") for page in ("utf-8", "gb18030", "big5")],
        *[("手関節", "shift_jis", "latin-1"), ("손목", "euc_kr", "cp1252")],
        *[("שורש כף היד", "cp1255", "latin-1"), ("معصم", "cp1256", "cp1252")],
    ],
)
def test_a_label_read_in_the_wrong_code_page_names_its_part(term: str, written: str, read: str) -> None:
    assert recognise(term.encode(written).decode(read)).part == "wrist"


@pytest.mark.parametrize(
    ("label", "page", "part"),
    [
        ("AYAK BİLEĞİ", "cp1254", "ankle"),
        ("проекция", "cp1251", ""),
        ("нагрузке", "cp1251", ""),
        ("πλάγια", "cp1253", ""),
        ("левой", "koi8_r", ""),
        ("Poignet opéré", "latin-1", "wrist"),
    ],
)
def test_a_label_is_read_anew_where_a_word_of_it_is_not_known(label: str, page: str, part: str) -> None:
    read = label.encode(page).decode("latin-1")
    assert recognise(read).part == part
    assert readable(read) == label


@pytest.mark.parametrize(
    ("label", "parts"),
    [
        ("HAND/WRIST", ("hand", "wrist")),
        ("poignet main", ("wrist", "hand")),
        ("handwrist", ("hand", "wrist")),
        ("Unterarm mit Handgelenk", ("forearm", "wrist")),
        ("FOOT/ANKLE", ("foot", "ankle")),
        ("WRSIT HAND", ("hand", "wrist")),
        ("UA mit HG", ("forearm", "wrist")),
        ("Hand + HG li", ("hand", "wrist")),
        ("genou face profil", ("knee",)),
        ("tarsal scaphoid", ("foot",)),
        ("ayak naviküler", ("foot",)),
        ("RTG ręki z nadgarstkiem", ("hand", "wrist")),
        ("фаланга пальца стопы", ("toe",)),
        ("prst u nohy", ("toe",)),
    ],
)
def test_a_label_may_name_several_parts(label: str, parts: tuple[str, ...]) -> None:
    assert recognise(label).parts == parts


def test_how_and_score_tell_the_sure_from_the_guessed() -> None:
    assert (recognise("Wrist").how, recognise("Wrist").score) == ("exact", 1.0)
    assert recognise("wrist left").how == "word"
    guessed = recognise("Handgelnk")
    assert (guessed.how, guessed.term) == ("fuzzy", "Handgelenk")
    assert guessed.score == pytest.approx(0.9)
    assert recognise("Handgelnk", min_similarity=0.95).part == ""


def test_every_listed_term_names_its_part_and_no_two_parts_share_one() -> None:
    owners: dict[str, set[str]] = {}
    for part, language, term in listed_terms():
        bare = term.lstrip(MARKS)
        assert recognise(bare).part == part, (language, bare)
        for key in spellings(bare):
            owners.setdefault(key, set()).add(part)
    assert [key for key, parts in owners.items() if len(parts) > 1] == []


def test_terms_of_the_user_are_added_and_win() -> None:
    terms = (("wrist", ("Gelenk 7", "hand")), ("implant", ("Platte",)))
    assert recognise("GELENK-7 links").part == ""
    assert recognise("GELENK-7 links", terms).part == "wrist"
    assert recognise("HAND", terms).part == "wrist"
    assert recognise("Platte li", terms).part == "implant"
    assert recognise("HAND").part == "hand"


def test_only_our_own_words_leave_a_description() -> None:
    text = "Müller, Anna *1970-02-03: Handgelenk und Hand re. n. Sturz, Dr. Schuter, Handgelnk"
    assert mentioned_parts(text) == ("wrist", "hand")
    assert mentioned_parts("") == ()


def test_regions_cover_their_parts() -> None:
    assert covers("upper limb", "wrist")
    assert not covers("lower limb", "wrist")
    assert not covers("wrist", "hand")
    assert covers("limb", "knee")
    assert covers("whole body", "skull")
    assert not covers("whole body", "")


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    found = recognise(text)
    assert found.part in ("", *PARTS)
    assert set(mentioned_parts(text)) <= set(PARTS)


_TERMS = st.sampled_from([term.lstrip(MARKS) for _, _, term in listed_terms()])
_LETTERS = st.text("abcdefghinorstuw кистьзапя ρκαπός /-.2", max_size=12)


@given(_TERMS, _LETTERS, st.sampled_from([str.upper, str.lower, str.title]))
def test_case_accents_and_surrounding_space_do_not_matter(term: str, other: str, case: object) -> None:
    label = f"{term} {other}"
    bare = "".join(c for c in unicodedata.normalize("NFD", label) if unicodedata.category(c) != "Mn")
    expected = recognise(label)
    # Hangul and kana letters are put together from marks; only accents over letters are dropped here.
    variants = [case(label), f"  {label}\t\n", unicodedata.normalize("NFD", label)]  # type: ignore[operator]
    for variant in [*variants, unicodedata.normalize("NFC", bare)]:
        assert recognise(variant).parts == expected.parts


@requires_dicom
def test_labels_of_real_files_are_understood() -> None:
    with (DICOM / "INVENTORY.csv").open(newline="") as table:
        labels = {row["bodypart"] for row in csv.DictReader(table)} - {""}
    unknown = {label for label in labels if not recognise(label).part}
    assert unknown <= {"ANNOON"}
    assert not [label for label in labels if "wrist" in recognise(label).parts]
