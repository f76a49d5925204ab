"""Reads a provider's credential from its file, each time that it is needed.

The folder is ``HOME/broker/credentials``, or what systemd made for the unit (``LoadCredential=``).  A file that others
may read, that is a link or somebody else's is refused: it may be known, or not ours.  Reading anew costs
microseconds and makes a rotated credential count with the next request.  What is read MUST NOT reach a log, an error,
an argument or the environment; only names of files do.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from appliance.broker.not_sent import NotSentError
from appliance.broker.providers.adapter import Secret
from appliance.config import CREDENTIALS_FOLDER, is_private
from appliance.policy.register import Provider

MAX_BYTES = 16 * 1024
"""The largest is a JSON object with a session token of AWS, about 2 KiB."""


def credentials_folder(home: Path, environment: Mapping[str, str]) -> Path:
    """Return the folder that holds the credentials of the broker with this home."""
    given = environment.get(CREDENTIALS_FOLDER)
    return Path(given) if given else home / "credentials"


class Credentials:
    """The folder with the credentials; holds none of them."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; nothing is opened yet."""
        self._folder = folder

    def problem(self, provider: Provider) -> str:
        """Say in a clause why the credential cannot be used; empty if it can."""
        try:
            self.read(provider)
        except NotSentError as error:
            return error.reason.removeprefix("Nothing was sent: ").removesuffix(".")
        return ""

    def read(self, provider: Provider) -> Secret:
        """Return the credential.  Raises NotSentError saying what is wrong with its file and what to do.

        A stand-in of the sandbox may have none.
        """
        name = provider.credential
        if not name and provider.sandbox:
            return Secret("")
        if not name or "/" in name or name in {".", ".."}:
            raise _refused(name, "is not named in the register; set 'credential' in providers.yaml")
        try:
            content = _content(self._folder / name)
        except OSError as error:
            raise _refused(name, f"cannot be read ({type(error).__name__}); put it into {self._folder}") from error
        except _UnfitError as error:
            raise _refused(name, str(error)) from error
        return Secret(content)


class _UnfitError(Exception):
    """Say what is wrong with a file, in a clause that follows its name."""


def _content(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise _UnfitError("is no ordinary file; replace it by one")
        if status.st_uid not in {0, os.getuid()}:
            raise _UnfitError("belongs to another user; give it to the broker's")
        if not is_private(status, user=os.getuid()):
            raise _UnfitError("can be read by others; take it as known, replace the credential and 'chmod 600' it")
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise _UnfitError(f"is larger than {MAX_BYTES} bytes, which no credential is")
    try:
        text = data.decode("ascii").strip("\r\n \t")
    except UnicodeDecodeError:
        # Without the cause: it would carry the file's bytes along.
        text = ""
    if not text or not text.replace("\n", "").replace("\t", "").isprintable():
        raise _UnfitError("is empty or holds characters that no credential has; write it anew")
    return text


def _refused(name: str, clause: str) -> NotSentError:
    return NotSentError("no_credential", f"the provider's credential file {name!r} {clause}")
