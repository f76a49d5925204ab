"""The register of calling integrations: one JSON file, changed by the operator's command, read by the gateway.

The gateway looks at the file's identity (device, inode, size, time) before each use and reads it again when it
changed, so a revoked key stops working with the next request.  A file that cannot be read in full lets nobody
in (fail closed) and `/readyz` says so.  The file holds no key, only keyed hashes.

::

    registry = Registry.open(config.clients, config.secrets)
    client, key = registry.add(name="his", tenant="sandbox", tasks=["medical-coding"], roles=["integration"])
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from appliance.auth.api_keys import hash_key, load_pepper, new_key
from appliance.auth.private_file import locked, write_private
from appliance.clock import Clock
from appliance.config import enter_private
from appliance.errors import ConfigError, RegistryInvalidError
from appliance.exchange import Actor

FORMAT = 1
"""Version of the file; a reader refuses any other."""

_NAME_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}", re.ASCII)
_Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]{0,63}$")]
_Identity = tuple[int, int, int, int]


class Client(BaseModel):
    """One calling integration, as registered."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: Annotated[str, StringConstraints(pattern=r"^client_[0-9a-f]{16}$")]
    name: _Name
    tenant: _Name
    tasks: tuple[str, ...]
    """Tasks that the operator granted."""

    roles: tuple[str, ...]
    """Role names of ``policies/roles.yaml``."""

    key_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(repr=False)
    """HMAC-SHA256 of the key under the pepper."""

    created: str
    """ISO 8601, UTC."""

    revoked: str | None = None
    """ISO 8601, UTC; None while the key is good."""

    def to_actor(self) -> Actor:
        """Return the caller that a proof of this client's key stands for."""
        return Actor(
            client_id=self.id,
            name=self.name,
            tenant=self.tenant,
            roles=frozenset(self.roles),
            tasks=frozenset(self.tasks),
        )


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: int
    clients: tuple[Client, ...]

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        if self.format != FORMAT:
            raise ValueError(f"format must be {FORMAT}")
        if len({client.id for client in self.clients}) != len(self.clients):
            raise ValueError("a client id stands twice")
        return self


class Registry:
    """The registered clients, always as the file says now."""

    def __init__(self, *, path: Path, pepper: bytes, clock: Clock | None = None) -> None:
        """Take the file and the pepper under which its hashes were made."""
        self._path = path
        self.pepper = pepper
        """For `authenticate` alone."""

        self._clock = clock or Clock()
        self._identity: _Identity | None = None
        self._clients: Mapping[str, Client] = {}
        """By id; the content that belongs to `_identity`.  Owned by the event loop's thread."""

        self._failure: RegistryInvalidError | None = None

    @classmethod
    def open(cls, clients: Path, secrets: Path) -> Self:
        """Open the registry of a home folder.  Raises ConfigError if clients exist and the pepper is lost."""
        enter_private(clients.parent)
        return cls(path=clients, pepper=load_pepper(secrets, create=not clients.exists()))

    def list(self) -> tuple[Client, ...]:
        """Return every client, revoked ones too, oldest first.  Raises RegistryInvalidError."""
        return tuple(self._current().values())

    def find(self, client_id: str) -> Client | None:
        """Return one client or None.  Raises RegistryInvalidError."""
        return self._current().get(client_id)

    def check(self) -> None:
        """Raise RegistryInvalidError if the file cannot be read in full."""
        self._current()

    def add(
        self,
        *,
        name: str,
        tenant: str,
        tasks: Iterable[str],
        roles: Iterable[str],
        record: Callable[[Client], object] = lambda _client: None,
    ) -> tuple[Client, str]:
        """Register a client and return it with its key, which is never to be had again.

        `record` is told of the client before it is let in; what it raises keeps the client out.
        Raises ConfigError if the name is taken or has other characters than letters, digits, blank and ``._-``.
        """
        for word in (name, tenant):
            if not _NAME_FORM.fullmatch(word):
                raise ConfigError("A name has 1 to 64 letters, digits, blanks, '.', '_' or '-'; choose such a name.")
        key = new_key()
        client = Client(
            id=f"client_{key.client_part}",
            name=name,
            tenant=tenant,
            tasks=tuple(sorted(set(tasks))),
            roles=tuple(sorted(set(roles))),
            key_hash=hash_key(key, self.pepper),
            created=_stamp(self._clock.now()),
        )
        with locked(self._path):
            clients = self.list()
            if any(other.name == name and other.revoked is None for other in clients):
                raise ConfigError(f"A client named '{name}' exists; choose another name or revoke that one first.")
            record(client)
            self._write((*clients, client))
        return client, key.text()

    def revoke(self, id_or_name: str) -> Client:
        """End a client's key and return the client.  Raises ConfigError if there is no such active client."""
        with locked(self._path):
            clients = self.list()
            for client in clients:
                if client.revoked is None and id_or_name in {client.id, client.name}:
                    ended = client.model_copy(update={"revoked": _stamp(self._clock.now())})
                    self._write(tuple(ended if other is client else other for other in clients))
                    return ended
        raise ConfigError("No active client has this id or name; 'appliance client list' shows them.")

    def _write(self, clients: tuple[Client, ...]) -> None:
        content = _File(format=FORMAT, clients=clients).model_dump_json(indent=1)
        write_private(self._path, content.encode() + b"\n")

    def _current(self) -> Mapping[str, Client]:
        identity = self._read_identity()
        if identity != self._identity:
            self._identity, self._failure = identity, None
            try:
                self._clients = _read(self._path) if identity else {}
            except RegistryInvalidError as error:
                self._clients, self._failure = {}, error
        if self._failure:
            raise self._failure
        return self._clients

    def _read_identity(self) -> _Identity | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RegistryInvalidError(detail=f"stat: {type(error).__name__}") from error
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _read(path: Path) -> Mapping[str, Client]:
    try:
        file = _File.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RegistryInvalidError(detail=f"read: {type(error).__name__}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise RegistryInvalidError(detail=f"{where}: {first['type']}") from error
    return {client.id: client for client in file.clients}


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
