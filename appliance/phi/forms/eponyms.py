"""Names of people that name diseases, signs, scales and instruments.

A patient called Wilson is found in a note about Wilson's disease, the disease is not. A word counts as an eponym only
directly before one of the words that eponyms stand before.
"""

import re

from appliance.phi.forms.page import Page

EPONYMS = frozenset(
    """
    addison adson allen alport alzheimer apgar apley asperger babinski baker barlow barr barre barrett bartholin
    bartlett bartter basedow becker beck behcet bell bence benedict bernard berry billroth bishop blake blount
    boerhaave bouchard bowen boyle braden bradford braxton breslow bright broca brodie brown brudzinski brugada
    buerger burch burkitt burton chadwick charcot charles chiari child christmas churg clark cobb coats codman cohn
    colles conn coombs cooper cowden crohn cullen cushing dandy dejerine denis denver dercum dix doppler down dravet
    dressler duchenne duke dukes dupuytren ebstein edwards ehlers eisenmenger epley epstein ewing fabry fallot fanconi
    felty finkelstein fisher fitz foley fontan forrest foster fowler fox friedreich froment galant gardner gartland
    gaucher gerstmann ghon gilbert glasgow glasgow gleason goodpasture gordon gowers graham graves grey guillain
    hallpike hamilton hansen harris hartmann hashimoto haversian hawkins heberden heimlich henoch hess hickman hill
    hirschsprung hodgkin hoffman hoffmann holter homan homans horner houston hunt hunter huntington hurler jackson
    jacob jacobson james janeway jefferson jones jude kaposi katz kawasaki kayser kegel keith kelly kernig killip
    kleinfelter klinefelter knight kocher korsakoff kussmaul lachman laennec lambert lawton leriche lewy lisfranc lou
    lyme lynch mallory mantoux marfan markle maryland mayer mcburney mcmurray meckel menier meniere merkel mini
    mitchell mohs montgomery moro morse morton munro murphy neer newton nissen noonan norton ober ortolani osgood
    osler paget pancoast pap parkinson patrick penrose perthes peyer peyronie pfannenstiel phalen pick pott prader
    pratt pringle prinzmetal psoas pugh queckenstedt ramsay ranson raynaud reed reiter rett reye reynolds rinne
    romberg rorschach roth rotter rovsing russell ruffini salter sanders schatzki schmidt scheuermann sengstaken
    sheehan simmonds sims sjogren smith snellen speed spurling steele steinert stevens stokes sturge swan sydenham
    takayasu tanner tay thomas thompson tietze tinel todd tourette trendelenburg trousseau turner valsalva virchow
    waldenstrom wallenberg waterhouse watson weber wechsler wegener weil wells wernicke west whipple wiggers williams
    wilms wilson winter wolff wong wood yale yates yergason young zenker zollinger
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals
)
"""Family names in medical terms, in plain letters."""

_MEASURED = frozenset(
    """
    apgar babinski braden brudzinski gleason glasgow homan homans kernig lachman mcmurray morse murphy phalen ranson
    rinne romberg rovsing schatzki spurling tinel trendelenburg weber wells
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals
)
"""Signs and scores, which a number, ``positive`` or ``negative`` follows."""

_BETWEEN = frozenset(
    """
    and barr coma depression fall risk s white lewis danlos strauss tooth barre parkinson
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals
)
"""Words between an eponym and what it names: ``Glasgow coma scale``, ``Wolff-Parkinson-White syndrome``."""

_FOLLOWERS = frozenset(
    """
    angle anomaly aphasia bag block bodies body canal catheter catheters cell cells chorea classification contracture
    contractures contraction criteria crisis cyst cysts dementia disease diseases drain duct dystrophy esophagus
    fracture fractures gait gland glands hernia incision index inventory lamp law lesion lesions lobe lymphoma
    maneuver maneuvers manoeuvre monitor neuroma node nodes nodule nodules palsy paralysis phenomenon phototype point
    pouch procedure protein reflex reflexes regurgitation ring rings sarcoma scale score section shunt sign signs
    sinus spot spots stage staging stain stitch syndrome syndromes tetralogy test testing tests thyroiditis triad
    triangle tube tubes ulcer ulcers ultrasound virus wire wires zone
    """.split()  # noqa: SIM905 - as above
)
"""What eponyms stand before."""

_MOST_BETWEEN = 3
"""Words between an eponym and its follower."""

_GAP = re.compile(r"[\s'-]{0,3}\Z")


def is_eponym(page: Page, index: int) -> bool:
    """Say whether a word stands where an eponym stands: ``Wilson's disease``, ``Foley catheter``, ``Gleason 7``."""
    if page.words[index] not in EPONYMS:
        return False
    for position in range(index + 1, min(index + 2 + _MOST_BETWEEN, len(page.words))):
        word = page.words[position]
        if not _GAP.match(page.gap(position - 1)):
            return False
        if word in _FOLLOWERS or (page.words[index] in _MEASURED and (word.isdigit() or word in _OUTCOMES)):
            return True
        if word not in _BETWEEN and word not in EPONYMS:
            return False
    return False


_OUTCOMES = frozenset({"positive", "negative", "present", "absent"})
"""What a sign is."""
