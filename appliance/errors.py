"""Every error that the appliance raises on purpose, and nothing else.

The class says whose move it is; the code is stable and public; the sentence is public too, says what to
do next, and never holds input text, a header or a foreign exception's words.  `detail` is for the log only
and MUST NOT hold PHI either.  Layers below `api` know no status code: `api/problems.py` is the only map.

::

    ApplianceError
    ├── RefusedError                    the caller or the request; we never retry it
    │   ├── NotAuthenticatedError       no proof, or a wrong one: the same answer for both
    │   ├── NotPermittedError           policy says no; carries its Decision
    │   ├── InvalidRequestError         the request is malformed; names the field
    │   │   ├── RequestTooLargeError
    │   │   ├── ContextTooLongError
    │   │   ├── UnsupportedMediaTypeError
    │   │   ├── UnknownParameterError   a field that this surface does not have
    │   │   └── UnsupportedParameterError   a field that the surface has and we refuse by name
    │   ├── UnknownTaskError
    │   ├── UnknownExchangeError
    │   ├── RouteRefusedError           no route is open on the evidence; carries its reasons
    │   ├── ModelRefusedError           the managed model declined; an answer, never routed around
    │   ├── PhiBlockedError             the text may not leave: an identifier that cannot be replaced safely
    │   ├── DeadlineExceededError       the caller's own deadline or ours for the body has passed
    │   │   └── BodyTooSlowError        the body did not arrive in time
    │   ├── CallerGoneError             nobody is listening any more
    │   └── TooBusyError                full; says after how many seconds to come back
    ├── UnavailableError                a part that we need; may be retried
    │   ├── EngineError
    │   │   ├── EngineTimeoutError
    │   │   ├── EngineOverloadedError
    │   │   ├── EngineRejectedError     the engine read the request and said no
    │   │   └── EngineBrokenStreamError the answer stopped before its end
    │   ├── AuditUnavailableError
    │   │   ├── TrailQuarantinedError   the trail is not the one that was signed; it is read-only
    │   │   └── DiskReservedError       the trail's disk is down to its reserve
    │   ├── EscalationError             the broker could not or would not send it
    │   │   ├── ProviderUnavailableError    nothing of an answer came; another provider may be asked
    │   │   ├── ProviderTimeoutError
    │   │   ├── ProviderRejectedError       the provider read the request and said no
    │   │   └── ProviderBrokenStreamError   the answer stopped before its end
    │   ├── PhiGuardUnavailableError    a part of the PHI guard is missing, late or wrong
    │   └── OutputRejectedError         the model's answer failed the task's own checks
    └── BrokenError                     an invariant failed; stop and tell the operator
        ├── ManifestMismatchError
        ├── PolicyInvalidError
        ├── RegistryInvalidError        the client registry cannot be read, so nobody is let in
        └── ConfigError
"""

from typing import ClassVar

from appliance.decision import Decision


class ApplianceError(Exception):
    """Carry a stable public code, one public sentence, and a detail for the log."""

    code: ClassVar[str] = "internal_error"
    """Stable and public; listed with what to do in ARCHITECTURE.md."""

    sentence: ClassVar[str] = "The appliance could not do this; its operator finds the reason in the log."
    """What the caller reads when the raiser has nothing better to say."""

    def __init__(self, public: str | None = None, *, detail: str = "") -> None:
        """Take a public sentence, the class's own by default, and a detail for the log."""
        self.public = public or self.sentence
        self.detail = detail
        self.exchange_id = ""
        """Set by `pipeline` once the request has a record, so that a refusal can be looked up too."""

        self.downtime_text = ""
        """Set by `pipeline` once the task is known: what a person does instead."""
        super().__init__(self.public)


class RefusedError(ApplianceError):
    """Blame the caller or the request; the same request will be refused again."""

    code = "refused"
    sentence = "The request was refused."


class NotAuthenticatedError(RefusedError):
    """Answer a missing, wrong, unknown or revoked proof, all with the same words."""

    code = "not_authenticated"
    sentence = "Send a valid API key as 'Authorization: Bearer <key>'; keys are issued by the appliance's operator."


class NotPermittedError(RefusedError):
    """Refuse what policy does not permit, with the decision that says why."""

    code = "not_permitted"
    sentence = "Policy does not permit this; ask the operator to see 'appliance policy explain'."

    def __init__(self, decision: Decision) -> None:
        """Take the decision whose reasons the caller is told."""
        self.decision = decision
        super().__init__(decision.sentence())


