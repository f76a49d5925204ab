"""``appliance provider close | open | closings``: one person closes a provider at once, two open it again.

Closing lowers exposure: it needs no officer, no policy that loads and no recorder, and gateway and broker see it with
the next request.  Opening raises it: one officer asks, another one gives, and the record is durable before the list
changes.  A list that cannot be read closes everything, and only an approval of the policy makes a new one.
"""

import secrets
from typing import Annotated

import typer

from appliance.approval import Closing, ClosingList
from appliance.approval.approvals import receipt_files
from appliance.approval.closed import FILE_NAME, PROVIDER_PATTERN
from appliance.auth.private_file import locked, write_shared
from appliance.cli.officers import agree, places_of, record, register_officer, request, spend, told, waiting
from appliance.cli.options import AsJson, Home, settings
from appliance.cli.record import operator, record_operation
from appliance.cli.show import console, print_json, table
from appliance.config import Config
from appliance.durable_file import make_folder
from appliance.errors import AuditUnavailableError, ConfigError
from audit.approvals import Act, approval_view
from audit.cli.duty import now_ms
from audit.cli.frame import OfficerKeyFile
from audit.errors import ApprovalError
from audit.officers import Officer
from audit.places import Places

PROVIDER_CLOSED = "provider_closed"
PROVIDER_OPENED = "provider_opened"
"""Operations of the trail."""

FOLDER_MODE = 0o755
"""As the folder of the approvals has it."""

MAX_REASON = 200
"""Characters of a reason; it is read in a list and in the record."""

ID_BYTES = 8

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The provider's name in policies/providers.yaml.")]


@app.command()
def close(
    name: Name,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why, in a few words; no name of a patient.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Close a provider at once, also on a running appliance; two officers open it again."""
    config = settings(home)
    closing = _closing(name, reason)
    # Closed first: what closes a door never waits for the trail.
    _add(config, closing)
    facts: dict[str, str | int | bool | list[str]] = {"provider": name, "closing": closing.id, "reason": closing.reason}
    is_recorded = _record_closing(config, facts)
    if as_json:
        print_json({**closing.model_dump(), "recorded": is_recorded})
        return
    console().print(f"Provider {name} is closed from now on. 'appliance provider open {name}' asks to open it again.")


@app.command("open")
@told
def open_again(
    name: Name,
    *,
    case: Annotated[str, typer.Option("--case", help="The hospital's case number; no name of a patient.")] = "",
    approval: Annotated[str, typer.Option("--approval", help="As the other officer: the id that was printed.")] = "",
    officer_key_file: OfficerKeyFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Open a provider that was closed by hand: one officer asks with --case, another one gives with --approval."""
    config = settings(home)
    places = places_of(config)
    officer = register_officer(officer_key_file, places)
    if approval:
        _open(config, places, name, approval_id=approval, officer=officer)
        _print({"provider": name, "opened": True}, f"Provider {name} is open again.", as_json=as_json)
        return
    made = request(places, Act.CHANGE_REGISTER, _subject(_find(_list(config), name)), case=case, officer=officer)
    _print(
        approval_view(made, now_ms=now_ms()),
        f"{made.id}\nAnother officer opens it: 'appliance provider open {name} --approval {made.id}'.",
        as_json=as_json,
    )


@app.command()
def closings(*, home: Home = None, as_json: AsJson = False) -> None:
    """List the providers that are closed by hand, with the reasons."""
    config = settings(home)
    if not (config.approvals / FILE_NAME).exists() and not receipt_files(config.approvals):
        held: tuple[Closing, ...] = ()
    else:
        held = _list(config).closed
    if as_json:
        print_json([closing.model_dump() for closing in held])
        return
    console().print(table("", ("provider", "closed"), [(each.provider, each.sentence()) for each in held]))


def _closing(name: str, reason: str) -> Closing:
    try:
        return Closing(
            id=secrets.token_hex(ID_BYTES),
            provider=name,
            reason=" ".join(reason.split()),
            by=operator(),
            time_ms=now_ms(),
        )
    except ValueError as error:
        raise ConfigError(
            f"A provider's name has the form {PROVIDER_PATTERN}, and a reason 1 to {MAX_REASON} characters."
        ) from error


def _add(config: Config, closing: Closing) -> None:
    """Close a provider.  Raises ConfigError where everything is closed already, because the list cannot be read."""
    folder = config.approvals
    make_folder(folder, mode=FOLDER_MODE)
    path = folder / FILE_NAME
    with locked(path):
        is_first = not path.exists() and not receipt_files(folder)
        current = ClosingList() if is_first else _list(config)
        if any(each.provider == closing.provider for each in current.closed):
            raise ConfigError(
                f"Provider {closing.provider} is closed by hand already; see 'appliance provider closings'."
            )
        write_shared(path, current.beside(closing).to_bytes())


def _open(config: Config, places: Places, name: str, *, approval_id: str, officer: Officer) -> None:
    path = config.approvals / FILE_NAME
    with locked(path):
        current = _list(config)
        closing = _find(current, name)
        asked = waiting(places, approval_id, Act.CHANGE_REGISTER)
        if asked.subject != _subject(closing):
            raise ApprovalError(
                f"Approval {asked.id} is for {asked.subject}, not for opening {name} as it is closed now."
            )
        given = agree(places, asked, officer)
        # Recorded first: what opens a door waits for the trail.
        facts = {"provider": name, "closing": closing.id, **given.facts()}
        record(places, PROVIDER_OPENED, officer=officer, facts=facts)
        spend(places, given)
        write_shared(path, current.without(closing).to_bytes())


def _list(config: Config) -> ClosingList:
    found = ClosingList.read(config.approvals / FILE_NAME)
    if found is None:
        raise ConfigError(
            f"{config.approvals / FILE_NAME} is missing or damaged, so every provider is closed. Restore it from the "
            "backup; or remove it, and propose and approve the policy: two officers then begin a new list."
        )
    return found


def _find(current: ClosingList, name: str) -> Closing:
    found = next((each for each in current.closed if each.provider == name), None)
    if found is None:
        raise ConfigError("No provider of this name is closed by hand; 'appliance provider closings' shows them.")
    return found


def _subject(closing: Closing) -> str:
    """Return what an approval to open names: this closing and no later one."""
    return f"open/{closing.provider}/{closing.id}"


def _record_closing(config: Config, facts: dict[str, str | int | bool | list[str]]) -> bool:
    """Record a closing where a recorder takes it; the provider is closed in either case."""
    try:
        is_recorded = record_operation(config.recorder_socket, PROVIDER_CLOSED, facts)
    except AuditUnavailableError:
        is_recorded = False
    if not is_recorded:
        console(on_stderr=True).print("No recorder took the record; the provider is closed all the same.", style="dim")
    return is_recorded


def _print(members: dict[str, str] | dict[str, object], sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(members)
    else:
        console().print(sentence, soft_wrap=True)
