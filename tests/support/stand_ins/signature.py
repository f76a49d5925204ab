"""Check AWS Signature Version 4 of a request as AWS would: over its very bytes, with the secret.

A proxy or transport that changes a signed header, the path or the body is found here and not at the first hospital.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from tests.support.stand_ins.connection import Received

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8}/([^/]+)/([^/]+)/aws4_request), "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)
_SKEW = timedelta(minutes=5)
"""AWS refuses a signature that is older or from further ahead."""


class SignatureError(Exception):
    """Say why a signature does not hold."""


def check_signature(received: Received, *, credential: Mapping[str, str], region: str, service: str) -> None:
    """Check a request's signature.  Raises SignatureError."""
    stated = _AUTHORIZATION.fullmatch(received.header("authorization"))
    if stated is None or stated[1] != credential["access_key_id"]:
        raise SignatureError("The security token included in the request is invalid.")
    if (stated[3], stated[4]) != (region, service):
        raise SignatureError("Credential should be scoped to a valid region and service.")
    if received.header("x-amz-security-token") != credential.get("session_token", ""):
        raise SignatureError("The security token included in the request is invalid.")
    signed = stated[5].split(";")
    needed = {"host", "x-amz-date", *(["x-amz-security-token"] if "session_token" in credential else [])}
    if not needed <= set(signed):
        raise SignatureError("Host, date and token must be signed.")
    _check_date(received.header("x-amz-date"))
    if not hmac.compare_digest(_signature(received, signed, stated[2], credential["secret_access_key"]), stated[6]):
        raise SignatureError("The request signature we calculated does not match the signature you provided.")


def _check_date(stated: str) -> None:
    moment = datetime.strptime(stated, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if abs(datetime.now(UTC) - moment) > _SKEW:
        raise SignatureError("Signature expired")


def _signature(received: Received, signed: list[str], scope: str, secret: str) -> str:
    headers = "".join(f"{name}:{' '.join(received.header(name).split())}\n" for name in signed)
    # Every service but S3 signs the path as sent with its percent signs escaped once more.
    path = quote(received.path, safe="/-_.~")
    digest = hashlib.sha256(received.body).hexdigest()
    canonical = "\n".join([received.method, path, received.query, headers, ";".join(signed), digest])
    to_sign = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            received.header("x-amz-date"),
            scope,
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()
