#include "subjects/names_shipped.h"

const struct shipped_names SHIPPED_NAMES[SHIPPED_NAMES_COUNT] = {
    {SUBJECT_CUSTOMER,
     "customer customers customerid customerids customerno customernr customernumber customernum "
     "customerref customerkey customeruuid custid custno custnr custnum custnumber "
     "clientno clientnumber clientref subscriber subscribers subscriberid subscriberids "
     "subscriberno subscribernumber subscriberref subscription subscriptions subscriptionid "
     "subscriptionids subscriptionno subscriptionnumber subid subsid accountno accountnr "
     "accountnumber accountid billingaccount billingaccountid billingaccountno ban banid contract "
     "contracts contractid contractno contractnr contractnumber partyid personid memberid memberno "
     "membernumber membershipid membershipnumber policyholderid patientid insuredid householdid "
     "kund kunder kundid kundnr kundnummer kundno abonnent abonnenter abonnentid abonnentnr "
     "abonnentnummer abonnemang abonnemangid abonnemangsid abonnemangsnr abonnemangsnummer avtalid "
     "avtalsid avtalsnr avtalsnummer avtalnr medlemsnr medlemsnummer medlemid medlemsid kontonr "
     "kontonummer "
     "kunde kundenr kundenummer kundeid abonnementid abonnementsid abonnement abonnementer "
     "abonnementnr abonnementsnr abonnementnummer abonnementsnummer avtalenr avtalenummer avtaleid "
     "aftalenr aftalenummer aftaleid kundeforholdid medlemsid "
     "kunden kundennr kundennummer kundenid kundenkonto kundenkontonr vertrag vertragsnr "
     "vertragsnummer vertragsid vertragid vertragskonto teilnehmer teilnehmerid teilnehmernr "
     "teilnehmernummer mitgliedsnr mitgliedsnummer mitgliedid "
     "asiakas asiakasid asiakasnumero asiakasnro liittymaid "
     "gogaek gogaekid gogaekno gogaekbeonho custmgmtno svccontno svccontid entrno entrid "
     "\xea\xb3\xa0\xea\xb0\x9d\xeb\xb2\x88\xed\x98\xb8 " /* customer number */
     "\xea\xb3\xa0\xea\xb0\x9d "                         /* customer */
     "\xea\xb3\xa0\xea\xb0\x9d\xea\xb4\x80\xeb\xa6\xac\xeb\xb2\x88\xed\x98\xb8 "
     "\xea\xb0\x80\xec\x9e\x85\xec\x9e\x90\xeb\xb2\x88\xed\x98\xb8 " /* subscriber number */
     "\xea\xb3\x84\xec\x95\xbd\xeb\xb2\x88\xed\x98\xb8 "             /* contract number */
     "\xed\x9a\x8c\xec\x9b\x90\xeb\xb2\x88\xed\x98\xb8"},            /* member number */
    {SUBJECT_MSISDN,
     "msisdn msisdns *msisdn msisdn* phone phones phoneno phonenr phonenumber phonenumbers "
     "phonenum "
     "telephone telephoneno telephonenumber tel telno telnr telnumber mobile mobileno mobilenr "
     "mobilenumber mobilephone mobilephonenumber cell cellno cellphone cellnumber cellphonenumber "
     "homephone workphone contactphone primaryphone callingnumber callednumber anumber bnumber "
     "anr bnr subscribermsisdn servicenumber ctn mdn *phonenumber *phoneno *mobilenumber "
     "telefon telefonnr telefonnummer telefonnumer mobil mobilnr mobilnummer mobiltelefon "
     "mobiltelefonnummer hemtelefon arbetstelefon *telefonnummer *mobilnummer "
     "tlf tlfnr tlfnummer mobiltlf mobilnr telefonnumre "
     "rufnummer rufnr telefonnummern mobilfunknummer handynummer handynr festnetznummer "
     "*rufnummer "
     "puhelin puhelinnumero puhnro matkapuhelin matkapuhelinnumero "
     "jeonhwa jeonhwabeonho hpno hphone handphone hpnumber ctnno telephoneno mobilno svcno "
     "\xec\xa0\x84\xed\x99\x94\xeb\xb2\x88\xed\x98\xb8 " /* telephone number */
     "\xed\x9c\xb4\xeb\x8c\x80\xed\x8f\xb0 "             /* mobile phone */
     "\xed\x9c\xb4\xeb\x8c\x80\xed\x8f\xb0\xeb\xb2\x88\xed\x98\xb8 "
     "\xed\x9c\xb4\xeb\x8c\x80\xec\xa0\x84\xed\x99\x94\xeb\xb2\x88\xed\x98\xb8 "
     "\xed\x95\xb8\xeb\x93\x9c\xed\x8f\xb0\xeb\xb2\x88\xed\x98\xb8"},
    {SUBJECT_IMSI, "imsi imsis *imsi imsi* imsino imsinumber"},
    {SUBJECT_ICCID,
     "iccid iccids *iccid icc iccno iccidno simno simnr simnumber simserial simserialnumber simid "
     "simcard simcardno simcardnumber simkort simkortnr simkortnummer simkortsnummer "
     "simkartennummer "
     "simkartennr usim usimno usimserial usimserialno usimserialnumber "
     "\xec\x9c\xa0\xec\x8b\xac\xeb\xb2\x88\xed\x98\xb8"}, /* USIM number */
    {SUBJECT_IMEI,
     "imei imeis *imei imei* imeisv imeino imeinumber deviceimei handsetimei terminalimei"},
    {SUBJECT_PERSONNUMMER,
     "personnummer personnr pnr persnr persnummer pno personummer *personnummer "
     "samordningsnummer samordningsnr ssn socialsecuritynumber nationalid nationalidnumber "
     "nationalidno personalnumber personalno personalidentitynumber personalid identitynumber"},
    {SUBJECT_FODSELSNUMMER,
     "fodselsnummer fodselsnr fodselnr fodselnummer f\xc3\xb8"
     "dselsnummer f\xc3\xb8"
     "dselsnr foedselsnummer foedselsnr fnr dnummer dnr norwegianid norwegianssn"},
    {SUBJECT_CPR, "cpr cprnr cprno cprnummer cprnumber *cprnr cprcustomer personcpr"},
    {SUBJECT_HETU,
     "hetu hetut henkilotunnus henkil\xc3\xb6tunnus henkilotunnukset sotu sosiaaliturvatunnus "
     "personbeteckning finnishssn"},
    {SUBJECT_RRN,
     "rrn juminno jumin juminbunho juminbeonho juminnumber jumindeungrokbeonho residentno "
     "residentnumber residentregno residentregistrationnumber ssno psno rlnmcertno "
     "\xec\xa3\xbc\xeb\xaf\xbc\xeb\xb2\x88\xed\x98\xb8 " /* resident's number */
     "\xec\xa3\xbc\xeb\xaf\xbc\xeb\x93\xb1\xeb\xa1\x9d\xeb\xb2\x88\xed\x98\xb8"},
    {SUBJECT_IBAN,
     "iban ibans *iban ibanno ibannr ibannumber bankaccountiban bankaccount bankaccountno "
     "bankaccountnumber"},
    {SUBJECT_CARD,
     "pan cardno cardnr cardnumber creditcard creditcardno creditcardnumber ccnumber ccno "
     "paymentcard paymentcardnumber cardpan kortnr kortnummer kreditkort kreditkortnr "
     "kreditkortnummer betalkort bankkort bankkortnummer betalingskort kartennummer kartennr "
     "kreditkarte kreditkartennummer kreditkartennr "
     "\xec\xb9\xb4\xeb\x93\x9c\xeb\xb2\x88\xed\x98\xb8"}, /* card number */
    {SUBJECT_EMAIL,
     "email emails emailaddress emailaddr emailid mail mailaddress *email *emailaddress epost "
     "epostadress epostadresse epostaddress mejl mejladress mailadresse emailadresse eposti "
     "sahkoposti s\xc3\xa4hk\xc3\xb6posti "
     "\xec\x9d\xb4\xeb\xa9\x94\xec\x9d\xbc " /* e-mail */
     "\xec\x9d\xb4\xeb\xa9\x94\xec\x9d\xbc\xec\xa3\xbc\xec\x86\x8c"},
    {SUBJECT_PUK, "puk pukcode puk1 puk2 pukkod pukkode pukno pukcode1 pukcode2 simpuk"},
    /* What ends like one of the above and is none. */
    {SUBJECT_NONE, "sendemail hasemail isemail noemail validemail"},
};
