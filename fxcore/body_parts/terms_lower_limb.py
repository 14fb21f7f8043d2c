"""What the parts of the lower limb are called; the notation is that of ``terms_upper_limb``."""

from __future__ import annotations

LOWER_LIMB: dict[str, str] = {
    "foot": """
        en foot, feet, forefoot, midfoot, hindfoot, metatarsal, metatarsals, metatarsus, tarsal, tarsus,
            tarsals, tarsal navicular, navicular, lisfranc, cuboid, cuneiform, =ft, tarsal scaphoid,
            foot scaphoid, scaphoid foot, tarsal tunnel
        la pes, pedis, ossa metatarsi, os naviculare, metatarsalia, pes dexter, pes sinister, ossa tarsi,
            regio tarsi, regio tarsalis, os scaphoideum pedis
        de Fuß, Füße, Fußes, Vorfuß, Mittelfuß, Rückfuß, Fußskelett, Fußwurzel, Mittelfußknochen,
            Kahnbein Fuß, Kahnbein des Fußes, Fußkahnbein
        fr pied, pieds, avant-pied, métatarse, métatarsien, métatarsiens, scaphoïde tarsien, tarse,
            tarsien, os du tarse, canal tarsien, scaphoïde pied, scaphoïde du pied
        es !pie, !pies, antepié, metatarso, metatarsiano, tarso, tarsiano, túnel tarsiano,
            escafoides tarsiano, escafoides pie, escafoides del pie
        ca !peu, peus, escafoide del peu
        eu oina
        it piede, piedi, avampiede, metatarso, metatarsale, tarso, tarsico, tunnel tarsale, scafoide tarsale,
            scafoide tarsico, scafoide piede, scafoide del piede
        pt =pé, pés, antepé, pé direito, pé esquerdo, escafóide do pé, escafóide társico, túnel do tarso
        nl voet, voeten, voorvoet, middenvoet, voetwortel
        da =fod, fødder, forfod, mellemfod, foden
        no fot, føtter, forfot, mellomfot, foten
        sv fot, fötter, framfot, mellanfot, foten, båtben fot, båtben i foten
        fi jalkaterä, jalkaterät, jalkapöytä, jalan veneluu
        et labajalg, pöid
        is fótur, fætur
        pl stopa, stopy, =stóp, śródstopie, przodostopie, śródstopia, kość łódkowata, kości stępu
        cs noha, nohy, nárt, chodidlo, zánártí, nártní
        sk chodidlo, priehlavok
        sl stopalo, stopala
        hr stopalo, stopala
        sr стопало, стопала
        bg стъпало, ходило, стъпала, ходила
        ru стопа, стопы, =стоп, плюсна, плюсневые, предплюсна, ладьевидная кость стопы, плюсны, плюсневой,
            плюсневых
        uk стопа, стопи, ступня
        ro picior, piciorul, piciorului, laba piciorului, metatarsian, scafoid tarsian, scafoid picior
        hu lábfej, =láb, lábak, lábfejek, lábközép, lábtő, lábtőcsontok, sajkacsont láb, láb sajkacsont,
            lábtő sajkacsont
        el άκρος πόδας, πόδι, ποδιού, άκρο πόδι, πόδας, άκρου ποδός, ποδός, ταρσός, ταρσού, σκαφοειδές ταρσού,
            σκαφοειδές ποδιού, σκαφοειδές πόδι
        lt pėda, pėdos
        lv pēda, pēdas
        tr ayak, ayaklar, ayak grafisi, ayağı, naviküler, ayak skafoid
        ar قدم, القدم, رسغ القدم
        he כף רגל, כף הרגל
        zh 足, 足部, 脚, 跖骨, 跗骨, 足舟骨, 脚舟骨, 足舟状骨
        ja 足, 足部, 足部骨, 中足骨, 足部舟状骨, 足の舟状骨
        ko 족부, 발, 중족골, 족근골, 족부 주상골, 발 주상골, 족주상골
        vi bàn chân""",
    "heel": """
        en heel, heels, calcaneus, calcaneum, os calcis, calcaneal, =calc
        la calcaneus, calcanei
        de Ferse, Fersenbein, Kalkaneus, Calcaneus
        fr talon, calcanéum, calcanéus
        es talón, calcáneo
        it calcagno, tallone, calcaneare
        pt calcanhar, calcâneo
        nl hiel, hielbeen
        da hæl, hælben
        no hæl, hælbein
        sv häl, hälben
        fi kantapää, kantaluu
        pl pięta, pięty, kość piętowa
        cs pata, patní kost
        sk päta, pätová kosť
        sl petnica
        hr petna kost, peta
        bg пета, петна кост
        ru пятка, пяточная кость, пяточной кости
        uk п'ята, п'яткова кістка
        ro călcâi, calcaneu, calcaneul
        hu sarok, sarokcsont
        el πτέρνα, πτέρνας
        tr topuk, kalkaneus
        ar العقب
        he עקב
        zh 跟骨
        ja 踵骨, 踵
        ko 종골, 발꿈치, 뒤꿈치
        vi gót chân""",
    "toe": """
        en toe, toes, great toe, big toe, hallux, hallux valgus, foot toes
        la hallux, hallucis, digiti pedis, digitus pedis
        de Zeh, Zehe, Zehen, Großzehe, Großzeh, Kleinzehe, Zehengelenk, Zehengelenke, Zehengrundgelenk,
            Zehengrundgelenke, Großzehengelenk, Großzehengrundgelenk
        fr orteil, orteils, gros orteil
        es dedo pie, dedo del pie, dedos del pie, dedos pie, ortejo, ortejos
        it dito piede, dito del piede, dita del piede, dita piede, alluce
        pt dedo do pé, dedos do pé, hálux, pododáctilo, pododáctilos, artelho
        nl teen, tenen, grote teen
        da tå, tæer, storetå
        no tå, tær, stortå
        sv tå, tår, stortå
        fi varvas, varpaat, isovarvas
        et varvas, varbad
        pl palec stopy, palce stopy, palca stopy, palców stopy, paluch, palucha
        cs prst nohy, prsty nohy, palec nohy, palec u nohy, prst u nohy, prsty u nohy
        sk prst nohy, prsty nohy
        sl prst noge, prsti noge, palec noge
        hr prst noge, prsti noge, nožni prst, nožni prsti, nožni palac, prst stopala, prsti stopala
        sr прст стопала, прсти стопала, ножни прст
        bg пръст на крак, пръсти на крак, палец на крак
        ru палец стопы, пальцы стопы, пальца стопы, пальцев стопы, пальцы ног, палец ноги
        uk палець стопи, пальці стопи
        ro deget picior, degete picior, haluce, degetele piciorului
        hu lábujj, lábujjak, öregujj, nagylábujj
        el δάκτυλο ποδιού, δάκτυλα ποδιού, δάκτυλα ποδός, μεγάλο δάκτυλο
        lt kojos pirštas, kojos pirštai
        lv kājas pirksts, kājas pirksti
        tr ayak parmak, ayak parmağı, ayak parmakları
        ar اصابع القدم, اصبع القدم
        he אצבעות רגל, אצבעות הרגל, אצבעות כף הרגל, אצבע רגל, בוהן
        zh 脚趾, 足趾, 趾骨
        ja 足趾, 足指, 母趾
        ko 발가락, 족지
        vi ngón chân""",
    "ankle": """
        en ankle, ankles, ankle joint, talus, malleolus, malleoli, tibiotalar, talocrural, ankel, =ANK
        la tarsus superior, articulatio talocruralis, talus, malleolus lateralis
        de Sprunggelenk, Sprunggelenke, oberes Sprunggelenk, unteres Sprunggelenk, Knöchel, Außenknöchel,
            Innenknöchel, Fußgelenk, =OSG, =USG, Sprungbein, Fußknöchel, Fussgelenk
        fr cheville, chevilles, cou de pied, tibio-tarsienne, malléole, malléoles
        es tobillo, tobillos, tibiotarsiana, maléolo
        ca turmell, turmells
        eu orkatila
        it caviglia, caviglie, tibiotarsica, tibio-tarsica, collo del piede, malleolo
        pt tornozelo, tornozelos, tibiotársica, maléolo
        nl enkel, enkels, enkelgewricht, bovenste spronggewricht, spronggewricht
        da ankel, ankler, ankelled, fodled, malleol
        no ankel, ankler, ankelledd
        sv fotled, fotleder, ankel, vrist, fotknöl, fotleden
        fi nilkka, nilkat, nilkan, nilkkanivel
        et hüppeliiges, pahkluu
        is ökkli
        pl kostka, kostki, staw skokowy, stawu skokowego, skokowy, kostka boczna
        cs kotník, kotníky, hlezno, hlezenní kloub, hlezna, hlezenní
        sk členok, členky, členkový kĺb, členka
        sl gleženj, gležnja, skočni sklep
        hr gležanj, skočni zglob, gležnja, nožni zglob
        sr скочни зглоб, глежањ, чланак
        bg глезен, глезенна става, глезена
        ru голеностоп, голеностопный сустав, голеностопного сустава, голеностопный,
            голеностопные суставы, лодыжка, лодыжки
        uk гомілковостопний суглоб, надп'ятково-гомілковий суглоб, щиколотка, гомілково-ступневий
        ro gleznă, glezna, gleznei, articulația tibiotarsiană, glezne
        hu boka, bokaízület, bokák, bokáról
        el ποδοκνημική, ποδοκνημικής, αστράγαλος, αστραγάλου, ποδοκνημική άρθρωση, σφυρό, σφυρά
        lt čiurna, čiurnos, čiurnos sąnarys
        lv potīte, potītes, potītes locītava
        tr ayak bileği, ayak bilek, ayakbilek, ayak bileğ, ayak bilegi grafisi, talokrural,
            !a bileği, !a bilek
        ar الكاحل, كاحل
        he קרסול
        fa مچ پا
        zh 踝, 踝关节, 踝關節, 脚踝, 足踝, 脚腕, 脚腕关节, 腳腕, 腳腕關節, 足腕关节
        ja 足関節, 足首
        ko 발목, 족관절
        vi cổ chân
        id pergelangan kaki
        ms pergelangan kaki""",
    "lower leg": """
        en lower leg, lowerleg, lowleg, leg, legs, tibia, fibula, tibfib, tib fib, tibia fibula,
            tibia and fibula, shin, calf, crural, =TIB, =FIB
        la crus, cruris, regio cruris
        de Unterschenkel, Schienbein, Wadenbein, Wade, Bein, Tibiaschaft
        fr jambe, jambes, tibia, péroné, tibia et péroné
        es pierna, piernas, tibia y peroné, peroné, tibia peroné
        ca =cama, cames
        it gamba, gambe, perone, tibia e perone, fibule
        pt perna, pernas, tíbia, fíbula, perónio
        nl onderbeen, onderbenen, scheenbeen, kuitbeen, =been, benen
        da underben, skinneben, crus
        no legg, legger, underben, leggen
        sv underben, vad, skenben, vadben
        fi sääri, sääret, sääriluu, pohjeluu
        et säär, sääreluu
        pl podudzie, podudzia, goleń, goleni, piszczel, strzałka, noga, nogi
        cs bérec, bérce, holenní kost, lýtko
        sk predkolenie, predkolenia
        sl golen, goleni, golenica
        hr potkoljenica, potkoljenice, goljenica
        sr потколеница, потколенице
        bg подбедрица, подбедрици
        ru голень, голени, большеберцовая кость, малоберцовая кость, кости голени, нога, большеберцовой кости,
            малоберцовой кости, костей голени
        uk гомілка, гомілки
        ro gambă, gamba, gambei, tibie, peroneu
        hu lábszár, lábszárak, sípcsont, szárkapocscsont, alsó lábszár
        el κνήμη, κνήμης, περόνη, γάμπα
        lt blauzda, blauzdos
        lv apakšstilbs, apakšstilba
        tr bacak, bacaklar, kruris, baldır
        ar الساق, ساق
        he שוק
        zh 小腿, 胫腓骨, 胫骨, 腓骨
        ja 下腿, 下腿骨, 脛骨, 腓骨
        ko 하퇴, 종아리, 경골
        vi cẳng chân""",
    "knee": """
        en knee, knees, knee joint, patella, patellae, patellar, kneecap, femoropatellar, patellofemoral,
            tibial plateau
        la genu, genus dexter, articulatio genus, patella
        de Knie, Kniegelenk, Kniegelenke, Kniescheibe, Patella, =KG, Kniegelenks
        fr genou, genoux, rotule, rotules, gonarthrose
        es rodilla, rodillas, rótula, patelar
        ca genoll, genolls
        eu belauna
        it ginocchio, ginocchia, ginocchi, rotula
        pt joelho, joelhos, patela
        nl knie, knieën, kniegewricht, knieschijf
        da knæ, knæled, knæskal
        no kne, knær, kneledd, kneskål
        sv knä, knän, knäled, knäskål
        fi polvi, polvet, polven, polvinivel, polvilumpio
        et põlv, põlveliiges, põlved
        is hné
        pl kolano, kolana, kolan, staw kolanowy, stawu kolanowego, rzepka, rzepki
        cs koleno, kolena, kolenní kloub, čéška
        sk koleno, kolenný kĺb, jabĺčko
        sl koleno, kolenski sklep, pogačica
        hr koljeno, koljena, koljeni zglob, patele
        sr колено, колена
        bg коляно, колянна става, коленна става, колена
        ru колено, колени, коленный сустав, коленного сустава, коленные суставы, коленный, надколенник
        uk коліно, колінний суглоб, колінного суглоба, коліна
        ro genunchi, genunchiul, genunchiului, rotulă
        hu térd, térdízület, térdek, térdkalács, térdről
        el γόνατο, γόνατος, γονάτου, γόνατα, επιγονατίδα
        lt kelis, kelio, kelio sąnarys, keliai
        lv celis, ceļa, ceļa locītava, ceļi
        tr diz, dizler, dizi, diz kapağı, diz grafisi
        ar الركبة, ركبة
        he ברך
        fa زانو
        zh 膝, 膝关节, 膝關節, 膝盖, 髌骨
        ja 膝, 膝関節, 膝蓋骨
        ko 무릎, 슬관절, 슬개골
        vi đầu gối
        id lutut""",
    "thigh": """
        en thigh, thighs, femur, femurs, femora, femoral, upper leg, upperleg, upleg, =FEM
        la femoris, os femoris, regio femoris
        de Oberschenkel, Femur, Oberschenkelknochen
        fr cuisse, cuisses, fémur, fémurs
        es muslo, muslos, fémur
        ca cuixa
        it coscia, cosce, femore, femori
        pt coxa, coxas, fêmur
        nl bovenbeen, dijbeen, bovenbenen
        da lår, lårben, femoris
        no lår, lårben, lårbein
        sv lår, lårben, överben
        fi reisi, reidet, reisiluu
        et =reis, reieluu
        pl udo, uda, kość udowa, kości udowej
        cs stehno, stehna, stehenní kost
        sk stehno, stehenná kosť
        sl stegno, stegnenica
        hr natkoljenica, natkoljenice, bedrena kost
        sr натколеница, бутна кост
        bg бедро, бедрена кост, бедра
        ru бедро, бедра, бедренная кость, бедренной кости
        uk стегно, стегнова кістка, стегна
        ro coapsă, coapsa, femurul, femurului
        hu =comb, combcsont, combok
        el μηρός, μηρού, μηριαίο
        lt šlaunis, šlaunikaulis
        lv augšstilbs, augšstilba
        tr uyluk, femur grafisi
        ar الفخذ, فخذ
        zh 大腿, 股骨
        ja 大腿, 大腿骨
        ko 대퇴, 대퇴골, 허벅지
        vi đùi""",
    "hip": """
        en hip, hips, hip joint, acetabulum, femoral neck, neck of femur, coxofemoral
        la coxa dextra, coxae, articulatio coxae, collum femoris
        de Hüfte, Hüften, Hüftgelenk, Hüftgelenke, Schenkelhals, Oberschenkelhals, Azetabulum
        fr hanche, hanches, coxo-fémorale, col du fémur, col fémoral
        es cadera, caderas, coxofemoral
        ca maluc
        eu aldaka
        it anca, anche, coxofemorale, collo femorale, collo del femore
        pt quadril, quadris, !anca, ancas, articulação coxofemoral
        nl heup, heupen, heupgewricht
        da hofte, hofter, hofteled
        no hofte, hofter, hofteledd
        sv höft, höfter, höftled, höftleder, höften
        fi lonkka, lonkat, lonkan, lonkkanivel
        et puus, puusaliiges
        is mjöðm
        pl biodro, biodra, bioder, staw biodrowy, stawu biodrowego, stawy biodrowe
        cs kyčel, kyčle, kyčelní kloub, kyčlí
        sk bedro kĺb, bedrový kĺb
        sl kolk, kolka, kolčni sklep
        hr kuk, kuka, kukovi, zglob kuka
        sr кук, кукови, зглоб кука
        bg тазобедрена става, тазобедрени стави, хълбок
        ru тазобедренный сустав, тазобедренного сустава, тазобедренные суставы, тазобедренный
        uk тазостегновий суглоб, кульшовий суглоб, кульшові суглоби, кульшового суглоба
        ro șold, șoldul, șolduri, șoldului, articulația coxofemurală
        hu csípő, csípőízület, csípők
        el ισχίο, ισχίου, ισχία, ισχίων
        lt klubas, klubo, klubo sąnarys
        lv gūža, gūžas, gūžas locītava
        tr kalça, kalçalar, kalça eklemi, koksa
        ar الورك, ورك
        he ירך
        zh 髋, 髋关节, 髖關節
        ja 股関節
        ko 고관절, 엉덩이
        vi khớp háng""",
    "pelvis": """
        en pelvis, pelvic, iliac, ilium, ischium, pubis, symphysis, pelvis ap, prostate, uterus, bladder,
            ovary, rectum, testis, scrotum, pelv, groin, buttock, buttocks, =cervix
        la pelvis, regio pelvica, os coxae, os pubis, os ilium
        de Becken, Beckenübersicht, Beckenskelett, Symphyse, Prostata, Harnblase
        fr bassin, pubis, symphyse
        es pelvis, pubis, cadera pelvis
        it bacino, pelvi
        pt bacia, pelve, pélvis, pubis
        nl bekken, bekkens
        da bækken, bækkenet
        no bekken, bekkenet
        sv bäcken, bäckenet
        fi lantio, lantion
        et vaagen
        pl miednica, miednicy
        cs pánev, pánve
        sk panva, panvy
        sl medenica, medenice
        hr zdjelica, zdjelice
        sr карлица, karlica
        bg таз, таза
        ru таз, таза, кости таза
        uk таз, таза, кістки таза
        ro bazin, bazinul, pelvisul
        hu medence, medencecsont
        el πύελος, λεκάνη, πυέλου, λεκάνης
        lt dubuo, dubens
        lv iegurnis, iegurņa
        tr pelvis grafisi, leğen kemiği
        ar الحوض, حوض
        he אגן
        zh 骨盆, 骨盤
        ja 骨盤
        ko 골반
        vi khung chậu, xương chậu""",
}
