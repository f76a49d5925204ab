"""The part of medical coding that is not the model's: choices before, exact spans and real codes after.

`Coding` offers, for each mention of the note, the few codes of the real table that its words point to, and asks
for one of them or ``none``.  What the model answers is therefore always a code of the table with the mention's own
characters as evidence.  Free answers (a caller's own format) are searched for codes that do not exist.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from appliance.clinical_text import ClinicalText
from appliance.tasks.icd10 import Icd10Table
from appliance.tasks.mentions import Mention, mentions
from appliance.tasks.render import neutral

NAME = "icd10cm"
"""What `TaskPolicy.finish` says where this module applies."""

NONE = "none"
"""The model's answer where no code of a mention is documented."""

_CODE = re.compile(r"\b[A-TV-Z]\d[0-9A-Z]\.[0-9A-Z]{1,4}\b")
"""Written like a code with its dot; without the dot ``B12`` and ``T20`` are words of their own."""

WITHHELD_CODE = "[withheld: not an ICD-10-CM code]"

_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """The mentions of one note and their choices."""

    note: ClinicalText
    mentions: tuple[Mention, ...]

    def question(self) -> str:
        """Return the list of mentions and choices for the prompt."""
        note = neutral(self.note.reveal())
        blocks = [self._block(note, number, mention) for number, mention in enumerate(self.mentions, start=1)]
        return "\n\n".join(blocks) or "(no mention points to a code)"

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema that lets the engine write one choice a mention and nothing else."""
        properties = {
            f"m{number}": {"type": "string", "enum": [*(choice.code for choice in mention.choices), NONE]}
            for number, mention in enumerate(self.mentions, start=1)
        }
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    def codes(self, chosen: Mapping[str, object], icd10: Icd10Table) -> list[dict[str, object]]:
        """Return the chosen codes with description and evidence, each code once, all of the real table."""
        codes: dict[str, dict[str, object]] = {}
        note = self.note.reveal()
        for number, mention in enumerate(self.mentions, start=1):
            code = str(chosen.get(f"m{number}", NONE))
            description = icd10.description(code)
            if description is None or code in codes or code not in {choice.code for choice in mention.choices}:
                continue
            evidence = {"text": note[mention.start : mention.end], "start": mention.start, "end": mention.end}
            codes[code] = {"code": code, "description": description, "evidence": evidence}
        return list(codes.values())

    def _block(self, note: str, number: int, mention: Mention) -> str:
        start, end = mention.context
        context = _BLANKS.sub(" ", note[start:end]).strip()
        lines = [f'm{number}: "{note[mention.start : mention.end]}" in: {context}']
        return "\n".join([*lines, *(f"- {choice.code}: {choice.description}" for choice in mention.choices)])


def read_note(note: ClinicalText, icd10: Icd10Table) -> Coding:
    """Find the mentions of a note."""
    return Coding(note=note, mentions=mentions(note.reveal(), icd10))


def without_invented_codes(text: ClinicalText, icd10: Icd10Table) -> tuple[ClinicalText, int]:
    """Return a free answer with every code that does not exist withheld, and how many were."""
    invented = 0

    def _replace(match: re.Match[str]) -> str:
        nonlocal invented
        if icd10.description(match[0]) is not None:
            return match[0]
        invented += 1
        return WITHHELD_CODE

    return ClinicalText(_CODE.sub(_replace, text.reveal())), invented
