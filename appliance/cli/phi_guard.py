"""Opens the guard for a command: the site's policy and the pinned models, as a running appliance uses them."""

from collections.abc import Sequence
from pathlib import Path

from appliance.cli.options import settings
from appliance.config import Config
from appliance.errors import ConfigError, PhiGuardUnavailableError
from appliance.evaluation.detector import Detector
from appliance.phi.analyzer import Analyzer
from appliance.phi.findings import Finding
from appliance.phi.settings import GuardSettings, Site
from appliance.policy.load import load_bundle


def open_settings(home: Path | None) -> tuple[Config, GuardSettings]:
    """Return the configuration and what the policy says of the guard.  Raises ConfigError or PolicyInvalidError."""
    if home is not None and not home.expanduser().is_dir():
        # Without this a misspelt folder would mean the shipped policy, and a site's own list would not be looked for.
        raise ConfigError(f"--home: {home} is no folder; name the one that 'appliance up' uses.")
    config = settings(home)
    return config, load_bundle(config.policies).guard


def open_detector(home: Path | None) -> Detector:
    """Return the guard's detection.  Raises PhiGuardUnavailableError saying how the models are fetched."""
    config, guard = open_settings(home)
    return Detector(open_analyzer(config, guard.site))


def open_analyzer(config: Config, site: Site) -> Analyzer:
    """Load the models.  Raises PhiGuardUnavailableError saying how they are fetched."""
    try:
        return Analyzer.open(config.guard_models, site=site)
    except PhiGuardUnavailableError as error:
        raise PhiGuardUnavailableError(
            f"The PHI guard's models in {config.guard_models} cannot be used; run 'make gateway', which fetches them"
            " ('.ci/guard-models' does it alone). 'appliance doctor' names the file.",
            detail=error.detail,
        ) from error


class InProcess:
    """Finds in this process what `phi.worker` finds in one of its own: a command handles one text and ends."""

    def __init__(self, analyzer: Analyzer) -> None:
        """Take the analyzer, opened with the site's list."""
        self._analyzer = analyzer

    async def use(self, site: Site) -> None:
        """Do nothing: the analyzer was opened with the list of the policy on disk, which is the one in use here."""

    async def find(self, texts: Sequence[str]) -> list[tuple[Finding, ...]]:
        """Return the findings of each text."""
        return [self._analyzer.find(text) for text in texts]