class InvalidRequestError(RefusedError):
    """Name the field that is wrong and what it should be, never its value."""

    code = "invalid_request"
    sentence = "The request is not valid."

    def __init__(self, public: str, *, field: str | None = None, detail: str = "") -> None:
        """Take a sentence and the path of the offending field, such as ``messages[0].content``."""
        self.field = field
        super().__init__(public, detail=detail)


class RequestTooLargeError(InvalidRequestError):
    """Refuse a body or header set above its cap before it is parsed."""

    code = "request_too_large"


class ContextTooLongError(InvalidRequestError):
    """Refuse prompt plus answer above the model's context before the engine is bothered."""

    code = "context_length_exceeded"


class UnsupportedMediaTypeError(InvalidRequestError):
    """Refuse a body that is not plain JSON, or that is compressed."""

    code = "unsupported_media_type"


class UnknownParameterError(InvalidRequestError):
    """Refuse a field that this surface does not have, instead of ignoring what the caller meant by it."""

    code = "unknown_parameter"


class UnsupportedParameterError(InvalidRequestError):
    """Refuse by name a field of the surface that the appliance does not serve."""

    code = "unsupported_parameter"


class UnknownTaskError(RefusedError):
    """Say that no task has this name in the policy in force."""

    code = "unknown_task"
    sentence = "No task has this name; GET /v1/models lists the tasks that you may use."


class UnknownExchangeError(RefusedError):
    """Answer an exchange that does not exist and one of another client alike."""

    code = "unknown_exchange"
    sentence = "No such exchange for this caller."


class RouteRefusedError(RefusedError):
    """Refuse because no route is open for this task on the evidence; `reasons` say which number fell short."""

    code = "route_refused"
    sentence = "No route is open for this task."

    def __init__(self, public: str, *, reasons: tuple[str, ...]) -> None:
        """Take the sentence with the numbers and every reason."""
        self.reasons = reasons
        super().__init__(public)


class PhiBlockedError(RefusedError):
    """Refuse to let a text leave: it holds what cannot be replaced safely, or a kind that the policy refuses."""

    code = "phi_blocked"
    sentence = "This request holds identifiers that cannot be replaced safely, so nothing was sent."


class ModelRefusedError(RefusedError):
    """Pass on that the managed model declined or its filter stopped it; nobody else is asked instead."""

    code = "model_refused"
    sentence = "The managed model declined to answer this request; use the task's downtime procedure."


class DeadlineExceededError(RefusedError):
    """Say which deadline has passed."""

    code = "deadline_exceeded"
    sentence = "The deadline for this request has passed; send it again, with a longer one if the task allows."


class BodyTooSlowError(DeadlineExceededError):
    """Stop waiting for a body that trickles in (slow-loris)."""

    code = "body_too_slow"
    sentence = "The request body did not arrive in time; send it in one go."


class CallerGoneError(RefusedError):
    """Stop work for a caller that has hung up; recorded as cancelled, never answered."""

    code = "caller_gone"
    sentence = "The caller closed the connection."


class TooBusyError(RefusedError):
    """Refuse because every place is taken; nothing was queued."""

    code = "too_busy"
    sentence = "The appliance is at capacity; try again after the time in Retry-After."

    def __init__(self, public: str | None = None, *, retry_after_s: int) -> None:
        """Take the whole seconds after which a place is likely."""
        self.retry_after_s = retry_after_s
        super().__init__(public)


class UnavailableError(ApplianceError):
    """Blame a part that we need; the same request may succeed later."""

    code = "unavailable"
    sentence = "A part of the appliance is not available; try again later."
    retry_after_s: ClassVar[int] = 5
    """Whole seconds after which the part may be back: the supervisor's first restart delay and one boot check."""


class EngineError(UnavailableError):
    """Say that the inference engine cannot answer now."""

    code = "engine_unavailable"
    sentence = "The inference engine is not ready; GET /readyz says why. Use the task's downtime procedure."


class EngineTimeoutError(EngineError):
    """Say that the engine did not finish before the deadline."""

    code = "engine_timeout"
    sentence = "The inference engine did not finish before the deadline."


class EngineOverloadedError(EngineError):
    """Say that the engine's own queue is full, our admission's backstop."""

    code = "engine_overloaded"
    sentence = "The inference engine is at capacity; try again later."


