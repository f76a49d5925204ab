"""Short clinical texts of our own invention that the demo sends; nobody in them exists.

They are part of the program, so the demo needs no file and no network.
"""

CLASSIFICATION = (
    "She takes metformin 500 mg twice a day with meals and lisinopril 10 mg once a day in the morning. "
    "She stopped ibuprofen last month."
)
"""A passage that a reader files under medications."""

CODING = (
    "58-year-old man seen for follow-up. Type 2 diabetes mellitus without complications, well controlled on metformin. "
    "Essential hypertension, stable on lisinopril. Seasonal allergic rhinitis, uses a nasal spray. "
    "No chest pain. Return in three months."
)
"""A visit with three diagnoses that have plain codes."""

SCHEDULING = (
    "Follow-up visit with Dr. Reyes about blood pressure, Tuesday 14 April at 10:30, second floor, room 204. "
    "Bring the list of home readings. Reply YES to confirm or call the front desk."
)
"""What staff noted about an appointment."""

DISCHARGE = (
    "Admitted with community-acquired pneumonia of the right lower lobe. Treated with ceftriaxone and azithromycin for "
    "three days, then amoxicillin by mouth. Afebrile since day two, saturation 96 percent on room air. "
    "Discharged home on day four to finish seven days of antibiotics."
)
"""A stay, of which the local model may not draft the summary on the evidence."""
