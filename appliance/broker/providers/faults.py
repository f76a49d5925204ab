"""Says in our own words what a provider's error status means for the caller; the provider's own words go no further.

An error's body may echo the request, so nothing of it is ever quoted: the status and the time to come back are all.
"""

from collections.abc import Mapping

from appliance.broker.outgoing import ProviderFaultError
from appliance.broker.retry import wait_of
from appliance.escalation.wire import Fault

FIRST_SERVER_ERROR = 500

_KINDS: Mapping[int, tuple[Fault, str]] = {
    401: ("unauthorized", "The provider does not accept the credential"),
    403: ("unauthorized", "The provider does not permit this to the credential"),
    404: ("rejected", "The provider does not know the model or the path"),
    408: ("timeout", "The provider gave the request up"),
    413: ("rejected", "The request is too large for the provider"),
    429: ("busy", "The provider has no room for more requests now"),
    503: ("busy", "The provider has no room for more requests now"),
    504: ("timeout", "The provider gave the request up"),
    529: ("busy", "The provider is overloaded"),
}


def from_status(status: int, headers: Mapping[str, str]) -> ProviderFaultError:
    """Return the fault that an error status stands for."""
    otherwise: tuple[Fault, str] = (
        ("unavailable", "The provider failed")
        if status >= FIRST_SERVER_ERROR
        else ("rejected", "The provider would not process the request")
    )
    fault, words = _KINDS.get(status, otherwise)
    return ProviderFaultError(fault, f"{words} (status {status}).", retry_after_s=wait_of(headers))


def broken(words: str) -> ProviderFaultError:
    """Return the fault of an answer that cannot be trusted to be whole; `words` end the sentence."""
    return ProviderFaultError("broken", f"The provider's answer {words}.")
