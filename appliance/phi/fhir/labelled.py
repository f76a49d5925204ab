"""Guard a short answer together with its question, because ``SSN`` may stand in one field and the number in another.

The text guard reads ``question: answer``; the question is taken off again where the guard left it as it was.
"""

from appliance.phi.fhir.scene import Scene


def answer(value: str, scene: Scene) -> str:
    """Return the answer to a question of a form, guarded with it."""
    return _guarded(value, scene, label=scene.label)


def measured(value: str, scene: Scene) -> str:
    """Return the words that an observation found, guarded with what was observed."""
    return _guarded(value, scene, label=_words_of(scene.parent.get("code")))


def named(value: str, scene: Scene) -> str:
    """Return a parameter's value, guarded with its name."""
    return _guarded(value, scene, label=scene.beside("name"))


def _guarded(value: str, scene: Scene, *, label: str) -> str:
    before = label.strip().rstrip(":")
    return scene.text(f"{before}: {value}").removeprefix(f"{before}: ") if before else scene.text(value)


def _words_of(concept: object) -> str:
    """Return the text of a coded concept, or the display of its first code."""
    if not isinstance(concept, dict):
        return ""
    codings = concept.get("coding")
    first = codings[0] if isinstance(codings, list) and codings else None
    found = concept.get("text") or (first.get("display") if isinstance(first, dict) else None)
    return found if isinstance(found, str) else ""
