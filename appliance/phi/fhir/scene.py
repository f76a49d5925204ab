"""What a rule sees while a resource is walked: who replaces, where it stands, and what stands beside it.

A scene belongs to one walk and is never shared; rules read it and change nothing in it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from appliance.phi.fhir.paths import Place
from appliance.phi.fhir.resource_ids import ResourceIds
from appliance.phi.fhir.table import Element, Table
from appliance.phi.findings import Kind

Replace = Callable[[Kind, str], str]
"""Returns the surrogate of a value of this kind."""

GuardText = Callable[[str], str]
"""Returns a free text with its identifiers replaced."""


@dataclass(slots=True, kw_only=True)
class Scene:
    """The walk's state and what it was given."""

    table: Table
    replace: Replace
    text: GuardText
    ids: ResourceIds
    today: date
    """The day on which ages are counted."""

    place: Place = field(default_factory=Place)
    resource_type: str = ""
    """The type of the innermost resource."""

    element: Element
    """The element that the rule is asked about."""

    parent: Mapping[str, object] = field(default_factory=dict)
    """The object in which it stands, as it came in; a rule MUST expect any JSON in it."""

    named: str = ""
    """The action of the object in which it stands: of a reference, whether its display may name a person or a place."""

    label: str = ""
    """The question to which what is walked is the answer, where there is one."""

    def beside(self, name: str) -> str:
        """Return the string that stands beside the element under this name, or an empty one."""
        value = self.parent.get(name)
        return value if isinstance(value, str) else ""
