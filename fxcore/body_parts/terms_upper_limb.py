"""What the parts of the upper limb are called: one line a language, ISO 639-1 code first, then the terms.

Terms are written as a speaker writes them; case, accents and spaces between words are ignored when they
are compared, and ``ä``/``ae``-like respellings are added by machine. A term that starts with ``!`` is taken
only as it stands (no misspellings, no longer words that begin with it), because it is close to another
word. A term that starts with ``=`` counts only if nothing else in the label means anything: it is an
abbreviation, or a word of something else in another language. A term that starts with ``~`` is of a bone or
digit that the foot has as well: it names nothing where the foot or a toe is named.
"""

from __future__ import annotations

UPPER_LIMB: dict[str, str] = {
    "wrist": """
        en wrist, wrists, wrist joint, wristjoint, carpus, carpal, carpals, carpal bones, carpal tunnel,
            radiocarpal, distal radius, distal radioulnar, distal forearm, druj, ~scaphoid, ~scaphoids, wrst,
            xwrist, lunate, triquetrum, pisiform, trapezoid, capitate, hamate, carpal navicular,
            !Colles, Smith fracture
        la carpus, carpi, ossa carpi, articulatio radiocarpalis, articulatio radiocarpea, ~os scaphoideum,
            ~scaphoideum, os lunatum, lunatum, os hamatum, os capitatum, regio carpalis, regio carpi,
            radius distalis
        de Handgelenk, Handgelenke, Handgelenks, Handgelenkes, Handgelenken, Handwurzel, Handwurzelknochen,
            Karpus, karpal, Karpaltunnel, Radiokarpalgelenk, Radiocarpalgelenk, ~Skaphoid, ~Scaphoid,
            Kahnbein Hand, ~Kahnbein, distaler Radius, distale Radius, distalen Radius, Radius distal,
            distale Radiusfraktur, Radius loco typico, Radiusfraktur loco typico, Unterarm distal,
            distaler Unterarm, distalen Unterarm, Mondbein, =HG, !Handgel, ~Navicularserie, ~Navikularserie,
            ~Naviculareserie, ~Navikulareserie, ~Naviculare Quartett, ~Navikulare
        fr poignet, poignets, carpe, carpien, radio-carpien, radiocarpienne, ~scaphoïde, os du carpe,
            canal carpien, radius distal, extrémité inférieure du radius, extrémité distale du radius, =PGT
        es muñeca, muñecas, carpo, radiocarpiana, articulación radiocarpiana, ~escafoides, radio distal,
            túnel carpiano
        ca canell, canells
        gl pulso, pulsos, boneca
        eu eskumutur, eskumuturra
        it polso, polsi, !carpo, carpale, radiocarpica, ~scafoide, tunnel carpale, radio distale
        pt punho, punhos, !pulso, !carpo, ~escafóide, articulação radiocárpica
        nl pols, polsen, polsgewricht, handwortel, handpols, ~scafoïd, carpaal, distale radiusfractuur, =HW
        da håndled, håndleddet, håndledet, håndledene, håndleds, håndrod, håndrodsknogler, ~skafoid
        no håndledd, håndleddet, handledd, håndrot, håndrotsknokler, ~scaphoideum, ~skafoid
        sv !handled, handleder, handleden, handlov, handlove, handlovsben, handledsled, ~skafoideum, ~båtben
        fi ranne, ranteet, ranteen, ranneluu, ranneluut, rannenivel, rannekanava, ~veneluu
        et ranne, randme, randmed, randmeliiges, randmeluud
        is úlnliður, úlnlið, úlnliðs, úlnliðir
        pl nadgarstek, nadgarstka, nadgarstki, nadgarstków, nadgarstkowy, staw promieniowo-nadgarstkowy,
            promieniowo nadgarstkowy, kość łódeczkowata, nadg
        cs zápěstí, zápěstní, zápěstní kost, radiokarpální, ~člunková kost, ~skafoideum
        sk zápästie, zápästia, zápästný, zápästí
        sl zapestje, zapestja, zapestni sklep, zapestni
        hr ručni zglob, zglob šake, zapešće, zapešća, ručnog zgloba, radiokarpalni zglob, RC zglob, RC zgloba,
            pešće zglob
        sr ручни зглоб, зглоб шаке, ручје, корен шаке, koren šake, ručje, радиокарпални зглоб
        bg китка, китки, китката, гривнена става, карпална
        mk рачен зглоб, рачниот зглоб, račen zglob
        ru запястье, запяст, запястья, запястий, запястный, лучезапястный, лучезапястный сустав,
            лучезапястного сустава, лучезапястные суставы, луче-запястный, ладьевидная кость кисти,
            кистевой сустав, лучезап, luchezapyastnyy, zapyaste, zapyastye, ~ладьевидная кость,
            ~ладьевидной кости, дистальный отдел лучевой кости, дистального отдела лучевой кости,
            дистальный метаэпифиз лучевой кости, дистального метаэпифиза лучевой кости,
            лучевой кости в типичном месте, луча в типичном месте
        uk зап'ясток, зап'ястя, зап'ястка, зап'ястковий, променево-зап'ястковий,
            променево-зап'ястковий суглоб, променезап'ястковий, променезап'ястковий суглоб
        be запясце, запясця, прамянёва-запясцевы
        ro încheietura mâinii, încheietura mâini, articulația mâinii, articulația pumnului, pumn, pumnul,
            pumnului, carp, carpian, radiocarpiană, articulația radiocarpiană, ~scafoid
        hu csukló, csuklóízület, csuklója, csuklóról, kéztő, kéztőcsont, kéztőcsontok, ~sajkacsont
        el καρπός, καρπού, καρποί, καρπων, πηχεοκαρπική, πηχεοκαρπικής, άρθρωση καρπού, πηχεοκαρπική άρθρωση,
            ~σκαφοειδές, karpos
        lt riešas, riešo, riešai, riešo sąnarys, stipinkaulinis riešo
        lv plaukstas locītava, plaukstas locītavas, plaukstas pamatne, plaukstas pamats, karpālā
        tr el bileği, el bilek, bilek, el bileğ, ~skafoid, karpal, elbilek, el bilegi grafisi, =bileği
        sq kyçi i dorës, kyçi dorës, kyç dore
        mt polz, il-polz
        ga caol na láimhe, rosta
        cy arddwrn, garddwrn
        eo manradiko
        ar رسغ, الرسغ, معصم, المعصم, مفصل الرسغ, رسغ اليد
        he שורש כף היד, שורש היד, פרק כף היד, פרק היד, שורש כף יד, שורש יד, פרק כף יד, פרק יד
        fa مچ دست
        zh 手腕, 腕关节, 腕關節, 腕部, 腕骨, ~舟骨, 手舟骨
        ja 手関節, 手首, 手根, 手根骨, ~舟状骨
        ko 손목, 손목관절, 수근, 완관절, 팔목, ~주상골
        vi cổ tay
        id pergelangan tangan
        ms pergelangan tangan""",
    "hand": """
        en hand, hands, metacarpal, metacarpals, metacarpus, mcp, metacarpophalangeal, palm, bone age,
            boneage, =hnd
        la manus, manus dextra, manus sinistra, ossa metacarpi, metacarpalia
        de Hand, Hände, Handskelett, Mittelhand, Mittelhandknochen, Handrücken, Knochenalter
        fr main, mains, métacarpe, métacarpien, métacarpiens, âge osseux
        es mano, manos, metacarpo, metacarpiano, metacarpianos, edad ósea
        ca mà, mans
        eu esku, eskua
        it !mano, !mani, metacarpale, età ossea, mano destra, mano sinistra
        pt mão, mãos, metacarpos, idade óssea
        nl hand, handen, middenhand, botleeftijd, skeletleeftijd
        da hånd, hænder, mellemhånd, hånden
        no hånd, hender, mellomhånd, hånda
        sv hand, händer, mellanhand, handen
        fi käsi, käden, kädet, kämmen, kämmenluut
        et käsi, käelaba, labakäsi
        is hönd, hendur
        pl ręka, ręki, dłoń, dłoni, dłonie, śródręcze, śródręcza
        cs ruka, ruky, ruce, záprstí, metakarpy
        sk ruka, ruky, záprstie, záprstná
        sl roka, dlan, roke, dlani
        hr šaka, =šake, ruka, dlan
        sr шака, =шаке, рука
        bg ръка, ръце, длан, ръката
        ru кисть, кисти, кистей, рука, руки, ладонь, пястье, пястная кость, kist, пястной кости,
            пястных костей, пястные кости
        uk кисть, кисті, долоня
        ro mână, mâna, mâini, mâinii, metacarp, metacarpian
        hu kéz, kézfej, kezek, kézközép, kézközépcsont
        el χέρι, χεριού, άκρα χείρα, άκρα χειρ, χείρα, χείρας
        lt plaštaka, plaštakos, ranka
        lv plauksta, plaukstas, roka, rokas
        tr =el, eller, el grafisi, elin, el kemikleri, sağ el, sol el
        ar يد, اليد, كف اليد
        he כף יד, כף היד
        fa دست
        zh 手, 手掌, 手部, 双手, 雙手, 掌骨
        ja 手, 手部, 中手骨, 手指骨
        ko 손, 수부, 중수골
        vi bàn tay
        id =tangan""",
    "finger": """
        en finger, fingers, thumb, thumbs, digit, digits, phalanx, phalanges, interphalangeal, =dip,
            =pip, pinky, index finger, middle finger, ring finger, little finger
        la digitus, digiti, digitus manus, digiti manus, pollex
        de Finger, Daumen, Zeigefinger, Mittelfinger, Ringfinger, Kleinfinger, Fingergelenk,
            Daumensattelgelenk
        fr doigt, doigts, pouce, pouces, =majeur, annulaire, auriculaire, =index, phalange
        es dedo, dedos, pulgar, dedo mano, dedo de la mano, dedos de la mano, dedos mano, falange, falanges
        ca =dit, dits, polze
        it !dito, dita, pollice, dito mano, dito della mano, dita della mano, falangi
        pt polegar, dedo da mão, dedos da mão, quirodáctilo, quirodáctilos
        nl vinger, vingers, duim, wijsvinger, middelvinger, ringvinger
        da fingre, tommel, tommelfinger, pegefinger
        no tommel, pekefinger, langfinger
        sv fingrar, tumme, pekfinger, långfinger, lillfinger
        fi sormi, sormet, peukalo, etusormi, sormen
        et sõrm, sõrmed, pöial
        pl palec, palce, palec ręki, palce ręki, palca ręki, palców ręki, kciuk, kciuka
        cs prst, prsty, prst ruky, prsty ruky, palec ruky, prstu ruky
        sk prsty ruky
        sl prst roke, prsti roke
        hr prst ruke, prsti ruke, prst šake, prsti šake, prsti, palac
        sr прст, прсти, палац
        bg пръст, пръсти, пръст на ръка, пръсти на ръка, палец на ръка
        ru палец, пальцы, палец кисти, пальцы кисти, пальца кисти, пальцев кисти, палец руки, пальцы руки,
            большой палец кисти, ~пальца, ~пальцев, ~фаланга, ~фаланги
        uk пальці, палець, палець кисті, пальці кисті
        ro deget, degete, degete mână, deget mână, degetul, =police
        hu ujj, ujjak, hüvelykujj, kézujj, kéz ujjai, kézujjak
        el δάκτυλο, δάχτυλο, δάκτυλα, δάχτυλα, αντίχειρας, δάκτυλα χεριού
        lt pirštas, pirštai, nykštys
        lv pirksts, pirksti, īkšķis
        tr parmak, el parmak, el parmağı, el parmakları, başparmak, başparmağı
        ar اصبع, الاصبع, اصابع, الاصابع, اصابع اليد, ابهام, الابهام
        he אצבע, אצבעות, אצבע יד, אצבעות יד, אצבעות כף היד, אגודל
        zh 手指, 拇指, 指骨
        ja 手指, 母指, 示指, 中指, 環指, 小指
        ko 손가락, 수지, 엄지
        vi ngón tay""",
    "forearm": """
        en forearm, forearms, fore arm, lower arm, radius, ulna, radius ulna, radius and ulna,
            radioulnar, radial shaft, antebrachial
        la antebrachium, antebrachii, regio antebrachii
        de Unterarm, Unterarme, =UA, Vorderarm, Speiche, Elle und Speiche, Radiusschaft
        fr avant-bras, avant bras, avantbras, cubitus et radius, radius et ulna
        es antebrazo, antebrazos, cúbito, cúbito y radio, radio y cúbito, radio cúbito
        ca avantbraç
        it avambraccio, avambracci, radio e ulna, radio ulna
        pt antebraço, antebraços, rádio e ulna
        nl onderarm, onderarmen, voorarm, spaakbeen
        da underarm, underarme
        no underarm, underarmer, handlegg
        sv underarm, underarmar
        fi kyynärvarsi, kyynärvarret, värttinäluu, kyynärluu
        et küünarvars
        is framhandleggur, framhandlegg
        pl przedramię, przedramienia, przedramion, kość promieniowa, kość łokciowa
        cs předloktí
        sk predlaktie, predlaktia
        sl podlaket, podlahti, podlakt
        hr podlaktica, podlaktice, podlakticu
        sr подлактица, подлактице
        bg предмишница, предмишницата
        ru предплечье, предплечья, лучевая кость, локтевая кость, кости предплечья, лучевой кости,
            локтевой кости, костей предплечья, лучевая и локтевая кости
        uk передпліччя
        ro antebraț, antebrațul, antebrațe
        hu alkar, alkarok, singcsont, orsócsont
        el αντιβράχιο, αντιβραχίου, πήχης, πήχυς, πήχη, κερκίδα
        lt dilbis, dilbio
        lv apakšdelms, apakšdelma
        tr ön kol, önkol, radius ulna grafisi
        ar الساعد
        he אמה
        zh 前臂, 尺桡骨
        ja 前腕
        ko 전완, 아래팔
        vi cẳng tay""",
    "elbow": """
        en elbow, elbows, elbow joint, olecranon, radial head, =cubital, elb
        la cubitus, cubiti, articulatio cubiti, regio cubitalis
        de Ellbogen, Ellenbogen, Ellbogengelenk, Ellenbogengelenk, Radiusköpfchen, Olekranon, =EBG
        fr coude, coudes, olécrane, olécrâne
        es codo, codos
        ca colze, colzes
        eu ukondo
        it gomito, gomiti
        pt cotovelo, cotovelos
        nl elleboog, ellebogen, elleboogsgewricht
        da albue, albuer, albueled
        no albue, albuer, albueledd
        sv armbåge, armbågar, armbågsled, armbågen
        fi kyynärpää, kyynärnivel, kyynärpäät, kyynärä
        et küünarliiges, küünarnukk
        is olnbogi
        pl łokieć, łokcia, łokcie, staw łokciowy, stawu łokciowego, łokciowy
        cs loket, lokty, loketní kloub, lokte
        sk lakeť, lakte, lakťový kĺb
        sl komolec, komolca
        hr lakat, lakta, laktovi
        sr лакат, лакта
        bg лакът, лакътна става, лакътя
        ru локоть, локтя, локтевой сустав, локтевого сустава, локтевые суставы, локтевой
        uk лікоть, ліктьовий суглоб, ліктьового суглоба
        ro =cot, cotul, cotului, coate
        hu könyök, könyökízület, könyökök
        el αγκώνας, αγκώνα, αγκων, αγκώνες
        lt alkūnė, alkūnės
        lv elkonis, elkoņa, elkoņa locītava
        tr dirsek, dirsekler, dirseği
        ar المرفق, مرفق, الكوع
        he מרפק
        zh 肘, 肘关节, 肘關節, 肘部
        ja 肘, 肘関節
        ko 팔꿈치, 주관절
        vi khuỷu tay
        id siku""",
    "upper arm": """
        en upper arm, upperarm, uparm, arm, arms, humerus, humeri, humeral, brachium, =HUM
        la brachium, brachii, os humeri
        de Oberarm, Oberarme, Humerus, Oberarmkopf, Arm, Oberarmschaft
        fr bras, humérus, =bras droit, =bras gauche
        es brazo, brazos, húmero, húmeros
        ca braç
        it braccio, braccia, omero, omeri
        pt braço, braços, úmero, !húmero
        nl bovenarm, bovenarmen, opperarm
        da overarm, overarme, =arm
        no overarm, overarmer
        sv överarm, överarmar
        fi olkavarsi, olkavarret, olkaluu, =käsivarsi
        et õlavars
        pl ramię, ramienia, kość ramienna, ramiona
        cs paže, pažní kost, humeru
        sk rameno kosť, ramenná kosť
        sl nadlaket, nadlahtnica
        hr nadlaktica, nadlaktice
        sr надлактица, надлактице
        bg мишница, раменна кост, раменна костта
        ru плечо, плеча, плечевая кость, плечевой кости
        uk плечова кістка, плече
        ro braț, brațul, humerusul
        hu felkar, felkarcsont, =kar
        el βραχίονας, βραχίονα, βραχιόνιο, μπράτσο, βραχίων
        lt žastas, žastikaulis
        lv augšdelms, augšdelma
        tr =kol, üst kol, üstkol, humerus grafisi
        ar العضد, عضد
        he זרוע
        zh 上臂, 肱骨
        ja 上腕, 上腕骨
        ko 상완, 상완골, 위팔
        vi cánh tay""",
    "shoulder": """
        en shoulder, shoulders, shoulder joint, glenohumeral, acromion, acromioclavicular, ac joint,
            acjoint, rotator cuff, scapula, scapulae, shoulder blade, =shldr, =shld
        la articulatio humeri, regio deltoidea
        de Schulter, Schultern, Schultergelenk, Schulterblatt, Schultergürtel, Skapula, AC-Gelenk,
            Schultereckgelenk
        fr épaule, épaules, omoplate, ceinture scapulaire, acromio-claviculaire
        es hombro, hombros, escápula, omóplato, acromioclavicular
        ca espatlla, espatlles
        eu sorbalda
        it spalla, spalle, scapola, acromion-claveare
        pt ombro, ombros, escápula, omoplata
        nl schouder, schouders, schoudergewricht, schouderblad
        da skulder, skuldre, skulderled, skulderblad
        no skulder, skuldre, skulderledd
        sv skuldra, =axel, axlar, axelled, skulderblad
        fi olkapää, olkapäät, olkanivel, lapaluu, hartia
        et õlg, õlaliiges, abaluu
        is öxl, öxlin
        pl bark, barku, barki, staw barkowy, stawu barkowego, łopatka, łopatki
        cs rameno, ramena, ramenní kloub, lopatka, ramene
        sk plece, ramenný kĺb, rameno kĺb
        sl =rama, ramena sklep, ramenski sklep, lopatica
        hr =rame, ramena zgloba, rameni zglob, lopatica
        sr раме, рамени зглоб, лопатица
        bg рамо, раменна става, лопатка
        ru плечевой сустав, плечевого сустава, плечевые суставы, лопатка, лопатки
        uk плечовий суглоб, плечового суглоба, лопатка
        ro umăr, umărul, umărului, umeri, scapular, omoplat
        hu váll, vállízület, lapocka, vállak, vállöv
        el ώμος, ώμου, ώμοι, ωμοπλάτη, ωμ
        lt petys, peties, peties sąnarys, mentė
        lv =plecs, pleca, pleca locītava, lāpstiņa
        tr omuz, omuzlar, omuzu, kürek kemiği, skapula
        ar الكتف, كتف
        he כתף
        zh 肩, 肩关节, 肩關節, 肩部, 肩胛骨
        ja 肩, 肩関節, 肩甲骨
        ko 어깨, 견관절, 견갑골
        vi vai
        id bahu""",
    "clavicle": """
        en clavicle, clavicles, collar bone, collarbone, sternoclavicular, clav
        la clavicula, claviculae, clavicularis
        de Schlüsselbein, Klavikula, Clavicula, Sternoklavikulargelenk
        fr clavicule, clavicules
        es clavícula, clavículas
        it clavicola, clavicole
        pt clavícula
        nl sleutelbeen
        da kraveben, nøgleben
        no kragebein, kravebein, nøkkelbein
        sv nyckelben, klavikel
        fi solisluu
        et rangluu
        pl obojczyk, obojczyka, obojczyki
        cs klíční kost, klíček
        sk kľúčna kosť, kľúčna
        sl ključnica
        hr ključna kost, ključnjača
        sr кључна кост, кључњача
        bg ключица
        ru ключица, ключицы
        uk ключиця, ключиці
        ro claviculă, clavicula
        hu kulcscsont
        el κλείδα, κλείδας
        lt raktikaulis
        lv atslēgas kauls, atslēgkauls
        tr klavikula, köprücük kemiği, köprücük
        ar الترقوة, ترقوة
        he עצם הבריח
        zh 锁骨, 鎖骨
        ja 鎖骨
        ko 쇄골
        vi xương đòn""",
}