class EngineRejectedError(EngineError):
    """Say that the engine read the request and refused it."""

    code = "engine_rejected"
    sentence = "The inference engine cannot serve this combination of parameters; simplify its format."


class EngineBrokenStreamError(EngineError):
    """Say that the answer stopped before its end; what came is not a whole answer."""

    code = "engine_stream_broken"
    sentence = "The inference engine stopped before the answer was complete; discard the part that came and send again."


class AuditUnavailableError(UnavailableError):
    """Say that no record can be made, so no answer can be given."""

    code = "audit_unavailable"
    sentence = "The audit recorder cannot make a durable record, so no answer can be given; /readyz says why."


class TrailQuarantinedError(AuditUnavailableError):
    """Say that the trail is read-only, because it is not the one that was signed."""

    code = "trail_quarantined"
    sentence = (
        "The audit trail does not fit what was signed, so it is read-only and no answer can be given; a person must"
        " look: 'audit verify' says where."
    )


class DiskReservedError(AuditUnavailableError):
    """Say that the trail's disk is down to its reserve, so no new request is taken."""

    code = "disk_reserved"
    sentence = (
        "The audit trail's disk is down to its reserve, so no new request is taken; it goes on by itself once space"
        " is freed."
    )


def audit_unavailable(code: str) -> AuditUnavailableError:
    """Return the error that a refusal by the recorder stands for, by the recorder's stable code."""
    kinds = (TrailQuarantinedError, DiskReservedError)
    kind = next((kind for kind in kinds if kind.code == code), AuditUnavailableError)
    return kind(detail=code)


class EscalationError(UnavailableError):
    """Say that the broker could not or would not send the request to a managed API."""

    code = "escalation_unavailable"
    sentence = "The managed route is not available."


class ProviderUnavailableError(EscalationError):
    """Say that a provider could not take the request or was not asked; nothing of an answer came."""

    code = "provider_unavailable"
    sentence = "The managed provider cannot answer now; try again later, or use the task's downtime procedure."

    def __init__(self, public: str | None = None, *, provider: str, detail: str = "", retry_s: int = 0) -> None:
        """Take the provider's name in the register and, where it said so, the seconds after which to come back."""
        self.provider = provider
        self.retry_s = retry_s
        super().__init__(public, detail=detail)


class ProviderTimeoutError(EscalationError):
    """Say that a provider did not finish before the deadline."""

    code = "provider_timeout"
    sentence = "The managed provider did not finish before the deadline."


class ProviderRejectedError(EscalationError):
    """Say that a provider read the request and would not process it, or would not accept our credential."""

    code = "provider_rejected"
    sentence = "The managed provider would not process this request; 'appliance status' and the broker's log say why."


class ProviderBrokenStreamError(EscalationError):
    """Say that a provider's answer stopped or broke before its end; what came is not a whole answer."""

    code = "provider_stream_broken"
    sentence = "The managed provider's answer broke off or was malformed; discard the part that came and send again."


class PhiGuardUnavailableError(UnavailableError):
    """Say that a part of the PHI guard is missing, late or wrong, so nothing may leave the building."""

    code = "phi_guard_unavailable"
    sentence = (
        "The PHI guard cannot answer for this text, so nothing was sent; 'appliance doctor' names the part that fails."
    )


class OutputRejectedError(UnavailableError):
    """Say that the model's answer failed the task's own output checks and is withheld."""

    code = "output_rejected"
    sentence = "The model's answer failed the task's output checks and is withheld; send the request again."


class BrokenError(ApplianceError):
    """Name a broken invariant; the program stops and the operator is told."""

    code = "broken"
    sentence = "The appliance found itself in a state that must not be; it stopped."


class ManifestMismatchError(BrokenError):
    """Name the file whose bytes are not those pinned."""

    code = "manifest_mismatch"
    sentence = "The model on disk is not the model that was pinned; run 'appliance model verify'."


class PolicyInvalidError(BrokenError):
    """Name file, line and reason of a policy bundle that cannot be loaded."""

    code = "policy_invalid"
    sentence = "The policy bundle is not valid."


class RegistryInvalidError(BrokenError):
    """Say that the client registry cannot be read, so that nobody can be let in."""

    code = "registry_invalid"
    sentence = "The client registry cannot be read, so nobody can be let in; the operator finds the reason in /readyz."


class ConfigError(BrokenError):
    """Name the setting that is wrong and what it should be."""

    code = "config_invalid"
    sentence = "The configuration is not valid."
