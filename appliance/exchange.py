"""The values that travel along the one path of a request (`pipeline`), from any surface to the record.

Every surface translates what it received into a `TaskRequest` and gets an `Answer` or a stream of `Delta`
back; nothing here knows HTTP, Cedar or vLLM.  Text of the patient, the caller and the model is `ClinicalText`.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from appliance.clinical_text import ClinicalText


class Surface(StrEnum):
    """The door that a request came through."""

    CHAT = "chat"
    """``/v1/chat/completions``."""

    TASKS = "tasks"
    """``/api/v1/tasks/{task}``."""


class Purpose(StrEnum):
    """Why the data is used (HL7 v3 PurposeOfUse; 45 CFR 164.506)."""

    TREATMENT = "TREAT"
    PAYMENT = "HPAYMT"
    OPERATIONS = "HOPERAT"


class DataClass(StrEnum):
    """How well data is protected, from the least to the most; the server derives it and a caller only raises it."""

    PHI = "phi"
    """Protected health information (45 CFR 160.103)."""

    SENSITIVE = "sensitive"
    """Specially protected beside HIPAA: 42 CFR Part 2, state law on HIV, genetics, mental health."""

    RESTRICTED = "restricted"
    """Never leaves the building, whatever is signed."""

    def rank(self) -> int:
        """Return the place in this order."""
        return list(DataClass).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who is calling, as proven by `auth` and never as claimed in the request."""

    client_id: str
    """Registered client, such as ``client_3f9c…``; not a secret."""

    name: str
    """The name that the operator gave it."""

    tenant: str
    """``sandbox`` or the site's own name; illustrative evidence counts in ``sandbox`` only."""

    roles: frozenset[str]
    """Role names of ``policies/roles.yaml``."""

    tasks: frozenset[str]
    """Tasks that the operator granted to this client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom and what the request is about, as the calling integration states it."""

    patients: tuple[ClinicalText, ...] = ()
    """Record numbers; one request may touch several patients."""

    user: str = ""
    """The person acting in the EHR, as the client states it; empty when it states none."""

    purpose: Purpose = Purpose.TREATMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call of a caller's tool that the model asks for or that the caller replays."""

    id: str
    name: str
    arguments: ClinicalText
    """JSON text, possibly incomplete while streaming."""

    index: int = 0
    """Position among the calls of one answer, for streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation."""

    role: str
    """``system``, ``user``, ``assistant`` or ``tool``; ``developer`` is read as ``system``."""

    content: ClinicalText
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """The caller's wishes about generation, already within the limits; None means the task's own default."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    frequency_penalty: float | None = None
    presence_penalty: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """Tools and answer format of the caller, as JSON text, passed to the engine from an allowlist."""

    tools: ClinicalText | None = None
    """JSON array of OpenAI function tools."""

    tool_choice: ClinicalText | None = None
    """JSON string or object."""

    parallel_tool_calls: bool | None = None

    response_format: ClinicalText | None = None
    """JSON object: ``text``, ``json_object`` or ``json_schema``."""

    def is_empty(self) -> bool:
        """Say whether the caller asked for no tool and no format of its own."""
        return self.tools is None and self.response_format is None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequest:
    """One request, whatever door it came through."""

    task: str
    surface: Surface
    subject: Subject = field(default_factory=Subject)

    messages: tuple[Message, ...] = ()
    """The caller's turns (chat surface); empty on the tasks surface."""

    input: ClinicalText | None = None
    """Typed input as JSON text (tasks surface); None on the chat surface."""

    people: ClinicalText | None = None
    """Whom the texts name, as JSON: FHIR Patient, RelatedPerson and Practitioner resources or plain demographics.

    The guard finds every written form of what stands there; nobody else reads it.
    """

    data_class: DataClass | None = None
    """What the caller says of its data; it counts only where it is above what the server derives."""

    restrictions: frozenset[str] = frozenset()
    """Names of ``policies/restrictions.yaml`` that the caller says apply; they are added to what the server derives."""

    sampling: Sampling = field(default_factory=Sampling)
    tools: Tools = field(default_factory=Tools)
    stream: bool = False
    deadline_s: float | None = None
    """Seconds that the caller is willing to wait; None means the task's own limit."""

    request_id: str = ""
    """``X-Request-Id`` in and out."""

    trace_id: str = ""
    """32 hex digits of W3C ``traceparent``."""


class RouteKind(StrEnum):
    """Where a request goes."""

    LOCAL = "local"
    MANAGED = "managed"
    REFUSED = "refused"


class EvidenceState(StrEnum):
    """What the evidence says about one route of one task (design section 9)."""

    MEETS = "meets"
    """The upper bound of the edit rate is at or under the threshold."""

    FAILS = "fails"
    """Enough cases, and the upper bound is above the threshold."""

    INSUFFICIENT = "insufficient"
    """Not enough cases of this very model and prompt: a state of its own, never a pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelIdentity:
    """Which model answered: what runs is what was pinned."""

    name: str
    digest: str
    """SHA-256 of the manifest, 64 hex digits; for an external upstream, of its stated identity."""

    pinned: bool = True
    """False for an upstream whose weights the appliance cannot check."""

    def label(self) -> str:
        """Return ``name@sha256:digest``, as in the Appliance-Model header."""
        return f"{self.name}@sha256:{self.digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The route chosen for one request, with every reason in plain words."""

    kind: RouteKind
    provider: str = ""
    """Name in the provider register; empty unless managed."""

    model: ModelIdentity | None = None
    """The managed model; None for a local route, whose model is the pinned one."""

    agreement: str = ""
    """Id of the agreement under which a managed request leaves."""

    sandbox: bool = False
    """True when the provider is a stand-in on this machine; every answer and record says so."""

    failover: bool = False
    """True when a managed route stands in for an engine that is down or full."""

    reasons: tuple[str, ...]
    state: EvidenceState
    illustrative: bool = False
    """True when the evidence is the reference example's and counts in the sandbox tenant only."""

    below_threshold: bool = False
    """True when the task allows a local draft although its evidence does not meet the threshold."""

    engine_missing: bool = False
    """True on a refusal whose only cause is that the engine cannot generate now; it may open again by itself."""

    provider_missing: bool = False
    """True on a refusal whose only cause is that no permitted provider can answer now; it may open again by itself."""

    def is_open(self) -> bool:
        """Say whether the request may go on."""
        return self.kind is not RouteKind.REFUSED

    def label(self) -> str:
        """Return ``local``, ``refused`` or ``managed:<provider>``, as in the Appliance-Route header."""
        return f"{self.kind.value}:{self.provider}" if self.kind is RouteKind.MANAGED else self.kind.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens counted by the engine."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """A piece of an answer; the last one has a finish reason."""

    text: ClinicalText = field(default_factory=lambda: ClinicalText(""))
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    """``stop``, ``length``, ``tool_calls``, ``content_filter`` or ``refusal``; None while the answer goes on."""

    usage: Usage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A whole answer of a model."""

    text: ClinicalText
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What the caller is told about how its request was handled, beside the answer itself."""

    id: str
    task: str
    route: Route
    model: ModelIdentity
    receipt: str
    """The recorder's signed receipt for the release, compact form (`audit/FORMAT.md`)."""

    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A released answer."""

    exchange: Exchange
    completion: Completion
    output: Mapping[str, object] | None = None
    """Typed output that passed the task's schema and checks; None for free chat."""


def new_exchange_id() -> str:
    """Return a fresh exchange id: ``ex_`` and 32 hex digits, unguessable, never derived from content."""
    return f"ex_{uuid.uuid4().hex}"
