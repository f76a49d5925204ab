# ruff: noqa: E501 - an expression or a list is not cut in the middle
"""The words that people and systems write beside an identifier, by kind.

A label that *says it all* needs nothing but a value; an *everyday* word needs a sign such as ``:``, ``#`` or ``number``,
or a value that can be nothing else.  Words in between (`CONNECTORS`) are skipped, so the lists hold the heads only:
``medical record`` covers ``medical record number is``.  Phrases are also found run together (``patientId``).
"""

from dataclasses import dataclass

from appliance.phi.findings import Kind
from appliance.phi.recognizers.rule import words


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a label announces."""

    kind: Kind | None
    """None: a number of another sort, such as a diagnosis code."""

    says_all: bool
    """Whether the label alone makes a number an identifier."""


CONNECTORS = words(
    """number numbers num nums no nos nr nbr id ids identifier identifiers code is was are has of on file as listed
    recorded reads reading given ending ends in with the his her my their your our value last four 4 digits card full
    complete called under and for to be at s"""
)
"""Words between a label and its value."""

SIGNS = words("number numbers num nums no nos nr nbr id ids identifier identifiers code is was file ending ends")
"""Connectors that make an everyday word a label."""

MAX_WORDS = 5
"""Longest phrase below, in words."""

_SAYING_ALL: dict[Kind, str] = {
    Kind.MRN: """
        mrn, mrns, mr number, mr no, mr num, mr id, emrn, emr id, emr number, ehr id, ehr number, medical record,
        medical records number, med record, med rec, medical rec, medrec, med rec no, health record, unit record, urn,
        umrn, chart number, chart no, chart id, patient id, patient identifier, patient number, patient no,
        patient code, patient record, patient chart, patient file, pt id, pt no, pt number, pt mrn, pat id,
        pat no, patid, empi, mpi number, mpi id, pid number, master patient index, enterprise id, epic id, epic mrn, cerner id, hospital number,
        hospital no, hosp no, hospital id, clinic number, clinic no, clinic id, record id, record identifier,
        record locator, record key, case file number, hospital record, clinic record, facility id number, file number, mrno
        """,
    Kind.ACCOUNT: """
        acct, accts, account number, account no, account id, account num, acct no, acct number, a c no,
        patient account, hospital account, billing account, guarantor account, guarantor id, bank account,
        checking account, savings account, financial number, fin number, iban, routing number, routing no, aba number,
        aba routing, sort code, swift code, credit card, debit card, card number, card no, visa card, mastercard,
        american express, amex, discover card, payment card, hsa account, fsa account, invoice number, invoice no,
        invoice id, claim number, claim no, claim id, claim control number, icn number, dcn number, encounter number, encounter id,
        encounter no, visit number, visit id, visit no, csn, har number, admission number, admission id, statement number,
        statement id, billing id, billing number, billing reference, bill number, receipt number, receipt no,
        transaction id, transaction number, payment id, payment reference, check number, cheque number, loan number,
        ledger number, remittance number, bitcoin address, wallet address
        """,
    Kind.HEALTH_PLAN: """
        mbi, hicn, hic number, hic no, hpbn, hpid, member id, member number, member no, member identifier, memberid,
        subscriber id, subscriber number, subscriber no, beneficiary id, beneficiary number, beneficiary identifier,
        beneficiary no, health plan beneficiary, health plan id, health plan number, health plan no, health plan,
        plan id, plan number, plan no, plan member, policy number, policy no, policy id, policyholder id,
        policy holder id, policyholder number, insurance id, insurance number, insurance no, insurance policy,
        insurance member, insurance card, insurance card number, health insurance, insured id, insured number,
        enrollee id, enrollee number, enrollment id, enrollment number, group number, group no, group id, grp,
        rx group, rxgrp, bin, pcn, cardholder id, cardholder, cardholder number, certificate holder, rx grp, rx id, rx pcn, rxbin, rx bin, medicare number, medicare no, medicare id,
        medicare beneficiary, medicare claim, medicaid number, medicaid no, medicaid id, medicaid recipient,
        recipient id, coverage id, coverage number, payer member id, payor id, carrier id, contract number,
        certificate of insurance, hmo id, ppo id, tricare id, cin number, health card, health card number,
        health insurance claim number, ohip, benefit id, benefits id, benefits number, dependent id, insurer id
        """,
    Kind.LICENSE: """
        npi, npis, dea, dea number, dea registration, lic, lics, license number, licence number, license no,
        licence no, license id, licence id, medical license, medical licence, state license, state licence,
        physician license, nursing license, rn license, pharmacy license, pharmacist license, dental license,
        professional license, provider license, practice license, driver license, drivers license, driver s license,
        driver licence, drivers licence, driver s licence, driving licence, driving license, dl number, dl no,
        cdl, operator license, state id, upin, ptan, provider id, provider number, prescriber id, prescriber number,
        physician id, practitioner id, certificate number, certificate no, certification number, cert no, caqh, caqh id,
        board certification number, registration number, gmc number, nmc number, permit number, permit no,
        birth certificate number, death certificate number, pilot license, gun license, firearm license, clia, clia number
        """,
    Kind.DEVICE: """
        s n, sn, ser no, serial number, serial no, serial num, serial id, serial, udi, udi di, udi pi, imei, meid,
        mac address, device id, device identifier, device number, device no, device serial, device sn,
        device code, implant id, implant number, implant serial, implant no, pacemaker id, pacemaker serial,
        pacemaker number, pacemaker sn, icd serial, defibrillator serial, lead serial, generator serial, pump serial,
        pump id, hardware id, equipment id, equipment number, asset tag, asset number, model serial, gtin,
        prosthesis serial, valve serial, stent serial, monitor id, sensor id, transmitter id, transmitter sn,
        lot number, lot no, lot num, batch number, batch no, machine id, ip address of device, unique device identifier, lot and serial
        """,
    Kind.VEHICLE: """
        vin, vins, vehicle identification, vehicle id, vehicle number, vehicle no, vehicle identifier,
        vehicle registration, vehicle plate, vehicle tag, license plate, licence plate, license plates, lic plate,
        plate number, plate no, plates, number plate, registration plate, car plate, tag number, vehicle serial,
        car registration, chassis number, handicap placard, parking placard, placard number, boat registration
        """,
    Kind.SSN: """
        ssn, ssns, ss number, ss no, ss num, s s number, soc sec, soc security, social security, social security number,
        social insurance number, social sec, socialsecurity, itin, tin, tax id, tax identification,
        taxpayer identification, taxpayer id, last four of social, last 4 of social, last four of ssn, last 4 ssn,
        last four ssn, ssn last four, ssn last 4
        """,
    Kind.BIOMETRIC: """
        fingerprint id, fingerprint template, fingerprint hash, fingerprint number, finger print id, thumbprint id,
        retina scan, retinal scan, retinal scan id, retina id, iris scan, iris id, iris code, iris template,
        voiceprint, voice print, voiceprint id, voice id, voice sample id, face id, facial id, facial scan,
        facial recognition, face template, faceprint, palm print, palmprint, palm vein, hand geometry, vein pattern,
        biometric, biometrics, biometric id, biometric identifier, biometric template, biometric hash, biometric key,
        dna id, dna profile, dna sample id, genetic id, gait id, signature id, ear print
        """,
    Kind.PHOTO: """
        photo id, photo file, photo number, photo no, photograph id, image id, image file, image number, image no,
        full face photo, full face image, full face photograph, facial photo, facial image, facial photograph,
        patient photo, patient image, patient picture, picture id, portrait id, headshot, mugshot, selfie
        """,
    Kind.OTHER_ID: """
        id number, id no, identification number, identification no, unique id, unique identifier, study id,
        study key, study number, study no, study subject, study code, subject id, subject number, subject no,
        participant id, participant number, trial id, trial subject, enrolment id, randomization number,
        randomization id, research id, screening number, donor id, registry id, registry number, cohort id,
        case number, case no, case id, case num, case ref, ref number, ref no, ref id, reference number, reference no,
        reference id, reference code, ticket number, ticket id, tracking number, tracking id, tracking no,
        confirmation number, confirmation code, order number, order id, order no, requisition number, accession,
        accession number, accession no, acc no, specimen id, specimen number, specimen no, sample id, sample number,
        lab id, pathology number, biopsy number, barcode, bar code, qr code, passport, passport number, passport no,
        passport id, visa number, travel document, national id, national identification, national insurance, nino,
        nid, national identity, identity card, identity number, identity document, id card, id card number,
        government id, employee id, employee number, employee no, emp id, empid, emp no, staff id, staff number,
        badge number, badge id, badge no, badge, student id, student number, military id, service number, dod id,
        dodid, edipi, veteran id, va id, va number, voter id, alien number, alien registration, green card, uscis,
        inmate number, inmate id, prisoner number, booking number, prescription number, prescription no,
        prescription id, rx number, rx no, rx num, script number, referral number, referral id, authorization number, job, job number, job no, job id, job code, dictation number, dictation id,
        dictation job, document number, document id, document no, doc id, doc no, index no, index number, transcription number, run number, run no, incident number, incident no,
        ncpdp, nabp, bin number, queue number, message control id, interpreter id, interpreter number, interpreter no, bag number,
        auth number, auth no, auth code, prior auth, prior authorization, pre cert, precertification, user id,
        user name, username, userid, login id, access code, security code, pin code, session id, device token, uuid,
        guid, nhs number, nhs no, nhs, chi number, phn, personal health number, ihi, aadhaar, aadhar, pan number, bsn,
        cpr number, personnummer, curp, rfc number, cpf, dni, nif, nie number, ein, employer id, employer identification,
        appointment id, appointment number, booking reference, locker number, library card, membership number,
        loyalty number, frequent flyer, police report number, court case, docket number, warrant number
        """,
}  # fmt: skip
"""Labels that say it all."""

_EVERYDAY: dict[Kind, str] = {
    Kind.MRN: "mr, medical, chart, patient, pt, hospital, clinic, record, records, pid, mpi",
    Kind.ACCOUNT: """
        account, accounts, invoice, encounter, visit, claim, bill, billing, card, statement, receipt, payment, bank,
        transaction, fin, icn, dcn, har, admission, checking, savings, guarantor, visa, financial, deposit, loan
        """,
    Kind.HEALTH_PLAN: """
        member, subscriber, beneficiary, policy, policyholder, group, plan, insurance, insured, insurer, enrollee,
        coverage, payer, payor, medicare, medicaid, hmo, ppo, tricare, aetna, cigna, humana, bcbs, blue cross,
        blue shield, blue cross blue shield, kaiser, anthem, uhc, united healthcare, unitedhealthcare, wellcare,
        molina, centene, contract, benefit, benefits, recipient, champva, carrier, dependent
        """,
    Kind.LICENSE: """
        license, licence, licenses, licences, driver, drivers, certificate, certification, cert, registration, permit,
        licensed, dl, prescriber, provider, physician, practitioner
        """,
    Kind.DEVICE: """
        device, devices, implant, pacemaker, defibrillator, pump, insulin pump, prosthesis, monitor, glucometer, meter,
        hearing aid, ventilator, wheelchair, generator, neurostimulator, stimulator, cochlear implant, lead, cgm,
        lot, sensor, transmitter, cpap, bipap, loop recorder, catheter, port, valve, stent, shunt, aicd, equipment, mac
        """,
    Kind.VEHICLE: "vehicle, vehicles, plate, car, truck, tag, automobile, motorcycle, placard, license tag",
    Kind.SSN: "ss, social, security, taxpayer, last four, last 4",
    Kind.BIOMETRIC: """
        fingerprint, fingerprints, finger print, thumbprint, retina, retinal, iris, voice, facial, palm, dna, gait
        """,
    Kind.PHOTO: "photo, photos, photograph, image, images, picture, pictures, portrait, img",
    Kind.OTHER_ID: """
        id, ids, identifier, identifiers, identification, case, ref, reference, study, subject, participant, trial,
        protocol, ticket, tracking, order, requisition, specimen, sample, barcode, identity, employee, staff, student,
        veteran, inmate, prescription, rx, script, referral, authorization, auth, user, login, pin, key, code, number,
        registry, appointment, booking, confirmation, docket, report, serial key, file, handle, alien, no, acc, batch, run, job,
        incident, document, randomization, randomisation, rand, screening, kit, bag, ticket, interpreter, index, dictation
        """,
}  # fmt: skip
"""Words that are labels only with a sign or before a value that can be nothing else."""

_OTHER_NUMBERS = """
    icd, icd 9, icd 10, icd 11, icd 9 cm, icd 10 cm, icd 10 pcs, icd code, icd 9 code, icd 10 code, icd 10 cm code,
    icd10, icd9, icd10 code, cpt, cpt code, cpt codes, hcpcs, hcpcs code, loinc, loinc code, snomed, snomed ct,
    snomed code, snomed ct code, sctid, rxnorm, rxcui, ndc, ndc number, ndc code, ndc no, drg, ms drg, drg code, dsm,
    dsm 5, atc, atc code, pmid, pubmed id, pmcid, pmc, doi, nct, isbn, issn, cas number, cas no, diagnosis code,
    diagnosis codes, dx code, procedure code, revenue code, taxonomy code, place of service, pos code, modifier,
    revision code, area code, model number, model no, part number,
    catalog number, room number, bed number, version number, phone number, fax number, telephone number, cell number,
    mobile number, contact number, call number, pager number, zip code, postal code, status code, error code, http code,
    gene id, omim, omim number, entrez id, ensembl id, uniprot, concept id, cui, mesh id, platelet number, case series
    """
"""Numbers beside which the words above mean nothing about a person."""

READABLE_PREFIXES = words(
    "mrn mr acct account ssn npi dea id no number member policy patient case study record site fax"
)
"""Labels that may touch their value (``MRN133202``) and stay readable; other prefixes belong to the value."""

ALWAYS_LABELS = words("mrn acct account ssn npi patient")
"""Prefixes that stay readable beside another label too; a shorter one may be a part of the value (``DEA: MR4200255``)."""

PREFIXES: dict[str, Kind] = (
    dict.fromkeys(words("mrn mr pt pat patient chart emr ehr nh hn hosp"), Kind.MRN)
    | dict.fromkeys(
        words("acct act account ac inv invoice clm claim enc visit bill pay stmt txn csn har"), Kind.ACCOUNT
    )
    | dict.fromkeys(
        words("ins pol hpbn hp hpn hpi hin hpb mbr mem member sub subs grp group plan policy hic hicn mbi mcr mcd"),
        Kind.HEALTH_PLAN,
    )
    | dict.fromkeys(words("dl lic license dea npi cert"), Kind.LICENSE)
    | dict.fromkeys(words("sn ser serial dev device udi imei"), Kind.DEVICE)
    | dict.fromkeys(words("vin plate veh lp"), Kind.VEHICLE)
    | dict.fromkeys(words("ssn"), Kind.SSN)
    | dict.fromkeys(words("bio biom fp fpr iris retina voice face facial palm"), Kind.BIOMETRIC)
    | dict.fromkeys(words("img photo pic dsc image pxl dcim"), Kind.PHOTO)
    | dict.fromkeys(
        words("emp nid tax rx sk std study subj case ref ord acc uid usr user id stu passport"), Kind.OTHER_ID
    )
)
"""What a value is that begins with such letters and a dash or a digit."""

SURE_PREFIXES: dict[str, Kind] = {
    "vin": Kind.VEHICLE,
    "hpbn": Kind.HEALTH_PLAN,
    "npi": Kind.LICENSE,
    "imei": Kind.DEVICE,
}
"""Prefixes that say more than the label before them (``Serial VIN275580``)."""

CODE_PREFIXES = words(
    """covid icd cpt hcpcs dsm loinc snomed rxnorm ndc nct pmid pmc doi isbn atc drg sars h n il cd hla tnf ifn gh
    bms mk ly gsk pf amg bay jnj azd abt abbv ro rg sar tak ucb vx medi regn bi incb cc ono gs aln sch ss glpg
    cyp slc apo hiv hcv hbv hpv ebv cmv hsv rsv htlv chr rs nm np enst ensg grch dbsnp vit b t l c s f fev"""
)
"""Prefixes of codes, genes, viruses and trial drugs: never a person's."""


def _labels(lists: dict[Kind, str], *, says_all: bool) -> dict[str, Label]:
    return {
        phrase: Label(kind=kind, says_all=says_all)
        for kind, text in lists.items()
        for words_of_label in text.split(",")
        for phrase in _spellings(words_of_label)
    }


def _spellings(phrase: str) -> tuple[str, str]:
    """Return the phrase, and the phrase run together as programs write it."""
    parts = phrase.split()
    return " ".join(parts), "".join(parts)


BY_PHRASE: dict[str, Label] = (
    _labels(_EVERYDAY, says_all=False)
    | _labels(_SAYING_ALL, says_all=True)
    | {
        phrase: Label(kind=None, says_all=True)
        for words_of_label in _OTHER_NUMBERS.split(",")
        for phrase in _spellings(words_of_label)
    }
)
"""Every label by its words."""

WORDS = frozenset(word for phrase in BY_PHRASE for word in phrase.split()) | CONNECTORS | frozenset(PREFIXES)
"""Every word that labels are made of."""
