# ruff: noqa: E501 - an expression or a list is not cut in the middle
"""Words that are written with a capital and are no names: section headings, verbs of notes, roles, tests and kinship.

The name rules cut a name at the first of them.  A word that is also a common surname (*Brown*, *Price*) is left out of
the list on purpose: a leaked name costs more than a masked word.
"""

from appliance.phi.recognizers.rule import words

NOT_NAMES = words(
    """a about abdomen abdominal able abnormal above absent according account active activity acute add additional address
    admission admit admits admitted admitting adult advised afebrile after again age aged agree agrees alert all allergic
    allergies allergy also although alternative an and anemia annual answer anxiety any appearance appears appointment
    appropriate are area arm arrived as asked assess assessed assessment assistant asthma at attending awake back
    baseline be because bed been before began being below benefits best between bid bilateral biopsy blood board bmi body
    born both bp brain breast breath breathing but by calcium call called came can cancer cardiac cardiovascular care case cause
    cc center certified chart check chest chief child chronic clear clinic clinical code college color comfortable comments
    common community complaint complaints complains complete completed concern concerns condition confirm confirmed
    consent consider consult consultant consultation contact continue continued continues control coordinator copy
    cough could count counseled county cranial ct culture currently current daily data date dates day days deceased
    decreased deferred delivery denied denies department depression dermatology description details developed
    device diabetes diagnosed diagnosis diagnostic diet did died difficulty director discharge discharged discussed disease
    disorder dob does doing done dose dosage drug due during each ear ecg ed education eeg ekg elective email emergency
    employee encounter endocrine endorses ent er evaluate evaluated evaluation every exam examination examined
    except exercise explained extremities eye eyes facility failure fall family father fatigue fax feels feet female fever
    file final find finding findings first five fluid follow followed following food foot for form found four fracture
    from full function future gait gastroenterology gastrointestinal gender general genitourinary given gp group guidelines
    guardian had hand has have having he head headache health heart heent height hematology hemoglobin her here
    high him his history home hospital hospitalist hour hours how however hpi human hypertension i icu id identification if
    image imaging immediately immunization impression in include includes including increase increased indicated
    indications infection information initial injury inpatient inr instructions insulin insurance intact interpreter
    interval into is issued it its iv joint kidney kin knee known lab laboratory labs last lateral left leg letter level levels
    license like line lipid list liver local location long loss low lower lung lungs made maintain male manager manage
    management married may me med medical medicaid medicare medication medications medicine member mental mild minimal
    minutes moderate monitor monitoring months mood more most mother motor mri mrn much multiple muscle musculoskeletal my
    name nasal nausea neck needs negative neuro neurologic neurological neurology never new next no nkda non none normal not note noted notes
    notified npi npo now number numbness nurse nursing obese objective obtain occupation of office officer on once oncology
    ongoing only open operation operative or order ordered orders oriented orthopedic orthopedics other our out
    outpatient outpatients over oxygen pain parent partner past pathology patient patients pcp pediatric per performed
    personal pharmacist pharmacy phone physical physician physicians place plan plans plastic please pneumonia point policy
    portal positive possible post practice practitioner pregnancy pregnant prescribed prescriber prescription prescriptions
    present presentation presented presenting presents pressure previous primary prior prn problem problems procedure
    procedures proceed professional prognosis program progress protocol provided provider psychiatric psychiatry psychiatrist
    pt public pulmonary pulse quality question questions radiology range rate reason recent recently recommend
    recommendation recommendations recommended record records redacted reference referral referred reflexes refused regarding
    regular rehab rehabilitation relation relationship relative release relevant remains renal repeat report reported reports
    request requested requesting required requires research resident respiratory response rest result results
    return returned returns reveals review reviewed reviewing right risk routine run rx safety said same sample satisfaction
    saw says scan schedule scheduled screening second secondary section see seen self send sensation serum service services
    sex severe she short should shoulder shows shx sick side sign signed signature since single skin sleep smoker
    smoking social some specialist specialty specimen spine spouse ssn stable staff stage standard start started
    state states status still stomach stop stress stroke study subject subjective such suggest summary supportive surgeon
    surgery surgical surveillance symptoms system systems tab tablet take taken takes taking team telephone temperature test
    testing tests than thank that the their them then therapist therapy there these they this those three thyroid time to
    today tolerated tomorrow took total transcription transfer transferred transplant trauma travel treated treatment trial two type
    ultrasound unable under understands unit unknown until up update upper urgent urinary urine urology us use used user uses
    vaccine values vascular verbalized verified veteran via view visit visits vision vital vitals vomiting walk wants was
    we weakness weeks weight well were what when where which while who whose wife will with within without work working
    worsening would wound wt x xray year years yes yesterday you your
    a1c abg acl aids als arrhythmia bph cad cbc chf ckd cmp copd covid covid-19 crp csf cva cxr dvt dka ecg edta egd esr
    gerd gfr hba1c hdl hiv hpv htn ibs ibd icd ldl lft lmp ms nsaid nsaids ocd pcos pcr pe pft pmh psa ptsd pud rbc
    ros sle std stemi tb tia tsh ua uti vte wbc
    alzheimer parkinson crohn hodgkin hashimoto huntington addison cushing raynaud bell baker foley
    advice advised aide alive ambulance american analyst appears applied approved april august december february friday
    january july june march monday november october saturday september sunday thursday tuesday wednesday
    english spanish french german chinese russian arabic african asian caucasian hispanic latino white-american
    administered administrator advanced agent answered associate authored based behavioral billing brief brother budget
    case-manager central changes chair clerk client clinician close committee company continuing corrected correction
    created customer daughter dear decision degree delivered description dictated disposition
    document documented driver editor electronic electronically employer entered error example experience fellow follow-up
    followup foundation friend further goal goals good guidance handling hello hi husband important independent
    initiated inspection institute instructed intern international internal investigation issue issues key layer legal
    let living main manager material materials messages method middle midwife minor model national necessary
    observation off older onset opinion option options organization original outcome outcomes overview own owner page paper part
    participants participation perform period permission person population position power preferred preparation
    prepared preventive previously principal private process processing product profile progressive
    provides purpose purposes quick rating readings received receives redness registered registration related relevant
    removed research responsible restricted review role rounds rule sample satisfaction secretary section security
    sent services set several significant similar sister situation small software son source special specific standards
    statement step strong student submitted suffers supervised supervising supervisor support sure system
    technician technologist telehealth template text thanks these through title top topic toward training transcribed
    transcriber transport treating triage try type understand university unless unspecified upon urgent usual validated
    various version very viewed visiting want warning website whether why written young doctor doctors dr mr mrs miss prof
    payment payments amount amounts price fee fees charge charges claim claims adjustment deductible coinsurance total
    md do rn np pa phd dds dvm dpm lpn msn dnp aprn crna fnp lcsw psyd pharmd dpt mph"""
) - words("bell baker may june april august young white brown long small good strong close price king hall wood")
"""Lower case."""
