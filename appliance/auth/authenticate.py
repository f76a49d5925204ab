"""From a proof to an `Actor`, or one and the same refusal.

A missing, malformed, wrong, unknown or revoked key gets the same words and does the same work: one hash and one
constant-time comparison, against a hash that nothing can have when the client is unknown, so that neither the
answer nor its time tells which ids exist.
"""

from appliance.auth.api_keys import ApiKey, hash_key, is_same_hash, parse_key
from appliance.auth.registry import Registry
from appliance.errors import NotAuthenticatedError
from appliance.exchange import Actor

MAX_HEADER_CHARACTERS = 256
"""A key has 68 characters; longer headers are not worth parsing."""

_NOBODY = ApiKey(client_part="0" * 16, secret="0" * 43)
"""Hashed in place of a malformed key, to spend the same time."""

_UNMATCHABLE = "-" * 64
"""Compared with when there is no such client; no hex digest equals it."""


class Authenticator:
    """Proves callers against the registry."""

    def __init__(self, registry: Registry) -> None:
        """Take the registry, which is read afresh when its file changes."""
        self._registry = registry

    def authenticate(self, authorization: str | None) -> Actor:
        """Return the caller whose key this ``Authorization`` header holds.

        Raises NotAuthenticatedError, alike for every way to be wrong, and RegistryInvalidError.
        """
        key = parse_key(_bearer(authorization)) or _NOBODY
        client = self._registry.find(f"client_{key.client_part}")
        is_known = client is not None and client.revoked is None
        expected = client.key_hash if client is not None and is_known else _UNMATCHABLE
        is_proven = is_same_hash(hash_key(key, self._registry.pepper), expected)
        if client is None or not is_proven:
            raise NotAuthenticatedError
        return client.to_actor()


def _bearer(authorization: str | None) -> str:
    if authorization is None or len(authorization) > MAX_HEADER_CHARACTERS:
        return ""
    scheme, _, credentials = authorization.partition(" ")
    return credentials.strip(" ") if scheme.lower() == "bearer" else ""
