"""Witnesses for tests: one in memory, that fails, hangs or disagrees as told; and real ones' certificates."""

import datetime as dt
import ipaddress
import threading
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from audit.checkpoint import sign_checkpoint
from audit.errors import AuditError
from audit.keyring import SigningKey, VerifierKey
from audit.merkle import Frontier, consistency_proof, leaf_hash


@dataclass
class MemoryWitness:
    """A witness in memory; implements `audit.witness.Witness`."""

    name: str = "memory"
    kind: str = "file"
    cosigned: str = ""
    notes: list[str] = field(default_factory=list)
    error: AuditError | None = None
    """Raised instead of taking anything."""

    attempts: int = 0
    gate: threading.Event = field(default_factory=threading.Event)
    """Cleared, it hangs until a test sets it."""

    closed: bool = False

    def __post_init__(self) -> None:
        """Let everything through at first."""
        self.gate.set()

    def confirm(self, note: str) -> None:  # noqa: ARG002  # it remembers nothing that could differ
        """Be reached, or fail as told."""
        if self.error is not None:
            raise self.error

    def publish(self, note: str, *, time_ms: int) -> None:  # noqa: ARG002  # the note is enough
        """Keep the note, or fail as told."""
        self.attempts += 1
        self.gate.wait(30)
        if self.error is not None:
            raise self.error
        self.notes.append(note)

    def close(self) -> None:
        """Say that it was closed."""
        self.closed = True


class Tree:
    """A Merkle tree in memory that proves, as the stored one does."""

    def __init__(self, leaves: list[bytes]) -> None:
        """Take the leaves."""
        self._hashes = [leaf_hash(leaf) for leaf in leaves]
        self._nodes: dict[tuple[int, int], bytes] = {}
        self._frontiers = [Frontier()]
        for place, hashed in enumerate(self._hashes):
            grown, completed = self._frontiers[-1].append(hashed)
            self._frontiers.append(grown)
            for level, node in enumerate(completed):
                self._nodes[level, place >> level] = node

    def root(self, size: int) -> bytes:
        """Return the root over the first leaves."""
        return self._frontiers[size].root()

    def prove(self, old: int, new: int) -> tuple[bytes, ...]:
        """Return a consistency proof (`audit.witness.Prover`)."""
        return consistency_proof(old, new, lambda level, index: self._nodes[level, index])


@dataclass(frozen=True)
class Authority:
    """A certification authority of a test's own, and the files that it made."""

    folder: Path
    name: str
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, folder: Path, name: str = "ca") -> "Authority":
        """Make one and write its certificate to FOLDER/NAME.pem."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} of a test")])
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_agreement=False,
            key_encipherment=False, data_encipherment=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        certificate = (
            _builder(subject, subject, key.public_key(), days=(-1, 30))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return cls(folder=folder, name=name, key=key, certificate=certificate)

    @property
    def path(self) -> Path:
        """The file with this authority's certificate."""
        return self.folder / f"{self.name}.pem"

    def issue(self, name: str, *, host: str = "localhost", days: tuple[int, int] = (-1, 20)) -> tuple[Path, Path]:
        """Write a certificate for a host, valid from and to so many days from now, and its key; return both files."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        names: list[x509.GeneralName] = [x509.DNSName(host)]
        if host == "localhost":
            names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        certificate = (
            _builder(subject, self.certificate.subject, key.public_key(), days=days)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        paths = (self.folder / f"{name}.pem", self.folder / f"{name}.key")
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return paths


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, days: tuple[int, int]
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=days[0]))
        .not_valid_after(now + dt.timedelta(days=days[1]))
    )


class SignedLog(Tree):
    """A log in memory with keys of its own: what a witness sees of one."""

    def __init__(self, leaves: list[bytes], *, origin: str = "hospital.example/a1", seed: bytes = b"\x07") -> None:
        """Take the leaves, the origin and a byte that the keys are made from."""
        super().__init__(leaves)
        self.key = SigningKey.from_seeds(origin=origin, ed25519=seed * 32, mldsa44=seed * 32)
        self._notes: dict[tuple[int, int], str] = {}

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """The log's public keys."""
        return self.key.verifier_keys()

    def note(self, size: int, *, time_s: int = 1_795_417_200) -> str:
        """Return the signed checkpoint of a size, the same for the same moment: ML-DSA signs with fresh randomness."""
        if (size, time_s) not in self._notes:
            self._notes[size, time_s] = sign_checkpoint(self.key, size=size, root=self.root(size), time_s=time_s)
        return self._notes[size, time_s]

    def write_keys(self, path: Path) -> Path:
        """Write ``verifier.keys`` and return its path."""
        path.write_text("".join(f"{key.to_vkey()}\n" for key in self.keys))
        return path
