"""What head, spine, trunk and whole regions are called; the notation is that of ``terms_upper_limb``."""

from __future__ import annotations

TRUNK: dict[str, str] = {
    "skull": """
        en skull, head, brain, cranium, cranial, calvaria, cerebral, pituitary, sella, mastoid,
            temporal bone, circle of willis, headneck, =iac
        la cranium, caput, capitis, encephalon
        de Schädel, Kopf, Hirn, Gehirn, Hirnschädel, Felsenbein, Neurocranium
        fr crâne, tête, cerveau
        es cráneo, cabeza, cerebro
        it cranio, testa, encefalo, cervello
        pt crânio, cabeça, cérebro, encéfalo
        nl schedel, hoofd, hersenen
        da kranie, hoved, hjerne
        no skalle, kranium, hode, hjerne
        sv skalle, skallen, kranium, huvud, hjärna
        fi kallo, pää, aivot
        pl czaszka, czaszki, głowa, głowy, mózg
        cs lebka, lebky, hlava, hlavy, mozek
        sk lebka, hlava, mozog
        hr lubanja, glava, mozak
        sr лобања, глава
        bg череп, глава
        ru череп, черепа, голова, головы, головной мозг
        uk череп, голова, черепа
        ro craniu, craniul, creier
        hu koponya, =fej, fejek, agy
        el κρανίο, κρανίου, κεφάλι, κεφαλή, εγκέφαλος
        tr kafa, kafatası, kranium, =baş, beyin
        ar الجمجمة, جمجمة
        he גולגולת
        zh 头, 头颅, 颅骨, 頭部, 颅脑
        ja 頭, 頭部, 頭蓋骨
        ko 머리, 두부, 두개골
        vi hộp sọ, sọ não""",
    "face": """
        en =face, facial, facial bones, orbit, orbits, eye, eyes, sinus, sinuses, nose, nasal,
            nasal bone, nasal bones, zygoma, zygomatic, paranasal sinuses, =pns, ear
        la orbita, facies, os nasale, os zygomaticum
        de Gesicht, Gesichtsschädel, Nase, Nasenbein, Nasennebenhöhlen, =NNH, Orbita, Jochbein, Augenhöhle
        fr visage, massif facial, nez, sinus, orbites, os propres du nez
        es cara, senos paranasales, nariz, órbitas, huesos nasales, macizo facial
        it faccia, volto, naso, seni paranasali, orbite, massiccio facciale
        pt seios da face, seios paranasais, ossos do nariz
        nl gezicht, aangezicht, neus, oogkas, sinussen
        sv ansikte, näsa, bihålor
        da ansigt, næse, bihuler
        no ansikt, nese, bihuler
        fi kasvot, nenä, sivuontelot, poskiontelot
        pl twarzoczaszka, twarz, zatoki, nos, oczodół, oczodoły
        cs obličej, nos, očnice, nosní kůstky
        hu =arc, arckoponya, orr, melléküregek, orrcsont
        ro față, sinusuri, piramida nazală
        el πρόσωπο, μύτη, παραρρίνιοι, ρινικά οστά
        ru лицо, нос, придаточные пазухи, пазухи носа, кости носа, орбита, ппн
        uk ніс, пазухи носа, обличчя
        tr yüz, burun, sinüs, orbita, waters
        zh 鼻, 鼻骨, 鼻窦, 鼻竇, 副鼻窦, 眼眶, 颧骨
        ja 鼻骨, 副鼻腔, 眼窩
        ko 코뼈, 부비동""",
    "jaw": """
        en jaw, jaws, mandible, maxilla, tmj, temporomandibular, teeth, tooth, =dental, panorex,
            panoramic, orthopantomogram, =opg, =opt
        la mandibula, maxilla, dentes
        de Kiefer, Unterkiefer, Oberkiefer, Kiefergelenk, Zähne, Zahn
        fr mâchoire, mandibule, maxillaire, dents, panoramique dentaire
        es mandíbula, maxilar, dientes, ortopantomografía
        it mascella, mandibola, denti, ortopanoramica
        pt mandíbula, maxila, dentes
        nl kaak, onderkaak, bovenkaak, tanden, gebit
        sv käke, underkäke, tänder
        da kæbe, underkæbe, tænder
        no kjeve, underkjeve, tenner
        fi leuka, alaleuka, hampaat
        pl żuchwa, żuchwy, szczęka, zęby
        cs čelist, dolní čelist, zuby
        hu állkapocs, fogak
        ro mandibulă, maxilar, dinți
        el γνάθος, κάτω γνάθος, δόντια
        ru челюсть, нижняя челюсть, зубы, внчс
        tr çene, mandibula, dişler
        zh 下颌, 下颌骨, 上颌, 颌骨, 牙
        ja 顎, 下顎, 下顎骨, 上顎, 顎関節""",
    "neck": """
        en neck, soft tissue neck, throat, larynx, pharynx, thyroid, trachea, carotid
        la collum, colli
        de Hals, Hals Weichteile, Kehlkopf, Schilddrüse
        fr cou, larynx
        es cuello, laringe
        it collo
        pt pescoço
        nl =hals, nek, keel
        sv =hals, nacke
        fi kaula
        pl szyja, szyi
        cs =krk
        hu nyak
        ro gât, gâtul
        el λαιμός, τράχηλος
        ru шея, шеи
        uk шия
        tr boyun
        zh 颈部, 頸部
        ja 頚部, 頸部""",
    "cervical spine": """
        en cervical spine, cspine, c spine, cervical, cervical vertebrae, odontoid, dens, atlas axis
        la vertebrae cervicales, columna cervicalis
        de Halswirbelsäule, =HWS, HWS, Halswirbel
        fr rachis cervical, colonne cervicale
        es columna cervical, raquis cervical
        it rachide cervicale, colonna cervicale
        pt coluna cervical
        nl cervicale wervelkolom, nekwervels, =CWK
        sv halsrygg, halskotpelare
        da halshvirvelsøjle, columna cervicalis, halshvirvler
        no nakkesøyle, cervicalcolumna
        fi kaularanka
        pl kręgosłup szyjny, kręgosłupa szyjnego, odcinek szyjny
        cs krční páteř, C páteř
        sk krčná chrbtica
        hr vratna kralježnica
        hu nyaki gerinc
        ro coloană cervicală, coloana cervicală
        el αυχενική μοίρα, αυχένας, αυχενική, =ΑΜΣΣ
        ru шейный отдел, шейный отдел позвоночника, шейного отдела позвоночника, =шоп
        uk шийний відділ, шийний відділ хребта
        tr servikal, boyun omurgası, servikal vertebra""",
    "thoracic spine": """
        en thoracic spine, tspine, t spine, dorsal spine, thoracic vertebrae
        la vertebrae thoracicae
        de Brustwirbelsäule, BWS, Brustwirbel
        fr rachis dorsal, rachis thoracique, colonne dorsale
        es columna dorsal, columna torácica
        it rachide dorsale, colonna dorsale
        pt coluna dorsal, coluna torácica
        nl thoracale wervelkolom, borstwervels
        sv bröstrygg, bröstkotpelare
        fi rintaranka
        pl kręgosłup piersiowy, odcinek piersiowy
        cs hrudní páteř
        hu háti gerinc
        ro coloană toracală, coloană dorsală
        el θωρακική μοίρα
        ru грудной отдел, грудной отдел позвоночника
        tr torakal vertebra, dorsal vertebra, torakal omurga""",
    "lumbar spine": """
        en lumbar spine, lspine, l spine, lumbar, lumbosacral, lumbosacral spine, lsspine, lumbar vertebrae,
            l s spine, =waist
        la vertebrae lumbales
        de Lendenwirbelsäule, LWS, Lendenwirbel
        fr rachis lombaire, colonne lombaire, lombaire, rachis lombo-sacré
        es columna lumbar, lumbosacra, columna lumbosacra
        it rachide lombare, rachide lombosacrale, colonna lombare
        pt coluna lombar, lombossacra, coluna lombossacra
        nl lumbale wervelkolom, lendenwervels, =LWK
        sv ländrygg, ländkotpelare
        da lændehvirvelsøjle, lænd
        no lumbalcolumna, korsrygg
        fi lanneranka
        pl kręgosłup lędźwiowy, kręgosłupa lędźwiowego, odcinek lędźwiowy, kręgosłup lędźwiowo-krzyżowy
        cs bederní páteř
        sk driekova chrbtica
        hr lumbalna kralježnica
        hu ágyéki gerinc, lumbális gerinc
        ro coloană lombară, coloana lombară, lombar
        el οσφυϊκή μοίρα, οσφυϊκή, =ΟΜΣΣ
        ru поясничный отдел, поясничный отдел позвоночника, поясница, =поп
        uk поперековий відділ, поперековий відділ хребта
        tr lomber, lumbosakral, bel omurgası, lomber vertebra""",
    "sacrum": """
        en sacrum, sacral, coccyx, sacroiliac, si joint, sijoint, sacroiliac joint, sacroiliac joints,
            sspine, tailbone
        la os sacrum, os coccygis
        de Kreuzbein, Steißbein, Iliosakralgelenk, Iliosakralgelenke, =ISG, Sakrum
        fr sacro-iliaque, sacro-iliaques, coccyx
        es sacro, coxis, cóccix, sacroilíacas, sacroilíaca
        it osso sacro, coccige, sacroiliaca, sacroiliache
        pt sacroilíacas, cóccix
        nl heiligbeen, stuitje, staartbeen
        sv korsben, svansben, SI-leder
        fi ristiluu, häntäluu
        pl kość krzyżowa, kość guziczna, stawy krzyżowo-biodrowe
        cs křížová kost, kostrč
        hu keresztcsont, farkcsont
        ro coccis
        el ιερό οστό, κόκκυγας, ιερολαγόνιες
        ru крестец, копчик, крестцово-подвздошные
        tr sakrum, koksiks, sakroiliak
        zh 骶骨, 尾骨, 骶尾骨, 骶髂关节
        ja 仙骨, 尾骨, 仙腸関節""",
    "spine": """
        en spine, spinal, vertebra, vertebrae, vertebral column, scoliosis, =back, thoracolumbar,
            tlspine, ctspine, backbone, full spine, whole spine
        la columna vertebralis
        de Wirbelsäule, Ganzwirbelsäule, Wirbel, =WS, Rücken
        fr rachis, colonne, colonne vertébrale, vertèbres, =dos
        es columna, columna vertebral, espalda, raquis, escoliosis
        it rachide, colonna, colonna vertebrale, schiena
        pt coluna, coluna vertebral
        nl wervelkolom, wervels, =rug
        da rygsøjle, rygrad, hvirvelsøjle, ryg, columna totalis
        no ryggsøyle, ryggrad, rygg, totalcolumna
        sv ryggrad, kotpelare, ryggen, helrygg
        fi selkäranka, selkä
        et selg, lülisammas
        pl kręgosłup, kręgosłupa
        cs páteř, páteře
        sk chrbtica, chrbtice
        sl hrbtenica, hrbtenice
        hr kralježnica, kralježnice
        sr кичма, кичмени стуб
        bg гръбначен стълб, гръбнак
        ru позвоночник, позвоночника
        uk хребет, хребта
        ro coloană vertebrală, coloana vertebrală, coloană, coloana
        hu gerinc, gerincoszlop
        el σπονδυλική στήλη, σπονδυλική
        lt stuburas
        lv mugurkauls
        tr omurga, vertebral kolon, =sırt
        ar العمود الفقري
        he עמוד שדרה, עמוד השדרה
        zh 脊柱, 脊椎, 颈椎, 腰椎, 胸椎
        ja 脊椎, 脊柱, 頚椎, 頸椎, 腰椎, 胸椎
        ko 척추, 경추, 요추, 흉추
        vi cột sống""",
    "chest": """
        en chest, thorax, thoracic, lung, lungs, cxr, heart, cardiac, coronary, aorta, rib, ribs,
            ribcage, sternum, mediastinum, port chest, bronchus, esophagus, chestabdpelvis, neckchestabdomen
        la thorax, thoracis, costae, costa, sternum, pulmo, =cor
        de Thorax, Brustkorb, Brust, Lunge, Rippe, Rippen, Brustbein, Herz, Rippenthorax, Hemithorax
        fr poitrine, poumon, poumons, côte, côtes, gril costal, cage thoracique, coeur
        es tórax, pecho, pulmón, pulmones, costillas, costilla, esternón, parrilla costal
        ca tòrax
        it torace, polmone, polmoni, coste, sterno, petto
        pt tórax, pulmão, pulmões, costelas, arcos costais, esterno
        nl borstkas, borst, longen, ribben, borstbeen, hart
        da brystkasse, lunger, ribben, bryst, brystben
        no brystkasse, lunger, ribbein, brystbein
        sv bröst, bröstkorg, lungor, revben, bröstben, lungröntgen
        fi rintakehä, keuhkot, thorax, rinta, kylkiluut, keuhko, keuhkokuva
        et rindkere, kopsud
        pl klatka piersiowa, klatki piersiowej, płuca, żebra, żebro, mostek, serce
        cs hrudník, hrudníku, plíce, žebra, srdce
        sk hrudník, pľúca, rebrá
        sl prsni koš, pljuča, rebra
        hr prsni koš, pluća, srce i pluća, rebra
        sr грудни кош, плућа
        bg гръден кош, бял дроб, ребра
        ru грудная клетка, грудной клетки, органы грудной клетки, легкие, ребра, грудина, огк, сердце,
            лёгких
        uk грудна клітка, легені, грудної клітки, огк, ребра
        ro torace, toracic, plămâni, coaste, pulmonar, cord pulmon, toracele, stern
        hu mellkas, tüdő, borda, bordák, szegycsont, mellkasi
        el θώρακας, θώρακος, θώρακα, πνεύμονες, πλευρές, στέρνο, θωραξ
        lt krūtinės ląsta, plaučiai
        lv krūšu kurvis, plaušas
        tr göğüs, akciğer, akciğer grafisi, toraks, kaburga, kostalar, kosta, sternum
        ar الصدر, صدر
        he חזה
        zh 胸, 胸部, 肋骨, 胸片
        ja 胸, 胸部, 肋骨
        ko 흉부, 가슴, 늑골
        vi ngực""",
    "breast": """
        en breast, breasts, mammo, mammography, mammogram, axilla
        la mamma, mammae
        de Mamma, Mammographie, Brustdrüse
        fr sein, seins, mammographie
        es mama, mamas, mamografía
        it mammella, seno, mammografia
        pt mamografia
        nl mammografie, borsten
        pl sutek, sutki, piersi, mammografia
        cs prs, prsy, mamografie
        hu mell, emlő
        ro sân, mamografie
        el μαστός, μαστού, μαστογραφία
        ru молочная железа, молочные железы, маммография
        tr meme, mamografi""",
    "abdomen": """
        en abdomen, abdominal, belly, kub, kidney, kidneys, renal, liver, pancreas, spleen, stomach, bowel,
            colon, gallbladder, duodenum, adrenal, small bowel, ureter, biliary, appendix, intestine,
            acute abdomen, abdomen pelvis, =ABD, abdo
        la abdomen, abdominis, =ren, hepar
        de Bauch, Abdomenübersicht, Niere, Nieren, Leber, Magen, Darm
        fr abdomen sans préparation, =ASP, ventre, rein, reins, foie
        es abdomen simple, vientre, riñón, riñones, hígado
        it addome, reni, fegato
        pt abdome, abdómen, rim, rins, fígado
        nl buik, nier, nieren, lever, buikoverzicht
        da mave, nyre, nyrer, oversigt over abdomen
        no =mage, nyrer, abdomen oversikt
        sv buk, buköversikt, njure, njurar, buken
        fi vatsa, munuaiset, maksa
        pl brzuch, jama brzuszna, jamy brzusznej, brzucha, nerki
        cs břicho, břicha, ledviny
        sk brucho
        hr trbuh, nativni abdomen
        sr стомак, абдомен
        bg корем
        ru живот, брюшная полость, брюшной полости, почки, обп, кишка, кишки, кишечник, толстая кишка,
            тонкая кишка
        uk живіт, черевна порожнина, кишківник, товста кишка, тонка кишка
        ro abdominal pe gol, rinichi, ficat
        hu =has, hasi, vese
        el κοιλιά, κοιλία, κοιλίας, νεφροί
        tr karın, batın, böbrek, adbg
        ar البطن, بطن
        he בטן
        zh 腹部, 腹
        ja 腹部, 腹
        ko 복부
        vi bụng""",
    "upper limb": """
        en upper limb, upper limbs, upper extremity, upper extremities, upextm, up exm, upexm, up ext,
            ue joint, upper ext
        la membrum superius, extremitas superior
        de obere Extremität, obere Extremitäten, obere Gliedmaßen
        fr membre supérieur, membres supérieurs
        es extremidad superior, extremidades superiores, miembro superior, miembros superiores
        it arto superiore, arti superiori
        pt membro superior, membros superiores, extremidade superior
        nl bovenste extremiteit, bovenste ledematen
        sv övre extremitet
        pl kończyna górna, kończyny górnej
        cs horní končetina
        hu felső végtag
        ro membru superior, membrul superior
        el άνω άκρο, άνω άκρα
        ru верхняя конечность, верхние конечности, верхней конечности
        tr üst ekstremite""",
    "lower limb": """
        en lower limb, lower limbs, lower extremity, lower extremities, lowextm, low exm, lowexm,
            low ext, long leg, full leg, low limb, lower ext
        la membrum inferius, extremitas inferior
        de untere Extremität, untere Extremitäten, untere Gliedmaßen, Ganzbein, Ganzbeinaufnahme
        fr membre inférieur, membres inférieurs, pangonogramme
        es extremidad inferior, extremidades inferiores, miembro inferior, miembros inferiores
        it arto inferiore, arti inferiori
        pt membro inferior, membros inferiores, extremidade inferior
        nl onderste extremiteit, onderste ledematen
        sv nedre extremitet
        pl kończyna dolna, kończyny dolnej
        cs dolní končetina
        hu alsó végtag
        ro membru inferior, membrul inferior
        el κάτω άκρο, κάτω άκρα
        ru нижняя конечность, нижние конечности, нижней конечности
        tr alt ekstremite""",
    "limb": """
        en limb, limbs, extremity, extremities, extrem, extremit, =ext
        la extremitates
        de Extremität, Extremitäten, Gliedmaßen
        fr membre, membres, extrémités, extrémité
        es extremidad, extremidades
        it arto, arti, estremità
        pt extremidade, extremidades
        nl extremiteit, extremiteiten, ledematen
        sv extremitet, extremiteter
        pl kończyna, kończyny
        cs končetina, končetiny
        hu végtag, végtagok
        ro extremități, membre
        el άκρα
        ru конечность, конечности
        tr ekstremite""",
    "whole body": """
        en whole body, wholebody, total body, skeletal survey, bone survey, babygram, =body, skeleton,
            full body
        de Ganzkörper, Körper, Ganzkörperaufnahme, Skelett
        fr corps entier, squelette, corps
        es cuerpo entero, esqueleto, cuerpo, cuerpo completo
        it corpo intero, scheletro, total body scan
        pt corpo inteiro, esqueleto
        nl hele lichaam, lichaam, skelet
        pl całe ciało
        cs celé tělo
        hu egésztest
        ro corp întreg
        ru все тело, скелет
        tr tüm vücut""",
}

REGIONS: dict[str, tuple[str, ...]] = {
    "upper limb": ("wrist", "hand", "finger", "forearm", "elbow", "upper arm", "shoulder", "clavicle"),
    "lower limb": ("foot", "heel", "toe", "ankle", "lower leg", "knee", "thigh", "hip"),
    "spine": ("cervical spine", "thoracic spine", "lumbar spine", "sacrum"),
}
"""Terms that name several parts at once; ``"limb"`` and ``"whole body"`` are put together from these."""
REGIONS["limb"] = ("upper limb", "lower limb", *REGIONS["upper limb"], *REGIONS["lower limb"])
