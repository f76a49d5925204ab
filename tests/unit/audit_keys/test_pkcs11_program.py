"""What the program that speaks to a token answers, asked within the test's own process."""

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType, TokenFlag

from audit.keyring.pkcs11_program import TokenRefusal, answered, check_flags
from tests.support.softhsm import LABEL, PIN, SoftToken, soft_token

IDENTITY = b"audit/1/root\nhospital.example/a1\n".hex()
ROOT = bytes(range(32)).hex()


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> SoftToken:
    """Return the one token of this process: a library reads its configuration once."""
    made = soft_token(tmp_path_factory.mktemp("hsm") / "tokens")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SOFTHSM2_CONF", str(made.configuration))
        pkcs11.lib(str(made.module))
    return made


def ask(soft: SoftToken, op: str, **changes: str) -> dict[str, str]:
    return answered(
        {
            "op": op, "module": str(soft.module), "token": LABEL, "pin": PIN, "key": "", "data": ROOT,
            "identity": IDENTITY, **changes,
        }
    )  # fmt: skip


def test_what_a_key_wraps_it_gives_back_and_another_identity_does_not(token: SoftToken) -> None:
    made = ask(token, "make")
    again = ask(token, "wrap", key=made["key"])

    assert again["key"] == made["key"]
    assert made["root"] != again["root"]
    for wrapped in (made, again):
        assert ask(token, "unwrap", key=made["key"], data=wrapped["root"]) == {"root": ROOT}
    other = ask(token, "unwrap", key=made["key"], data=made["root"], identity=b"other".hex())
    assert other["refused"] == "opens"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [({"pin": "0000"}, "pin"), ({"token": "absent"}, "token"), ({"key": "00"}, "key"), ({"module": "/x.so"}, "module")],
)
def test_each_refusal_has_its_name(token: SoftToken, changes: dict[str, str], refusal: str) -> None:
    assert ask(token, "unwrap", **changes)["refused"] == refusal


@pytest.mark.parametrize(
    ("attribute", "op", "refusal"),
    [
        (Attribute.EXTRACTABLE, "wrap", "extractable"),
        (Attribute.ENCRYPT, "wrap", "mechanism"),
        (Attribute.DECRYPT, "unwrap", "mechanism"),
    ],
)
def test_a_key_that_is_not_as_we_make_it_is_not_used(
    token: SoftToken, attribute: Attribute, op: str, refusal: str
) -> None:
    template = {Attribute.EXTRACTABLE: False, attribute: attribute is Attribute.EXTRACTABLE}
    library = pkcs11.lib(str(token.module))
    with library.get_token(token_label=LABEL).open(user_pin=PIN, rw=True) as session:
        name = attribute.name.encode()
        session.generate_key(KeyType.AES, 256, id=name, store=True, template=template)

    assert ask(token, op, key=name.hex())["refused"] == refusal


@pytest.mark.parametrize(
    ("flags", "name"), [(TokenFlag.USER_PIN_LOCKED, "locked"), (TokenFlag.USER_PIN_FINAL_TRY, "final")]
)
def test_a_token_that_the_next_wrong_pin_locks_is_not_asked(flags: TokenFlag, name: str) -> None:
    with pytest.raises(TokenRefusal, match=name):
        check_flags(flags)


def test_a_token_without_warnings_is_asked() -> None:
    check_flags(TokenFlag.LOGIN_REQUIRED | TokenFlag.USER_PIN_COUNT_LOW)
