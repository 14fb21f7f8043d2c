"""Words of a label that say nothing about the part: side, view, technique, and false friends.

A word listed here is never taken for a misspelt part (``"angle"`` is not ``"ankle"``), and an
abbreviation such as ``"HG"`` may stand beside it. A phrase says nothing as a whole, though a word of it
names a part by itself or in another language (``"Main Campus"`` is no hand, as ``"main droite"`` is).
"""

from __future__ import annotations

SIDE = """
    l r d g left right lt rt lft rght both bilateral bilat bil side sided sin dex dx sx dext sinister dexter
    dextra sinistra destro destra links rechts li re linke linker linkes rechte rechter rechtes bds
    beidseits beide beidseitig gauche droit droite droites gauches bilateral bilatérale bilatéral deux
    izquierda izquierdo derecha derecho izq der izda dcha dcho izqda ambos ambas esquerda esquerdo
    direita direito esq dir dto bilaterales sinistro linker rechter linkerzijde beiderzijds venstre
    højre høyre begge vänster höger hö vä bägge vasen oikea vasemman oikean molemmat lewy lewa lewe lewego
    prawy prawa prawe prawego lewej prawej obu oba obie levý levá levé pravý pravá pravé vlevo vpravo
    ľavý ľavá ľavé ľavého pravého levi leva levo desni desna desno lijevi lijeva lijevo obje oboje bal
    jobb mindkét stâng stânga drept dreapta dreaptă bilaterală αριστερός αριστερή αριστερό δεξιός δεξιά
    δεξί δεξιό αριστερά αρ δε δεξιού αριστερού левый левая левое левого левой правый правая правое
    правого правой слева справа обе оба обеих лівий ліва ліве лівого правий права праве правого ляв лява
    ляво десен дясна дясно леви лева лево десни десна десно sol sağ iki parem vasak kairys dešinys
    kairė dešinė kreisā labā
"""

VIEW = """
    ap pa lat lateral obl oblique oblik obliq view views vw vws proj projection projections two three
    four std standard routine min minimum complete compl comp limited post pre op postop preop follow
    up control face profil profile frontal front seitlich schräg ebenen ebene eb aufnahme aufnahmen
    röntgen röntgenaufnahme roentgen rtg rtx rx rg xr xray ray x cr dx dr digital digitale digitalis
    radiograph radiography radiografia radiografía radiographie radiografie radio radiogram rayon
    rayons foto fotos opname rentgen snímek snímok zdjęcie zdj kép felvétel grafi grafisi grafileri
    рентген рентгенография снимок снимки снимка знімок ακτινογραφία ακτινογραφια grafia exam
    examination examen exame exploracion study studie estudo series serie ser img image bild
    kontrolle contrôle controle kontroll stress weight bearing wb standing erect supine prone upright
    cast splint gips plaster fracture fraktur fractura frattura trauma injury scan ct mr mri us nm
    incidences incidence incid inc proyecciones proyeccion proiezioni proiezione proj projekcje
    projekcja projektion projektioner vetület irányú irány 正位 侧位 正侧位 deviation ulnar radial
    flexion extension axial axiale tangential pronation supination anterior posterior dorsal volar
    palmar dorsovolar dp dpl dorsopalmar
    obliques oblq rotation internal external weightbearing nonweightbearing portable port mobile bedside
    repeat recheck comparison reduction postreduction preoperative postoperative splinted casted sitting
    lying axis skyline sunrise mortise seitl seitliche seitlicher gehalten gehaltene stehen stehend
    stehende liegen liegend sitzen sitzend verlauf verlaufskontrolle vergleich seitenvergleich
    vergleichsaufnahme belastet belastete belastung unbelastet nativ zielaufnahme spezialaufnahme
    schrägaufnahme funktionsaufnahme funktionsaufnahmen streckung beugung dv aufn rö rönt röntgenbild
    kontr nachkontrolle präop präoperativ postoperativ notfall standaufnahme übersicht zwei drei debout
    couché charge comparatif comparatifs comparative comparatives bilan cliché clichés plâtre suivi
    dynamique postopératoire carga axiales oblicua oblicuas oblicuo frente perfil laterales comparativa
    comparativas comparativo bipedestación yeso anteroposterior posteroanterior laterale laterali obliqua
    carico ortostasi ortostatismo confronto controllo gesso due tre assiale assiali oblíqua ortostase
    axiais zijdelings staand staande belaste onbelast schuin schuine axiaal richtingen twee opnamen
    stående liggende liggande belastning belastad kontrol kontrollbild sidobild skrå optagelse planer
    seisten kuormitettuna kuormitus sivukuva kontrolli kipsi kuva viisto boczne boczny boczna bok skośne
    skośna skos osiowe osiowa stojąc stojąco stojące kontrola kontrolne porównawcze gipsie obciążeniem
    przód bočná bočný boční šikmá šikmý stoje stoji zátěž zátěži zátěží sádra sádře předozadní axiální
    srovnávací bočno bočna bočne stojeći sadra боковая боковой бок прямая прямой прям проекция проекции
    проекциях проекцій проекція двух нагрузкой нагрузка нагрузке стоя лежа косая аксиальная контроль гипс
    гипсе задняя сравнительная бокова пряма навантаженням стоячи профил фас oldalirányú oldal álló
    terheléses ferde felvételek gipsz oblică ortostatism încărcare ghips προφίλ πλάγια λοξή όρθια φόρτιση
    οπίσθια yan basarak ayakta yüklenme alçı karşılaştırmalı yön yönlü
"""

