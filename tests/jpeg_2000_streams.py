"""JPEG 2000 streams of many kinds, tiny, in base 85, each under the options of opj_compress 2.5.0 for it.

They show what encoders in the test environment cannot make: layers, precincts, progressions, markers
within packets, offsets and tile-parts.
"""

from __future__ import annotations

import base64

_TEXT = {
    "-F 21,17,1,12,u -n 3 -p LRCP -r 6,3,1": (
        "|4;u>04V?f0000L0000H00000000000000L0000H0000000000009dD0sm3}3;+NC0{{X91ONg5TmT9{U}$J?XlQW%kN^q*"
        "00001od5y<lh2fx7vAfXOrK-MJrdl=H}g!DE%uIpfcyjiuP?I^0Y2|C!0~WASQr{;7&U;I@xBD`7v9k~e6*GZqMW>d{RF_m"
        "eXXjG)~ki0jKwZ01gnm>lE3|8Us#+2?Gp(P3*%R{stYcQia~4Np0WBr3u(@flNRRSUxdu>=<f+A`4QhD?KsPbi0Et~kp_7h"
        "r+5Q?WpluNs&F4_j05dV9Xd~&F-zG9)L`&42_}zwJ$BkZX<dDcURz-Hd%FRUOwRCptUfXy!sQetM{Z!!3>6QPXV|O5#jbdN"
        "P6PVwyIN)wyro-|{zE`&#KAnKJ6wNQVcFe)E%C!ah!P}SDkE;}AnktZeR(<WlkwcE9`OLBFf%v<viuw%f{xQKW|C{niu_y3"
        "7rZwf$A|w_(o)oZ&4IEj34wd*5?M3Y=gh6?An<vd*cLmV>kGlq`VK5jky;@BiWzaRt-N|C3yjj_7w9AawRr2&rrcv;eg8k@"
        "#ez%tggVPOHTQ&r3T|dKTIzn57r|rW-|_>}|Je"
    ),
    "-F 21,17,1,12,u -n 3 -p RLCP -r 6,3,1 -c [8,8] -b 4,4": (
        "|4;u>04V?f0000L0000H00000000000000L0000H0000000000009dD0sm3}4*>xH0{{X50003IA~XM7017~0XlQU~XmJ0K"
        "015yA0007&00IA#fXILYmVkhOfPjF2fZ%}6fPl^n3=N=wfX)a7<bcoQ7!8?N6LZ!6z@YBcx&?pF<RA`3Sx!UMK|jyr91xoS"
        "0R|kO{=lG#*SJI9&*U5ru66J}&%ej)2n-l6SN_026>rDv2nz|7TY!LofPjF2fPjF2fPjF2fPjF&eW0*E0C)lOgbdlCI-d=-"
        "wE{N(e+RI7KfryUus;B31L_3=Kq?9L1MDpxvu_MM|3%NheV}kZ09XO@g9YT@4qU?677P6kz<r>wKLA(*>IDnH+V`Ijnm;!9"
        "3|KuNr@(!nus;B31L_3`_m^so2;2kL8b1f()c=3LKA<=sfHVO4!GHn=e+`;vZiL?e$bY~-pfCu-x4?a%U<U!8z&@ZL1b={l"
        "fPjF2fPjF2fPjF2fPjF2z&@b(2h<?|eL>(9XW2=KHoEbT^*=_bA3qsW6tw91AE_EL9v-mi6HfwB$+Y~On}qD>S&9D{4ZwY("
        "Fb}9c0rrT16x5%vZT+`WMeMwh^VSw|-xHWan0-zI%_%p+Av4|<BF}=pbB<I;lpM~oOU3!`NWeazh!3<j0DR&A6f$om(_&Cp"
        "8x)<r&X75}7M_<s-wKzXKGhBXf51MV_z$#30Q!T#8h^onpTx7>uH6nvr)qy6pz<&nHSa6qWpV2MW=x5H5MxzAl0~Kc3m^_s"
        "{%~->eWEZQXoLgp5eHKDin(sTI!;KhDi`F#>L(1S9l&IRM@RR;8He@uscjDc(<w2v1;XLWmPpmdT`PaUKA@Nf)ENMMK_D01"
        "*@%Di-2Z<RqwtxdTVyK$TJJvw!2NG2odHz8z&@Z*1hn`4W56FcKmxq96TlxhAO<4;*#"
    ),
    "-F 21,17,1,12,u -n 3 -p RPCL -r 6,3,1 -c [16,16],[8,8] -b 4,4 -SOP": (
        "|4;u>04V?f0000L0000H00000000000000L0000H0000000000009dD0sm3}4+8=K0{{X50003ZGerMf017~0XlQU~XmJ0K"
        "015yA0008)00IA#|B(O$007AV7vAfX|B(O$00DsikpKh$0{;O}STeuoleuJq08?EU2`@p<H4rf6U;mK+1ONko|B(O$00e;l"
        "kpKh$1<&L>7c(Zq1>L4B{spfEZ2y1%kpKh$27v#O00aOBfd7#I1ON!n<QxtlSi?X$Pydks1ON$u|B(O$01ANrkpKh$3&-pT"
        "3k!sA|B(O$01SZtkpKh$4S@fV00aOI!2AT@egcpWv_Kc$=nW_=l1eYyD2#|3lZhQwnHSt8DER03T=vxJ+OzuBLZ~+ly9v=u"
        "2G60r&##Cw_t}f^pZ}2n1ON|!|B(O$01$xxkpKh$5x{+*us;B(1L_14P%+Gk8XWw6GJVV7#f<~b&qV)`00aOMfd7#I1OO9&"
        "|B(O$02IJ|pr8xK#ENYHkpKh$6@dSd00aOQfd7#I1OOMnKA;c-|B(O$02qM(kpKh$8G!$h00aOU;2)?*^$7l;@6;iH{h}YV"
        "JNAeE(HsK$gg<D9?Ge7A000?x`B4ErKS8QwrM5izB!3eqjweBf7;2(a09$O{gq6P?$OS|X`=9CBU)?}%j}UY-3P@4A58aYK"
        "H5nkPA0Xzen%R~L+;PcXX7z}BLlq2VoLa9l(Il-ku;2+D!_V*gof<Os(K&Qb_AeN%aU55VmVgHRHku06uYo@aaYQWoKhY(i"
        "!CL|ovBO6ieo(R?J8>)=Mq)a>QTcfic>Xy<k@uzi>Psp*6%IBE2)yZUOG>oJGxNbwU2vd@|B(O$02_e+kpKh$9Dx6k00aOX"
        ";4i2r_Jm*`s5A8jU=P$0`hoxqY8R66UfkKg8Xm>Las%RD79n8K9PUVGdg3*I0>9zqh6IuDfuF)33`>k{h|uc#6|ctTS572f"
        "|B(O$03Lw<kpKh$AAtXn00aOa;2)?H^#XtbzXE3t9M^k4|B(O$03m??kpKh$B7pyq00aOdz#lju2>bup"
    ),
    "-F 21,17,1,12,u -n 3 -p PCRL -r 6,3,1 -c [16,16],[8,8],[4,4] -b 8,4 -d 5,3": (
        "|4;u>04V?f0000Q0000K00005000030000Q0000K0000000000009dD0sm3}4*>%J0{{X60003ZGerMf017~0XlQU~XmJ0K"
        "015yA0006(00IA#&j=4Nr!f2>0BoiGprFg>;Zh%f!=Zo%-&p=ZP(J{e2ig=i0^T9EKa&t-Zx1k=xXkoHUw;R#w<BS4GUbC?"
        "fPmosVc*Pa0sBNhXr=-CML%f32geCTE|irJ=p9?eG=Bs2p>1=WXhM3>AQ?0TD#+9esdc%8-h=YL9AU|QHsSE>r1RmHY|)O-"
        "9nu59R=LbPNz$WymA+PeSt_|33{X)UFk`U2Lj_OE>?NTYgWmmrE5rg#6Y-BJ%+cN_EGsq?OwKRS<%__d&I|*!(C}cQ4)FeA"
        "AQ}o(ebgfT(wBgMz&@a8AAn>5^#gzb=^x2o-2%kw(`x`85tFjXzXf$<t|8jnfPmnC0KecXfc>Hu)GL5~(F^Jn8px$lVfP^b"
        "D{j9ikSfo)rlEXFsJe|5gI4$`6S=e|16Q)GjU;`-K=0rg)iWIz6f`ot03Jt3gmb<GZjnb^9z&H~zZLvqUO_TdveVDn+D;%9"
        "VisZR5L6)dRdZ$bibK9Bl;!3_Kg=Kt)BJ!y2>qZSgMh=}2n3n_0C0X_kRN~`G~v$*!^WQmrJ(A7fWi5PLHUM2egVJ&t3XP*"
        "nO1O<Xfrx-KNtaD#g&a=nek0ae+*y_)z=ZrGyg5K5V0rEfG`Dd*Zcs0Tm7IwqCbFuz&@ZjKQLGW>H-F_zXWp4*fRvEfPldK"
        "10a3@kPoyh8NX;I93O09VwTO93nqX6PthN~mT(_q5zKEW)_AZrN2~Jx*#"
    ),
    "-F 21,17,1,12,u -n 4 -p CPRL -r 6,2 -c [16,16],[8,8] -b 4,8 -d 6,11 -T 2,3 -t 16,9": (
        "|4;u>04V?f0000R0000S000060000B0000G000090000200003009dD0sm3}5CH@L0ssR50RRCJA~Qt)TmTI~U}$J?XlQU~"
        "XmJ0K015yA0000w00IA#)Axf=4?_y-Zj@~&4Jw|%e89diGvfvH0tMgr1-}bx&)^OR<OBmFKL;;>|BwI*0096104x9j|C8tY"
        "1AnkC0(~JrU=RbC`~13p3+^csuL^$nF9#)n|BwI*00IC207(D=|C4~j^#T9{e1OB?2nR`kfXB=T1T27nfPjF2!S{gx0gHg4"
        "`hfrlsDOZgfWz+s0CRxH@B|5bfPjF2fd7yH3IGED002Ay0soVs`~d(2ih#r81^@!XqJV&afPlgI0U`Q<00GAc-=IFgAOg35"
        "!NLFx9lyGOfd7yH3IGHE001}u0soW7<OBuafWz_v2R?wq;0Ofop!fp-53H(yfX~zj2zG#gfWg543e$jqfd7yH3IGKF002J#"
        "0soW0`au8$FM!9!2nEpn;2?j&@q>Zjzy)qm3kSB49uNyg`^TslfB?*~^e_}UtjE}-|Je"
    ),
    "-F 21,17,1,8,s -n 2 -p LRCP -SOP -EPH -t 10,9 -TP R": (
        "|4;u>04V?f0000L0000H00000000000000A00009000000000000D;q0sm3}3<dxI0RRC61ONg5TmT0^KuAbX|BwI*00000"
        "05Jdp|C9fb00aO4&$M9wk{s3si(@yCQudL%AaM7x*p$|=nB_qKfB%pG3IG5A002D!0{@f$kpKh$0l<7FKsrPN;VA!-32;Vg"
        "YncX1G`PUu8a7&LOQE;F6$pUr8XmTENpJs<015yB0000p00RG$|B(O$007UlX#bKEkw_^Nu{ld;yyibUoKvbhqnF~GQV|Kf"
        "KmU*b3IG8B002V)0{@f$kpKh$0m1W-fcQy(d?f(?k|w>^Bog=$zKnabFR+jIzY~~%PJGpWFIXbXVw!FiLK0{f|BwI*00IC2"
        "03ZMY|C9fb00aO4&$Jx>k`V1<$vG5%|BwI*00IC202=`U|C9fb00aO5z&a5Bk`c@QkN^q*0{{R3DgXlilmC$b1ONcfv_$`s"
        "8qo2}7(s>Cmvn`w!P`w{4F8Y-3IGED002M%0{@f$kpKh$0l<7ELGz4&d?f(?k{G7rMQv$m+|<`1V&$9z%tLmhw?@wu@1>7P"
        "v!lq&Z~u@03IGHE001oj0{@f$kpKh$0ME2g|B?|PbwPn!>%dvaZt2=i?q2=>Ht+wC015yE0000%0RsP%|B(O$00F`CjDzPH"
        "0QgG(k|qax404zbQ~5yapA^wlA1`9AGbdKA2NS6nNPXTU$d&#7kN^q*1poj59smOWlmC$b1ONcfv=sl64oAaV@Bfeh3IGKF"
        "0015V0{@f$kpKh$0l@hJ0RNH^jx8Vm*#"
    ),
    "-F 20,17,1,5,u -n 2 -p RPCL -EPH -PLT -TLM -d 1,1 -TP L -r 4,1": (
        "|4;u>04V?f0000L0000I00001000010000L0000I0000000000009I60sm3}3<LrI0ssL71ONg5TmT0^C@?TM|5X4O08jt`"
        "001rk0000f000007XSbN08am803`qcLvm$dbY)~9VtF7>aAj^vP(?=|c4cyNX>V>IGA=bPF#nJM3IG5A001rk1pin71OOWU"
        "lg}*wk{vU8&=)XHMjT$V6Dgkp`R(g@97@{%kN^q*00000DFFokSO5e775|g@5dV^?AI&uImFYXpftF;(gHc(3|BwI*00000"
        "02cxT|5yM700aM%fd7*JkN^q*00000P6Gu0SO5e7I{%Zw)L`lG7Ks0n5+2YTu=-y2`^)Sd!h;TO&qFA8<=|7#5OtMotf$g{"
        "7Q_KAHmZF{2675p`4DsJ`TyA"
    ),
    "-F 21,17,1,16,s -n 1 -p LRCP -b 8,8 -GuardBits 5": (
        "|4;u>04V?f0000L0000H00000000000000L0000H000000000000EBy0sm3}3;+NC0RR920RRF2TmS^1fd7yH3IG5A00O`O"
        "0soWmfB0jU{{}pN{4pc{LmhwkW553fB!B!cL;phrH~#|#04FGTSXkm}M|NEm*(hjGDjl4W7V3WMIg(7UGEo8+d!Hqk?>RYL"
        "TvFO!c|=+29Jzz2jqcxy<2MCc19KnQMf}NO%<6w6v1CkDnJ*aIj1v(H4(PwtyxG-T-<ybL%(5sJT9n4a%>w8m{xfuIp@%dS"
        "07c3PKR-3IE-VE=n1dlIUb-{8#xQ&D{RdwC$oDn}IDzG6Fnmi;N!Vn5rW!`8d_8_->na(}`G0Sx(Ulf{vk*4H2F@r^(Vr^N"
        "|1SMJf9(`P81v94c_LiAd7%q@vKVb{oEgrYY)in0w#^i3YE{u3V8z-deJOHE5sm9>hxvp;52?~%p`o0tp8>npMUXBDsstbD"
        "7T#KjS{udL(WR+Nkd-mB9?!yfM=T^bc8Bf`tV}BF+dWN>tBHRpv0rW#XyX!D{7(!C7=+?^M4c2_a#S=!bChfbmHX*0-^ng7"
        "{iMqH73%r~TIsdvjyx)*%8eNI)zq149;Q=GVP@yO<Wp3Skj<m5YX;u-@|1vofep^(`<k_oW~7ZX4q3O&wDAz$T^6Rv=@7v`"
        "xNaLa1~D^Ob6>kkjxU3MA7pd!I#qt-G-H@Ou&rjXH-{I(Kc#S^;y;wK?s#V_oh7D&sE+a0t(5}@8#fxdn*2`?2dTNAucJ4*"
        "-CAux=&Zw~FU#M$BHRn~{HO2#eZEL7wmnd54!UKOm}yHRz;HM}Ya1cLoqRtjO9bJMv@>{IvMpx#_P+i}<YD}10ak*cwPmA="
        "x&S%J$XQQxFJIZcQ!HZWcPSkFe<cIm@dhr$)cWu0aP+Ek)7H#JdAz?CjH2%TB^0f7$g@9oRuF6mcNC;9oL%31+;7w;W4vGw"
        "89?B3T+~9zcmLS"
    ),
    "-F 1,17,1,10,u -n 1 -p PCRL -d 3,1": (
        "|4;u>04V?f000040000I0000300001000040000I0000000000009XB0sm3}3;+WF0RR951ONg5TmS?>Q2&qs3IG5A0018V"
        "0soW0e1kw80j=;yk`B=SFRiPO|Je"
    ),
    "-F 20,1,1,1,u -n 1 -p RLCP -d 31,15": (
        "|4;u>04V?f0000p0000G0000V0000F0000p0000G0000000000009620sm3}3;+QD0RR951ONg5TmS?>2>*}(3IG5A000#L"
        "0soWIfDki7<I?}x"
    ),
}

STREAMS = {options: base64.b85decode(text) for options, text in _TEXT.items()}
