"""Everything that must be true before the first process starts, checked in the order of what is cheap to say.

1. limits of this process: no core file, files for this user alone;  2. ports;  3. policy bundle;
4. weights and the engine's environment, unless another server stands in its place;
5. the trail's settings;  6. folders, leftovers of a killed supervisor, certificates, keys of the trail.

Each failure names its cause and what to do; then nothing has been started.
"""

import os
import subprocess
from collections.abc import Callable

from appliance.auth.certificates import Certificates, default_hosts, ensure_certificates
from appliance.cli.supervisor_claims import check_ports
from appliance.cli.supervisor_leftovers import end_leftovers
from appliance.cli.supervisor_plan import environment, python
from appliance.config import CHECKOUT, Config, make_private
from appliance.errors import BrokenError, ConfigError
from appliance.models.manifest import FILE_NAME as MANIFEST
from appliance.models.verify import verify
from appliance.policy.load import load_bundle
from audit.errors import SettingsError
from audit.hardening import PRIVATE_UMASK
from audit.settings import FILE_NAME, read_settings

KEYS_WITHIN_S = 120.0
"""Making the trail's keys derives one from a passphrase, slow on purpose; a busy machine gets two minutes."""


def restrict() -> None:
    """Let no other user read what is written; `__main__` has closed the process by `audit.hardening` before."""
    os.umask(PRIVATE_UMASK)


def prepare(config: Config, *, announce: Callable[[str], None]) -> Certificates:
    """Check and make everything that the programs need.  The home folder MUST be claimed by the caller.

    Raises StartConflictError, PolicyInvalidError, ManifestMismatchError, ConfigError or BrokenError.
    """
    end_leftovers(config, (CHECKOUT, config.engine_home))
    check_ports(config)
    bundle = load_bundle(config.policies)
    announce(f"{'policy':<11} {len(bundle.tasks)} tasks, sha256:{bundle.digest[:12]}")
    if config.engine.upstream is None:
        _check_engine(config)
        manifest = verify(config.engine.model)
        announce(f"{'weights':<11} every byte as pinned, sha256:{manifest.digest[:12]}")
    _check_trail_settings(config)
    for folder in (config.run, config.log, config.secrets, config.engine_home):
        make_private(folder)
    certificates = ensure_certificates(config.tls, default_hosts(config.host))
    _make_trail_keys(config)
    return certificates


def _check_trail_settings(config: Config) -> None:
    """Raise ConfigError unless the trail's settings hold and name the same policy: officers' rights stand in it."""
    try:
        policies = read_settings(config.home).policies
    except SettingsError as error:
        raise ConfigError(str(error)) from error
    if policies.resolve() != config.policies.resolve():
        message = (
            f"{config.home / FILE_NAME}: the officers' policies are in {policies} and the gateway's in"
            f" {config.policies}; name the same folder as 'policies' in both files."
        )
        raise ConfigError(message)


def _check_engine(config: Config) -> None:
    if not (config.engine.model / MANIFEST).exists():
        message = f"There is no model in {config.engine.model}; run 'make run', or 'appliance model prepare'."
        raise ConfigError(message)
    if not os.access(config.engine.python, os.X_OK):
        message = f"There is no engine environment at {config.engine.python}; run 'make run', which builds it."
        raise ConfigError(message)


def _make_trail_keys(config: Config) -> None:
    # At every start: it makes only what is missing, such as the keys of the months that have come near.  And in a
    # process of its own: the appliance may not hold the trail's private keys, not even for a moment.
    try:
        done = subprocess.run(  # noqa: S603  # our own module, no shell
            python("audit", {"keys": "init", "--home": config.home}),
            env=environment(),
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=KEYS_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BrokenError("Making the keys of the trail took too long; look at the machine's load.") from error
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
        raise BrokenError(f"The keys of the trail could not be made: {last}")
