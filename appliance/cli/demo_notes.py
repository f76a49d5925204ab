"""Short clinical texts of our own invention that the demo sends; nobody in them exists.

They are part of the program, so the demo needs no file and no network.
"""

CLASSIFICATION = "Penicillin gave her a rash as a child. No other allergies to drugs, and none to food or latex."
"""A passage that a reader files under allergies."""

CODING = (
    "58-year-old man seen for follow-up. Type 2 diabetes mellitus without complications, well controlled on metformin. "
    "Essential hypertension, stable on lisinopril. Seasonal allergic rhinitis, uses a nasal spray. "
    "No chest pain. Return in three months."
)
"""A visit with three diagnoses that have plain codes."""

SCHEDULING = "Your eye exam is on Friday 8 May at 2 pm in room 12. Please bring your glasses."
"""What staff noted about an appointment."""

DISCHARGE = (
    "Admitted with community-acquired pneumonia of the right lower lobe. Treated with ceftriaxone and azithromycin for "
    "three days, then amoxicillin by mouth. Afebrile since day two, saturation 96 percent on room air. "
    "Discharged home on day four to finish seven days of antibiotics."
)
"""A stay, of which the local model may not draft the summary on the evidence."""

STAY_PERSON = {
    "resourceType": "Patient",
    "name": [{"use": "official", "family": "Harkness", "given": ["Rosalind"]}],
    "birthDate": "1958-02-11",
}
"""Whom the sandbox's stay is about; the guard is told, as an EHR would tell it."""

STAY = (
    "Rosalind Harkness was admitted on 2026-11-02 with community-acquired pneumonia of the right lower lobe. "
    "Dr. Benedict Okonkwo treated Mrs. Harkness with ceftriaxone 2 g daily and azithromycin for three days. "
    "Afebrile since 2026-11-04, saturation 96 percent on room air. "
    "Her daughter can be reached at 617-555-0142. "
    "Discharged home on 2026-11-06 with amoxicillin 500 mg three times a day until 2026-11-09."
)
"""A stay as its notes name people; the managed model must see none of them."""

STAY_IDENTIFIERS = ("Rosalind", "Harkness", "Benedict", "Okonkwo", "617-555-0142", "2026-11-02", "2026-11-04")
"""What must not leave."""
