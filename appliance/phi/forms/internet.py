"""Every way to write a known e-mail or web address: in any case, with ``(at)`` and ``[dot]``, with blanks around.

Each form is a run of letters and digits, in which the signs are left out or spelt.
"""

from collections.abc import Iterator
from itertools import product

from appliance.phi.findings import Kind
from appliance.phi.forms.form import Form
from appliance.phi.forms.plain import squeezed

_SHORTEST_LOCAL_PART = 6
"""A shorter part before the ``@`` could be any word."""

EMAIL = Form(kind=Kind.EMAIL, recognizer="known_email")
"""What a whole address means."""

EMAIL_LOCAL_PART = Form(kind=Kind.EMAIL, recognizer="known_email_user")
"""What the part before the ``@`` means, which is a user name elsewhere."""

URL = Form(kind=Kind.URL, recognizer="known_url")
"""What a web address means."""


def email_forms(value: str) -> Iterator[tuple[str, Form]]:
    """Yield the runs that stand for an e-mail address."""
    local, at, domain = value.partition("@")
    if not at or not squeezed(local) or not squeezed(domain):
        return
    for dot, sign, domain_dot in product(("", "dot"), ("", "at"), ("", "dot")):
        yield squeezed(local.replace(".", dot)) + sign + squeezed(domain.replace(".", domain_dot)), EMAIL
    if any(map(str.isdigit, local)) and any(map(str.isalpha, local)) and len(squeezed(local)) >= _SHORTEST_LOCAL_PART:
        yield squeezed(local), EMAIL_LOCAL_PART


def url_forms(value: str) -> Iterator[tuple[str, Form]]:
    """Yield the runs that stand for a web address, with and without its scheme."""
    whole = squeezed(value)
    bare = squeezed(value.partition("://")[2]) or whole
    for run in sorted({whole, bare}):
        if run:
            yield run, URL
