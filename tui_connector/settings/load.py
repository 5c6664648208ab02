"""Reads config.toml; every fault is named with its place and the next move."""

from __future__ import annotations

import difflib
import os
import tomllib
from pathlib import Path

from pydantic import BaseModel, ValidationError

from tui_connector.domain.errors import ConfigError
from tui_connector.settings.sections import (
    PREFIX,
    AlertSettings,
    AlertTargetSettings,
    AnaplanSettings,
    ApprovalSettings,
    ColumnSettings,
    ControlSettings,
    EngineSettings,
    EvidenceSettings,
    FlowSettings,
    HttpSettings,
    LogSettings,
    MetricsSettings,
    PeriodSettings,
    PostingSettings,
    RetentionSettings,
    SapSettings,
    ScheduleSettings,
    Settings,
    SignalSettings,
    SourceSettings,
    StatusSettings,
    StoreSettings,
    TextsSettings,
    TracesSettings,
    VaultSettings,
)

CONFIG_VARIABLE = "TUI_CONNECTOR_CONFIG"


def config_path(given: str | None) -> Path:
    """Where config.toml is: the argument, else TUI_CONNECTOR_CONFIG, else the working folder."""
    return Path(given or os.environ.get(CONFIG_VARIABLE) or "config.toml").resolve()


def load_settings(path: Path) -> Settings:
    """Read and check config.toml; every fault is named with its place and the next move (ConfigError)."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(
            f"there is no configuration at {path}",
            hint="copy the commented config.toml of the project there, or name another file with --config",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", hint="mend the line it names; the file is TOML") from error
    _check_variables()
    try:
        settings = Settings(**content)
    except ValidationError as error:
        raise ConfigError(
            _explain(path, error), hint="mend config.toml, then run `tui-connector config check`"
        ) from error
    folder = path.parent / (settings.state_folder or Path(os.environ.get("STATE_DIRECTORY", "state")))
    bundle, mark = settings.http.ca_bundle, settings.posting.mark
    approvers, evidence = path.parent / settings.approval.approvers, settings.evidence.file
    return settings.model_copy(
        update={
            "state_folder": folder,
            "http": settings.http.model_copy(update={"ca_bundle": bundle and path.parent / bundle}),
            "approval": settings.approval.model_copy(update={"approvers": approvers}),
            "evidence": settings.evidence.model_copy(update={"file": evidence and path.parent / evidence}),
            "posting": settings.posting.model_copy(
                update={"mark": path.parent / mark if mark else folder / "posting.mark"}
            ),
        }
    )


def _check_variables() -> None:
    for name in os.environ:
        first, joint, second = name.removeprefix(PREFIX).lower().partition("__")
        rest = joint + second
        if name.startswith(PREFIX) and name != CONFIG_VARIABLE and first not in Settings.model_fields:
            near = difflib.get_close_matches(first, Settings.model_fields, n=1)
            raise ConfigError(
                f"the variable {name} overrides no setting",
                hint=f"did you mean {PREFIX}{(near[0] + rest).upper()}?"
                if near
                else "unset it, or see config.toml for the names",
            )


def _explain(path: Path, error: ValidationError) -> str:
    lines = [f"{path} has {error.error_count()} fault{'s' if error.error_count() > 1 else ''}:"]
    for fault in error.errors(include_url=False):
        place = [str(part) for part in fault["loc"]]
        where = f"[{'.'.join(place[:-1])}] {place[-1]}" if len(place) > 1 else (place[0] if place else "")
        if fault["type"] == "extra_forbidden":
            near = difflib.get_close_matches(place[-1], _names_at(place[:-1]), n=1)
            lines.append(f"  {where}: unknown setting" + (f"; did you mean {near[0]}?" if near else ""))
        elif fault["type"] == "missing":
            lines.append(f"  {where}: is missing")
        else:
            lines.append(f"  {where}: {fault['msg'].removeprefix('Value error, ')}")
    return "\n".join(lines)


def _names_at(place: list[str]) -> list[str]:
    sections: dict[str, type[BaseModel]] = {
        "store": StoreSettings, "http": HttpSettings, "engine": EngineSettings, "vault": VaultSettings,
        "log": LogSettings, "sap": SapSettings, "anaplan": AnaplanSettings, "flows": FlowSettings,
        "approval": ApprovalSettings, "posting": PostingSettings, "periods": PeriodSettings,
        "evidence": EvidenceSettings, "retention": RetentionSettings, "schedule": ScheduleSettings,
        "alerts": AlertSettings, "metrics": MetricsSettings, "traces": TracesSettings,
    }  # fmt: skip
    model: type[BaseModel] = Settings
    if place:
        model = sections.get(place[0], Settings)
        if place[0] == "flows" and "columns" in place:
            model = ColumnSettings
        elif place[:2] == ["alerts", "targets"] and len(place) > 2:
            model = AlertTargetSettings
        elif place[0] == "flows" and "texts" in place:
            model = TextsSettings
        else:
            inner: dict[str, type[BaseModel]] = {
                "source": SourceSettings, "control": ControlSettings, "approval": SignalSettings,
                "status": StatusSettings,
            }  # fmt: skip
            model = next((inner[part] for part in place[1:] if place[0] == "flows" and part in inner), model)
    return [info.alias or name for name, info in model.model_fields.items()]


def make_folder(path: Path) -> None:
    """The state folder, the owner's alone; raises ConfigError where it cannot be."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"the state folder {path} cannot be made: {error.strerror}", hint="Correct state_folder, or its owner."
        ) from error