GENERIC = """
    joint joints bone bones gelenk gelenke knochen articulation articulatio articulación articolazione
    articulação articulația articulație os ossa osso ossos hueso huesos gewricht bot botten led ledd
    nivel luu staw stawu stawy kość kości kloub kloubu kĺb kost kosť sklep zglob зглоб зглобови става
    стави сустав сустава суставы суглоб суглоба суглоби кость кости кістка кост csont ízület άρθρωση
    οστά οστό sąnarys kaulas locītava eklem eklemi kemik kemiği liiges part parts region regio area
    zone other misc miscellaneous unknown unspecified none null na anatomy general skeletal
    and or of the with without de del della dello des du le la les el los las il lo und oder mit ohne
    der die das von et ou avec sans y o e con sin do da dos das em na no och eller og i en et van met
    zonder het een med utan uten ja tai sekä oraz lub z bez a s se ve veya si cu fara és vagy και με
    του της των и с без или та і або h w to for in on at by is not new old per test demo phantom qa qc
    ra mc rd v im vor nach bei am zum na w ve f u nur sous pod в во на под при из
"""

FALSE_FRIENDS = """
    angle angles corpus campus pulse puls pulses handle handler handlers handling handles
    cancel chess cheat poignée muñeco tight thigt skill lemur minus manual manuscript
    thumbnail digitally foots foolscap torso elbowing supine spline shield solder shoulda
    carpet carbon cargo facing facility chestnut footer header heading backup forward forearmed
    tests cases batch facet panel drain train grain price slice paper later never parse codes
    junho punto punta polio polar panne canne ranch range ranger branch france cotton colour
    color colored columns cover radios kneel knell generic manor major minor palace gamma begin bilder cells
    delete deleted extreme formed heavy longer lowest member members often remain remains render sorted
    trace traces backend digitized digitised
"""

# Separated by commas. Of English places, "main" begins most and ends some.
PHRASES = """
    main campus, main hospital, main building, main bldg, main clinic, main center, main centre, main office,
    main department, main dept, main radiology, main imaging, main unit, main ward, main room, main floor,
    main lab, main theatre, main site, main location, main branch, main entrance, main lobby, main desk,
    main reception, main street, main OR, main ED, main ER, campus main, hospital main, radiology main,
    main d'œuvre, main courante, main propre, pied à terre, unter der Hand, C-arm, C-arms, arm chair,
    arm rest, arm board, arm band, study arm, treatment arm, control arm, trial arm, hand held,
    left hand side, right hand side, hand injection, hand injected, by hand, hand over, hand off, hand out,
    hand book, hand written, second hand, free hand, foot note, foot print, foot step, foot pedal,
    foot switch, foot of bed, foot of the bed, foot end, head of bed, head of the bed, head end, head first,
    feet first, wrist band, wrist watch, elbow room, palm beach, palm springs, palm bay, rule of thumb,
    thumb drive, pie chart, back up, foreign body, foreign bodies, corps étranger, corps étrangers,
    cuerpo extraño, cuerpos extraños, corpo estraneo, corpi estranei, corpo estranho, corpos estranhos
"""
