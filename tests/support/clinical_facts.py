"""What a clinical text says that is no identifier and must survive: doses, values, ages, drugs and diseases.

Written with other words and expressions than the guard's own lists, so that a mistake of one is seen by the other.
"""

import re
from collections import Counter
from typing import NamedTuple


class Fact(NamedTuple):
    """One fact as it stands in a text."""

    kind: str
    words: str


_NUMBER = r"\d+(?:[.,]\d+)?(?:\s?(?:-|to)\s?\d+(?:[.,]\d+)?)?"
_DRUGS = """
acetaminophen albuterol allopurinol alprazolam amiodarone amlodipine amoxicillin apixaban aripiprazole aspirin
atenolol atorvastatin azithromycin baclofen bisoprolol bupropion carvedilol cephalexin ceftriaxone cetirizine
ciprofloxacin citalopram clonazepam clonidine clopidogrel colchicine cyclobenzaprine dexamethasone diclofenac
digoxin diltiazem donepezil doxycycline duloxetine enalapril escitalopram esomeprazole famotidine fentanyl
fluoxetine fluticasone furosemide gabapentin glipizide haloperidol heparin hydralazine hydrochlorothiazide
hydrocodone hydroxyzine ibuprofen insulin isotretinoin ketorolac lamotrigine lansoprazole levetiracetam levofloxacin
levothyroxine lidocaine lisinopril lithium loratadine lorazepam losartan meloxicam metformin methotrexate
methylprednisolone metoclopramide metoprolol metronidazole montelukast morphine naproxen nifedipine nitroglycerin
omeprazole ondansetron oxycodone pantoprazole paroxetine penicillin phenytoin prednisone prednisolone pregabalin
propranolol quetiapine ranitidine risperidone rivaroxaban rosuvastatin sertraline sildenafil simvastatin
spironolactone sulfasalazine sumatriptan tamsulosin tramadol trazodone valproate valsartan vancomycin venlafaxine
verapamil warfarin zolpidem lasix lipitor synthroid tylenol zofran prozac coumadin plavix protonix motrin zoloft
lexapro norvasc toprol lantus humira ultram flexeril keppra eliquis xarelto
"""
_DISEASES = """
achalasia alzheimer anemia angina appendicitis arthritis asthma astrocytoma bronchiolitis bronchitis carcinoma
cellulitis cholecystitis cirrhosis colitis copd crohn cushing cystitis dementia depression dermatitis diabetes
diverticulitis eczema emphysema encephalitis endocarditis epilepsy gastritis glaucoma gonorrhea gout graves
hashimoto hemophilia hepatitis hernia hodgkin huntington hyperlipidemia hypertension hyperthyroidism hypothyroidism
influenza kawasaki leukemia lupus lymphoma melanoma meningitis migraine mononucleosis myasthenia nephritis
neuropathy obesity osteoarthritis osteomyelitis osteoporosis pancreatitis parkinson pericarditis pneumonia
pneumothorax psoriasis pyelonephritis raynaud rhabdomyolysis sarcoidosis schizophrenia scoliosis seizure sepsis
sinusitis sjogren stenosis stroke syphilis thalassemia thrombosis tuberculosis turner wilson zollinger
"""
_EXPRESSIONS = {
    "dose": re.compile(rf"\b{_NUMBER}\s?(?:mg|mcg|μg|g|mL|ml|units?|IU|mEq|puffs?|tablets?|capsules?|milligrams?)\b"),
    "value": re.compile(
        rf"\b{_NUMBER}\s?(?:%|mmHg|mm Hg|mg/dL|g/dL|mmol/L|mEq/L|U/L|/mm3|/min|bpm|°[CF]|kg(?:/m2)?|cm|mm)(?!\w)"
        r"|(?<![\d/])(?:[7-9]\d|[12]\d\d)/\d{2,3}(?![\d/])"
        rf"|\b(?:BMI|INR|A1c|HbA1c|hemoglobin A1c|EF|pH|SpO2)\s(?:is |of |was )?{_NUMBER}",
    ),
    "age": re.compile(
        r"\b[1-8]?\d(?:-|\s)?(?:years?|yrs?|months?|weeks?|days?)(?:-|\s)?old\b|\bage (?:of )?[1-8]?\d\b"
    ),
    "drug": re.compile(rf"\b(?:{'|'.join(_DRUGS.split())})\b", re.IGNORECASE),
    "disease": re.compile(rf"\b(?:{'|'.join(_DISEASES.split())})(?:'s)?\b", re.IGNORECASE),
}


def facts(text: str) -> Counter[Fact]:
    """Return the facts of a text and how often each stands there."""
    return Counter(
        Fact(kind, " ".join(found[0].split()))
        for kind, expression in _EXPRESSIONS.items()
        for found in expression.finditer(text)
    )
