"""Words that name no facility by themselves, so that a site list cannot turn ordinary text into a place.

A facility that a site lists is found everywhere and in any case.  A list that holds "Emergency Room" or "Clinic" would
replace those words in every note and destroy what it says, so `policy.phi` refuses a name made of such words only.
The words are the commonest lower-case ones of the notes and dialogues of ACI-Bench and MTS-Dialog (CC BY 4.0), and
the words that facilities are made of.  It must hold no name: `phi` decides what one is.
"""

_WORDS = """
a abdomen abdominal able abnormal abnormalities about above absolutely abuse accident aches acne active activities
activity actually acute add addition additional admission admissions admits admitted advised after afternoon again
age ago agree agreed agrees ahead albuterol alcohol all allergic allergies almost alone along already alright also
although always ambulatory amount an and anemia anesthesia ankle ankles annex another answered anterior antibiotic
antibiotics anxiety any anymore anyone anything anywhere apnea apparently appears appendectomy appendix appetite
appointment appreciate approximately april are area areas arm arms around artery arthritis as ask asked asking
asleep aspect aspirin assess assessment associated associates asthma at atrial attack august auscultation avoid
aware away baby back bad balance based basically bathroom be because become bed been before began begin behavioral
behind being believe belly bend benefits benign best better between big bilateral bilaterally biopsy birth birthday
birthing bit bladder bleeding blood body bone bony born both bothering bowel brace brain break breast breath
breathing bring brings brother brothers brought bruising building burning but by bye bypass calf call called came
campus can cancer cannot car cardiac cardiology care case cast catch cause caused causes causing cell center centers
central centre centres certain cervical chance change changed changes chart check checked checking chemotherapy
chest child children childrens chills cholesterol chronic cigarettes city clean clear clinic clinician clinics close
cold college colon colonoscopy color come comes comfortable coming common community complaining complains complaint
complaints complete completed completely compliant complications concern concerned concerns condition conditions
confirm congestion congestive consciousness consider consistent constant constipation consult contact continue
continued continues control controlled coronary correct cough coughing could count counter county couple course
cramps cream cuff culture current currently cut daily date daughter dax day days dealing december decided decrease
decreased deep deficiency definitely deformity degenerative dementia demonstrates denied denies department
depression dermatology describe described describes desk developed diabetes diabetic diagnosed diagnosis dialysis
diarrhea did didn died diet dietary different difficult difficulties difficulty disc discharge discomfort discuss
discussed discussion disease diseases disorder distal distress district division dizziness dizzy do doc doctor
doctors does doesn doing don done dorsal dosage dose double down drink drinking drinks driver drug drugs dry due
during dyspnea each ear earlier early ears east eat eating echocardiogram eczema edema effects effusion eight
eighteen eighty either ejection elbow elevated else emergency encouraged end ended endoscopy enlarged enough entire
entrance episode episodes erythema especially evaluate evaluated evaluation even evening ever every everything
evidence exactly exam examination examine except exercise exercises exercising exertion experience experienced
experiencing explain explained extension extra extremities extremity eye eyes face facility faculty failure fairly
fall falling familiar family far fast father fatigue february feel feeling feels feet fell felt female fever fevers
few fibrillation fifteen fifth fifty finalize find finding findings fine finger fingers first five flexion floor
fluid follow followed following followup food foods foot for forgot forty found foundation four fracture fractures
frequency frequent friday friend friends from front full function further gain gait gastroenterology gave general
generally get gets getting give given glad goes going gone good got gotten grade great greater groin group groups
guess gynecology habits had half hall hand handed hands happen happened happening happens happy hard hardware has
have haven having hay he head headache headaches heal healed healing health healthcare healthy hear heard hearing
heart heartburn heavy heel help helped helpful helping helps hemoglobin her here hernia heroin high higher him
himself hip his history hit home homes honestly hope hopefully hospice hospital hospitals hot hour hours house how
however hundred hurt hurting hurts husband hypertension hypothyroidism hysterectomy i ibuprofen ice icu idea
identify illicit illness illnesses imaging important improve improved improvement in incident include including
increase increased increasing index infection infections infirmary inflammation inflammatory information inhaler
initial initially injection injections injured injuries injury inpatient inside institute insulin insurance intact
intake intensive intermittent internal international intervention into iron is issue issues it itchy its january jaw
job joint july june just keep keeping kidney kids kind kinda knee knees know known lab laboratory labs lady last
lately later lateral least left leg legs lengthy lesion lesions less let level levels life lift lifting ligament
light lightheadedness like likely limits lisinopril list listen little live liver lives living local located long
longer look looking looks lose losing loss lost lot love low lower ltd lumbar lung lungs lymph made main mainly
major make makes making male mammogram man management many march married mass masses maternity may maybe me mean
means medial medical medication medications medicine medicines meds meet melanoma mellitus memorial memory menstrual
mental mentioned metatarsal metformin middle might migraine mild miles milk milligrams mind minute minutes miss
moderate modifications monday monitor monitoring month months mood more morning most mostly mother motion motor
mouth move moved movement movements moving mri much multiple murmur murmurs muscle muscles must my myself name nasal
national nature nausea near neck need needed needs negative nerve nervous network neurological neurology neuropathy
never new news next nice nicu night nine nineteen ninety no nodes nodosum non none nonsmoker normal normally north
northern nose not note noted notes nothing notice noticed november now numb number numbness nurse nursing obstetrics
obtained occasional occasionally occur october of off office offices often okay old on once oncology one ones only
onset open operating operation ophthalmology options or oral order ordered orthopedics osteoarthritis other
otherwise ounces our out outpatient outside over overall own pacemaker pack packs pain painful pains palliative
palpation palpitations panel parents part partners pass passed past patient patients pavilion pediatric pediatrics
people per percent perfect perform performed period periods pharmacy physical physician physicians picu pituitary
place placed plan play playing plaza pleasant please plus pneumonia point pop position positive possible possibly
post posterior pounds practice pregnancy prescribe prescribed prescription present presentation presented presents
press pressure pressures pretty prevent previous previously primarily primary prior probably problem problems
procedure procedures proceed products prostate provided proximal psychiatry public pulmonary pulse push put question
questions quick quickly quit quite radial radiation radiology rales range rash rashes rate rays reaction reading
ready real really reason received recent recently recommend recommended record records recovery recreational
recurrent red redness reduce reduction refer referral referred refill reflux regarding region regional regular
regularly regurgitation rehab rehabilitation related relief relieve remember removal remove removed renal repair
repeat replacement report reported reports reserve resolved respiratory rest result results retired return returns
reveal revealed review reviewed reviewing rheumatology rhythm right risk risks room rooms rotator routine run
running said salt same saturday saw say says scale scan scar schedule scheduled school screening season second
secondary seconds see seeing seem seemed seems seen seizures self send senior sensation sent september service
services set seven seventy several severe sharp she short shortness shot should shoulder show showed shows siblings
sick side sided sign significant signs similar since single sinus sister sit site sitting six sixty skin sleep
sleeping slight slightly slipped small smoke smoked smoker smokes smoking so soccer social soft some someone
something sometimes somewhat son soon sore sorry sort sound sounds south southern special specialty specific spine
sports spot sprain stable stage stairs stand standing start started starting starts state stated states status stay
stenosis stent step steps steroid stiffness still stomach stone stones stool stools stop stopped straight strain
strength strengthen stress stressful stroke strong study stuff stung subsequently such sudden suddenly sugar sugars
suite summer sunday support sure surgeries surgery surgical sustained swallow swallowing sweats swelling swollen
symptoms syndrome system systems systolic take taken takes taking talk talked talking tear tell temperature ten
tenderness tendon terms test testing testosterone tests than thank thankfully thanks that the theater theatre their
them then therapy there these they thigh thing things think third thirty this those though thought thousand three
throat through throughout thumb thursday thyroid tightness time times tingling tired tissue to tobacco today toe
toes together told too took top total touch tower tract transplant trauma treat treated treatment treatments tried
trouble trust try trying tuesday tumor tunnel turned twenty twice two tylenol type ulcer ultrasound unable
uncomfortable under understand understands underwent unfortunately unit units university unknown unremarkable until
up upper urgent urinary urination urine urology us use used using usual usually vaccine vehicle very veterans vision
visit visual vital vitals vitamin vomiting wake walk walker walking walks want wanted ward wards was watch watching
water way we weak weakness wear wearing wednesday week weekend weeks weight weird welcome well wellness went were
west western what wheezes wheezing when where which while white who whole why wife will wine wing with within
without women womens won wonderful words work worked working works worried worry worse worsened worsening worst
would wound wrist write wrong yeah year years yes yesterday yet you young your yourself zero
"""

ORDINARY = frozenset(_WORDS.split())
"""In lower case, letters only."""
