"""Walk a resource element by element and build what may leave.

The walk keeps only what the table names.  It refuses what it does not know: resource types, elements, extensions, JSON
of another type, objects that hold themselves, and more depth or elements than a clinical resource has.  Nothing of the
input's own objects is in the output, so that a later change of one does not change the other.
"""

from collections.abc import Mapping

from appliance.phi.fhir import attachments, days, duplicates, identifiers, primitives
from appliance.phi.fhir.rules import STRINGS
from appliance.phi.fhir.scene import Scene
from appliance.phi.fhir.table import KINDS, Element, Elements, ExtensionRule
from appliance.phi.findings import Kind

DEEPEST = 200
"""Steps of a path; Synthea's deepest has 12, and the interpreter's stack holds several times this."""

MOST_ELEMENTS = 300_000
"""Elements of one resource: forty of Synthea's large bundles, and far below what objects can unfold to."""

Json = dict[str, object]


class Walk:
    """One pass over one resource."""

    def __init__(self, scene: Scene) -> None:
        """Take the scene, which is this walk's own."""
        self._scene = scene
        self._place = scene.place
        self._open: set[int] = set()
        """Identities of the lists and objects above this one: to meet one again is a cycle."""

        self._elements = 0

    def resource(self, value: object) -> Json:
        """Return a resource as it may leave."""
        kind = value.get("resourceType") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(kind, str) or kind not in self._scene.table.resources:
            self._place.refuse("is no resource of FHIR R4: 'resourceType' must name its type")
        if self._place.depth == 0:
            self._place.enter(kind)
        duplicates.check(value, self._place)
        outer, self._scene.resource_type = self._scene.resource_type, kind
        out = self._object(value, self._scene.table.types[kind])
        self._scene.resource_type = outer
        return {"resourceType": kind, **out}

    def _object(self, value: object, elements: Elements) -> Json:
        if not isinstance(value, dict):
            self._place.refuse("is not a JSON object")
        self._begin(value)
        out: Json = {}
        siblings: list[tuple[str, Element]] = []
        for number, (name, item) in enumerate(value.items(), start=1):
            element = elements.get(name) if isinstance(name, str) else None
            if element is not None:
                self._keep(out, element, item, value)
            elif isinstance(name, str) and name[:1] == "_" and (base := elements.get(name[1:])) and base.is_primitive:
                siblings.append((name, base))
            elif name != "resourceType":
                self._place.refuse(f"has an element that its type does not have in FHIR R4 (number {number} in it)")
        for name, base in siblings:
            self._keep_sibling(out, base, value[name], is_left_out=_lost(base.name, value, out))
        self._open.discard(id(value))
        return out

    def _begin(self, value: object) -> None:
        if id(value) in self._open:
            self._place.refuse("holds itself")
        if self._place.depth > DEEPEST:
            self._place.refuse(f"is nested more than {DEEPEST} steps deep")
        self._open.add(id(value))

    def _keep(self, out: Json, element: Element, item: object, parent: Json) -> None:
        if element.action == "drop":
            return
        self._place.enter(element.name)
        if element.action == "block":
            self._place.refuse("changes the meaning of what stands beside it, so nothing was sent without it")
        kept = self._list(element, item, parent) if element.many else self._one(element, item, parent)
        if kept is not None and kept not in ({}, []):
            out[element.name] = kept
        self._place.leave()

    def _list(self, element: Element, items: object, parent: Json) -> list[object]:
        if not isinstance(items, list):
            self._place.refuse("is not a list")
        self._begin(items)
        kept: list[object] = []
        gaps = isinstance(parent.get("_" + element.name), list)
        for index, item in enumerate(items):
            if item is None and gaps:
                kept.append(None)
                continue
            self._place.enter(index)
            one = self._one(element, item, parent)
            if one is not None and one != {}:
                kept.append(one)
            self._place.leave()
        self._open.discard(id(items))
        return kept

    def _one(self, element: Element, item: object, parent: Json) -> object | None:
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            self._place.refuse(f"is beyond the {MOST_ELEMENTS} elements that a resource may have")
        if element.is_primitive:
            return self._primitive(element, item, parent)
        return self._complex(element, item)

    def _primitive(self, element: Element, item: object, parent: Json) -> object | None:
        wrong = primitives.wrong_with(item, element.type)
        if wrong:
            self._place.refuse(wrong)
        if element.action == "keep":
            if primitives.is_like_an_identifier(item):
                self._place.refuse(
                    "is a number as long as a social security number; send it in a field for identifiers"
                )
            return item
        scene = self._scene
        scene.element, scene.parent = element, parent
        text = str(item)
        if not text.strip():
            return item
        if element.action == "text":
            return scene.text(text)
        if element.action in KINDS:
            return days.moved(text, scene) if element.action == "DATE" else scene.replace(Kind(element.action), text)
        return STRINGS[element.action](text, scene)

    def _complex(self, element: Element, item: object) -> Json | None:
        if element.action == "resource":
            return self.resource(item)
        if element.action in {"extension", "part"}:
            return self._extension(item, element.parts or self._scene.table.extensions)
        scene = self._scene
        outer = scene.named, scene.label
        scene.named = element.action
        self._announce(element, item)
        out = self._object(item, scene.table.types[element.type])
        scene.named, scene.label = outer
        if element.action == "quantity":
            return days.without_high_age(out, is_age=element.type == "Age")
        return attachments.noted(out, had_data=_has_data(item)) if element.action == "attachment" else out

    def _announce(self, element: Element, item: object) -> None:
        """Tell what an object is about before its parts are walked."""
        if element.action == "item" and isinstance(item, dict):
            question = item.get("text")
            self._scene.label = question if isinstance(question, str) else ""
        if element.action == "name" and (whole := identifiers.whole_name(item)).strip():
            # Asked for first, so that the surrogates of its parts are parts of one made-up name.
            self._scene.replace(Kind.NAME, whole)

    def _extension(self, item: object, known: Mapping[str, ExtensionRule]) -> Json | None:
        url = item.get("url") if isinstance(item, dict) else None
        rule = known.get(url) if isinstance(url, str) else None
        if rule is None:
            self._place.refuse("is an extension that is not in the list of those that may be sent")
        return None if rule.is_dropped else self._object(item, rule.elements)

    def _keep_sibling(self, out: Json, base: Element, item: object, *, is_left_out: bool) -> None:
        """Keep the ids and extensions of a primitive value (FHIR R4, JSON, section 2.6.2.3), unless it was left out."""
        if base.action in {"drop", "block"} or is_left_out:
            return
        self._place.enter("_" + base.name)
        elements = self._scene.table.types["Element"]
        if not base.many:
            kept: object = self._object(item, elements)
        elif isinstance(item, list):
            self._begin(item)
            kept = [None if each is None else self._object(each, elements) or None for each in item]
            self._open.discard(id(item))
        else:
            self._place.refuse("is not a list")
        if kept and kept != [None] * len(kept if isinstance(kept, list) else ()):
            out["_" + base.name] = kept
        self._place.leave()


def _lost(name: str, before: Json, after: Json) -> bool:
    """Tell whether a primitive value, or one of a list of them, was left out."""
    old, new = before.get(name), after.get(name)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) != len(new)
    return old is not None and new is None


def _has_data(item: object) -> bool:
    return isinstance(item, dict) and bool(item.get("data"))
