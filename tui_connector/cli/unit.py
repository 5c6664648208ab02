"""The systemd unit of the worker, hardened as far as the worker can bear it."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from tui_connector.cli import Exit
from tui_connector.cli.out import console, print_json
from tui_connector.domain.errors import ConfigError
from tui_connector.settings.load import config_path, load_settings

if TYPE_CHECKING:
    import argparse

    from tui_connector.settings.sections import Settings

_STATE = "tui-connector"
_CREDENTIAL = "master.key"  # the name that the vault looks for
_HOMES = ("/home", "/root", "/run/user")

_UNIT = """\
# {name}.service, printed by `tui-connector service unit`: save it as /etc/systemd/system/{name}.service
#
# The user, once:       useradd --system --home-dir /var/lib/{state} --shell /usr/sbin/nologin {user}
# The master key, once: head -c 32 /dev/urandom | base64 | systemd-creds encrypt --name={credential} - {sealed}
#                       systemd-run --pipe --wait --uid={user} --property=StateDirectory={state} \\
#                         --property=StateDirectoryMode=0700 --property=UMask=0077 \\
#                         --property=LoadCredentialEncrypted={credential}:{sealed} \\
#                         {program} --config {config} keys init --source systemd
# Exit codes:           0 drained after SIGTERM · 1 failed, started again · 2 configuration refused, not started again
[Unit]
Description=tui-connector worker, SAP S/4HANA and Anaplan, {environment}
Documentation=man:systemd.exec(5)
Wants=network-online.target
After=network-online.target time-sync.target
StartLimitIntervalSec=300
StartLimitBurst=20

[Service]
Type=notify
NotifyAccess=main
ExecStart={start}
ExecReload=/bin/kill -HUP $MAINPID
WatchdogSec=60
TimeoutStartSec=90
TimeoutStopSec=90
KillMode=mixed
Restart=always
RestartSec=2
RestartPreventExitStatus=2
User={user}
StateDirectory={state}
StateDirectoryMode=0700
LoadCredentialEncrypted={credential}:{sealed}
UMask=0077
{writable}
# Memory, and no trace of it on disk
MemoryMax=1G
MemorySwapMax=0
LimitCORE=0
# Privileges
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
RestrictSUIDSGID=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictNamespaces=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
# What it sees
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
PrivateIPC=yes
PrivateMounts=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectProc=invisible
ProcSubset=pid
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX

[Install]
WantedBy=multi-user.target
"""


def unit(given: argparse.Namespace) -> int:
    """Print it, by the configuration in force; what would not work is said beside it."""
    config = config_path(given.config)
    settings = load_settings(config)
    for path in (config, Path(sys.executable)):
        if any(bad in str(path) for bad in " \t\"'\\%$"):
            raise ConfigError(f"{path} cannot stand in a unit as it is", hint="use a path of plain letters and digits")
    text = _filled(config, settings, given.user)
    warnings = _warnings(config, settings)
    if given.json:
        print_json({"unit": text, "warnings": warnings})
        return Exit.DONE
    print(text, end="")
    for warning in warnings:
        console(error=True).print(Text(f"▲ {warning}"))
    return Exit.DONE


def _filled(config: Path, settings: Settings, user: str) -> str:
    program = shlex.join([sys.executable, "-m", "tui_connector"])
    paths = sorted(map(str, _written(config, settings)))
    writable = f"ReadWritePaths={' '.join(paths)}\n" if paths else ""
    return _UNIT.format(
        name=_STATE, state=_STATE, user=user, credential=_CREDENTIAL, environment=settings.environment,
        sealed=f"/etc/{_STATE}/{_CREDENTIAL}.cred", program=program, config=config,
        start=f"{program} --config {config} --no-ui", writable=writable,
    )  # fmt: skip


def _written(config: Path, settings: Settings) -> set[Path]:
    """Folders outside the state directory into which the configuration lets the worker write."""
    wanted: list[Path | None] = [settings.evidence.file and settings.evidence.file.parent]
    if _names_its_state(settings, config):
        wanted.append(settings.state_folder)
    if settings.posting.mark is not None and settings.posting.mark.parent != settings.state_folder:
        wanted.append(settings.posting.mark.parent)
    file = settings.store.url.removeprefix("sqlite://")
    if file != "sqlite" and "://" not in file:
        wanted.append(Path(file).parent)
    return {path.resolve() for path in wanted if path is not None}


def _names_its_state(settings: Settings, config: Path) -> bool:
    left = config.parent / os.environ.get("STATE_DIRECTORY", "state")  # where it is without the setting
    return settings.state_folder != left


def _warnings(config: Path, settings: Settings) -> list[str]:
    told = [
        f"{path} is not seen by the service: ProtectHome hides {home}; install below /opt, configure in /etc"
        for path in (config, Path(sys.executable), Path(__file__).resolve())
        for home in _HOMES
        if path.is_relative_to(home)
    ]
    if settings.vault.key not in {"auto", "systemd"}:
        told.append(f'[vault] key = "{settings.vault.key}": the unit hands over a systemd credential; write "auto"')
    if settings.evidence.journal is None and settings.evidence.file is None and not settings.evidence.command:
        told.append("[evidence] names no way out: checkpoints of the audit log stay beside it")
    return told
