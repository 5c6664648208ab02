"""What the machine gives: store, disk, files and their rights, master key, worker, service unit."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tui_connector.domain.errors import ConnectorError
from tui_connector.domain.health import Check, Examined, Health
from tui_connector.domain.text import clean
from tui_connector.engine.writeback.post import FREE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tui_connector.domain.flow import Flow
    from tui_connector.store.store import Store
    from tui_connector.vault import Vault

ABOUT, KEY = "installation", "master key"
UNIT = "tui-connector.service"
UNIT_FOLDERS = (Path("/etc/systemd/system"), Path("/usr/local/lib/systemd/system"), Path("/usr/lib/systemd/system"))
_HARDENED = ("Type=notify", "WatchdogSec=", "NoNewPrivileges=yes", "ProtectSystem=strict", "UMask=0077")
_LITTLE_BYTES = 1 << 30
_FAR = ("nfs", "cifs", "smb", "9p", "fuse.sshfs", "glusterfs", "ceph")  # file systems whose locks SQLite cannot trust
_MOUNTS = Path("/proc/mounts")


@dataclass(frozen=True, slots=True)
class Place:
    """One installation on this machine. file: the store's; None where a database server keeps it."""

    config: Path
    state: Path
    file: Path | None
    mark: Path


def examine_place(place: Place, flows: Sequence[Flow], store: Store, vault: Vault) -> Examined:
    """Everything that can be said without asking a tenant."""
    return Examined(
        ABOUT,
        (
            Check("configuration", Health.OK, f"{place.config}, {len(flows)} flows"),
            *_store(place, store),
            _disk([place.state] if place.file is None else [place.state, place.file.parent]),
            _files(place),
            _key(vault),
            _worker(flows, store),
            _unit(store),
        ),
    )


def broken(name: str, error: ConnectorError) -> Examined:
    """What keeps everything else from being looked at."""
    return Examined(ABOUT, (_fail(name, error),))


def _store(place: Place, store: Store) -> Iterator[Check]:
    mode = store.mode
    words = f"{mode.engine}, journal {mode.journal}, synchronous {mode.synchronous}"
    far = "" if place.file is None else _file_system(place.file)
    if far:
        hint = "put the store on a local disk: two hosts, or one after a break, can damage it there"
        yield Check("store", Health.FAIL, f"{place.file} lies on {far}", hint=hint)
    elif mode.journal == "TRUNCATE":
        hint = "install the package with its own dependencies: pysqlite3 brings a newer SQLite"
        yield Check("store", Health.WARN, f"{words}: {mode.why}", hint=hint)
    else:
        yield Check("store", Health.OK, words)
    since = store.restores.open_since()
    if since is not None:
        hint = "compare with SAP, then `proposals restored --reason …`"
        words = f"put back to an earlier state, noticed {since:%Y-%m-%d %H:%M} UTC; no plan is proposed"
        yield Check("restored", Health.WARN, words, hint=hint)


def _file_system(path: Path) -> str:
    """The kind of a remote file system that a path lies on; "" for a local one, or where nothing tells."""
    try:
        lines = [line.split() for line in _MOUNTS.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return ""
    where = path.resolve()
    mounts = [(len(one[1]), one[2]) for one in lines if len(one) > 2 and where.is_relative_to(one[1])]
    kind = max(mounts, default=(0, ""))[1]
    return kind if kind.startswith(_FAR) else ""


def _disk(folders: Sequence[Path]) -> Check:
    free, folder = min((shutil.disk_usage(one).free, one) for one in folders)
    words = f"{free // (1 << 20):,} MB free at {folder}"
    if free < FREE_BYTES:
        return Check("disk", Health.FAIL, words, hint="free some space: nothing is posted with less than 64 MB")
    hint = "free some space before a large load" if free < _LITTLE_BYTES else ""
    return Check("disk", Health.WARN if hint else Health.OK, words, hint=hint)


def _files(place: Place) -> Check:
    faults = list(_open_doors(place))
    if not faults:
        return Check("files", Health.OK, "only their owner may read the state and change the configuration")
    hint = "; ".join(hint for _, hint in faults)
    return Check("files", Health.WARN, "; ".join(words for words, _ in faults), hint=hint)


def _open_doors(place: Place) -> Iterator[tuple[str, str]]:
    owners = {0, os.getuid()}
    for path, refused, what, remedy in (
        (place.config, 0o022, "others may change", "go-w"),
        (place.state, 0o077, "others may look into", "700"),
        (place.file, 0o077, "others may read", "600"),
        (place.mark, 0o022, "others may change", "go-w"),
    ):
        try:
            about = path.stat() if path is not None else None
        except OSError:  # the mark is not there before the first posting
            continue
        if about is None:
            continue
        if stat.S_IMODE(about.st_mode) & refused:
            yield f"{what} {path}", f"chmod {remedy} {path}"
        if about.st_uid not in owners:
            yield f"{path} belongs to user {about.st_uid}", f"chown {os.getuid()} {path}"


def _key(vault: Vault) -> Check:
    try:
        return Check(KEY, Health.OK, f"kept in {vault.check()}")
    except ConnectorError as error:
        return _fail(KEY, error)


def _worker(flows: Iterable[Flow], store: Store) -> Check:
    alive = store.workers.alive()
    scheduled = [flow.name for flow in flows if flow.schedule]
    if alive:
        return Check("worker", Health.OK, ", ".join(f"{one.pid} on {one.host}" for one in alive))
    if scheduled:
        hint = "start one: tui-connector --no-ui, or the service"
        return Check("worker", Health.WARN, f"none serves, and {len(scheduled)} flows are on a schedule", hint=hint)
    return Check("worker", Health.OK, "none serves; no flow is on a schedule")


def _unit(store: Store) -> Check:
    path = next((folder / UNIT for folder in UNIT_FOLDERS if (folder / UNIT).is_file()), None)
    if path is None:
        return Check("unit", Health.OK, f"no {UNIT} is installed")
    hint = f"write it anew from `tui-connector service unit > {path}`, then systemctl daemon-reload"
    try:
        text, mode = path.read_text(encoding="utf-8"), path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        return Check("unit", Health.WARN, f"{path} cannot be read: {error}", hint=hint)
    lines = [line.strip() for line in text.splitlines()]
    record = store.credentials.key()
    wanted = (*_HARDENED, *(("LoadCredential",) if record is not None and record[1] == "systemd" else ()))
    missing = [one for one in wanted if not any(line.startswith(one) for line in lines)]
    if stat.S_IMODE(mode) & 0o022:
        return Check("unit", Health.FAIL, f"others may change {path}", hint=f"chmod 644 {path}")
    if missing:
        return Check("unit", Health.WARN, f"{path} lacks {', '.join(missing)}", hint=hint)
    return Check("unit", Health.OK, f"{path}")


def _fail(name: str, error: ConnectorError) -> Check:
    return Check(name, Health.FAIL, clean(error.message), hint=clean(error.hint))
