"""config.toml: its sections, their defaults and checks. No secret is ever a setting."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from tui_connector.domain.errors import ConfigError
from tui_connector.domain.flow import (
    Column,
    Condition,
    Dialect,
    Landing,
    LoadFlow,
    ODataSource,
    Texts,
    UnknownMembers,
)

CONFIG_VARIABLE = "TUI_CONNECTOR_CONFIG"
_PREFIX = "TUI_CONNECTOR_"
_LOOPBACK = re.compile(r"^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$")
_COLUMN_TYPES: dict[str, type] = {"text": str, "decimal": Decimal, "date": date, "boolean": bool}


def _check_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("write a whole address, for example https://my300000-api.s4hana.cloud.sap")
    if parts.scheme == "http" and not _LOOPBACK.match(parts.hostname):
        raise ValueError("plain http is only allowed to this machine; write https://")
    if parts.username or parts.password:
        raise ValueError("an address holds no credentials; store them with `tui-connector credentials set`")
    return value.rstrip("/")


Url = Annotated[str, BeforeValidator(_check_url)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class StoreSettings(Section):
    url: str = "sqlite"


class HttpSettings(Section):
    connect_seconds: float = Field(default=10.0, gt=0)
    read_seconds: float = Field(default=60.0, gt=0)
    attempts: int = Field(default=5, ge=1, le=20)
    ca_bundle: Path | None = None


class EngineSettings(Section):
    lease_seconds: float = Field(default=30.0, ge=2)
    poll_seconds: float = Field(default=0.5, gt=0)
    task_poll_seconds: float = Field(default=5.0, gt=0)


class VaultSettings(Section):
    key: Literal["auto", "systemd", "keyring", "passphrase", "file"] = "auto"


class LogSettings(Section):
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"


class SapSettings(Section):
    base_url: Url
    auth: Literal["oauth", "basic", "certificate"] = "basic"
    token_url: Url | None = None
    language: str = Field(default="EN", pattern=r"^[A-Z]{2}$")
    requests_per_second: float = Field(default=10.0, gt=0)

    @model_validator(mode="after")
    def _token_url_for_oauth(self) -> SapSettings:
        if self.auth == "oauth" and self.token_url is None:
            raise ValueError('auth = "oauth" needs token_url, for example "<base_url>/sap/bc/sec/oauth2/token"')
        return self


def _hex_id(value: str, lower: bool) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{32}", value):
        raise ValueError(
            "write the 32 hexadecimal characters of the ID, as the model's address in the browser shows them"
        )
    return value.lower() if lower else value.upper()


class AnaplanSettings(Section):
    api_url: Url = "https://api.anaplan.com"
    auth_url: Url = "https://auth.anaplan.com"
    oauth_url: Url = "https://us1a.app.anaplan.com"
    auth: Literal["certificate", "basic", "device"] = "certificate"
    certificate_payload: Literal["v2", "v1"] = "v2"
    workspace_id: str
    model_id: str
    requests_per_second: float = Field(default=9.5, gt=0, le=10)
    burst: int = Field(default=20, ge=1, le=600)

    @field_validator("workspace_id")
    @classmethod
    def _workspace(cls, value: str) -> str:
        return _hex_id(value, lower=True)

    @field_validator("model_id")
    @classmethod
    def _model(cls, value: str) -> str:
        return _hex_id(value, lower=False)


class TextsSettings(Section):
    navigation: str
    entity_set: str
    fields: tuple[str, ...]
    language: str = "Language"
    changed_on: str | None = None


class SourceSettings(Section):
    """Every field of a flow's source; what is left out stays as declared."""

    service: str | None = None
    entity_set: str | None = None
    key: tuple[str, ...] | None = None
    changed_on: str | None = None
    created_on: str | None = None
    by_day: bool | None = None
    overlap_minutes: float | None = Field(default=None, ge=0)
    safety_seconds: float | None = Field(default=None, ge=0)
    also: tuple[str, ...] | None = None
    where: tuple[tuple[str, str, Any], ...] | None = None
    slices: tuple[str, str] | None = None
    texts: TextsSettings | None = None
    members: str | None = None
    dialect: Dialect | None = None
    page_size: int | None = Field(default=None, ge=1, le=50_000)


class ColumnSettings(Section):
    field: str
    type: Literal["text", "decimal", "date", "boolean"] = "text"
    member_of: str | None = None


class FlowSettings(Section):
    """Every field of a flow's declaration; what is left out stays as declared."""

    enabled: bool = True
    title: str | None = None
    sap: str | None = None
    anaplan: str | None = None
    file: str | None = None
    import_action: str | None = Field(default=None, alias="import")
    process: str | None = None
    columns: dict[str, str | ColumnSettings] | None = None
    source: SourceSettings | None = None
    after: tuple[str, ...] | None = None
    lands_in: Landing | None = None
    unknown_members: UnknownMembers | None = None
    schedule: str | None = None
    language: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    chunk_megabytes: int | None = Field(default=None, ge=1, le=50)
    task_minutes: int | None = Field(default=None, ge=1)
    mapping: dict[str, str] | None = None

    @field_validator("schedule")
    @classmethod
    def _cron(cls, value: str | None) -> str | None:
        if value:
            try:
                CronSim(value, datetime(2026, 1, 1))  # noqa: DTZ001 - only the expression is checked
            except CronSimError as error:
                raise ValueError(f'write five cron fields, for example "0 2 * * *" ({error})') from error
        return value


class Settings(BaseSettings):
    """The whole of config.toml, with overrides from TUI_CONNECTOR_… variables."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    environment: str = "TEST"
    state_folder: Path | None = None
    store: StoreSettings = StoreSettings()
    http: HttpSettings = HttpSettings()
    engine: EngineSettings = EngineSettings()
    vault: VaultSettings = VaultSettings()
    log: LogSettings = LogSettings()
    sap: dict[str, SapSettings] = {}
    anaplan: dict[str, AnaplanSettings] = {}
    flows: dict[str, FlowSettings] = {}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del settings_cls, dotenv_settings, file_secret_settings  # a secret is never a setting
        assert isinstance(env_settings, EnvSettingsSource)  # noqa: S101 - narrows the type
        return env_settings, init_settings


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
    folder = settings.state_folder or Path(os.environ.get("STATE_DIRECTORY", "state"))
    bundle = settings.http.ca_bundle
    return settings.model_copy(
        update={
            "state_folder": path.parent / folder,
            "http": settings.http.model_copy(update={"ca_bundle": bundle and path.parent / bundle}),
        }
    )


def _check_variables() -> None:
    for name in os.environ:
        first, joint, second = name.removeprefix(_PREFIX).lower().partition("__")
        rest = joint + second
        if name.startswith(_PREFIX) and name != CONFIG_VARIABLE and first not in Settings.model_fields:
            near = difflib.get_close_matches(first, Settings.model_fields, n=1)
            raise ConfigError(
                f"the variable {name} overrides no setting",
                hint=f"did you mean {_PREFIX}{(near[0] + rest).upper()}?"
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
    }  # fmt: skip
    model: type[BaseModel] = Settings
    if place:
        model = sections.get(place[0], Settings)
        if place[0] == "flows" and "columns" in place:
            model = ColumnSettings
        elif place[0] == "flows" and "texts" in place:
            model = TextsSettings
        elif place[0] == "flows" and "source" in place:
            model = SourceSettings
    return [info.alias or name for name, info in model.model_fields.items()]


def effective_flows(settings: Settings, declared: tuple[LoadFlow, ...]) -> tuple[LoadFlow, ...]:
    """The declared flows with their overrides, then those that only config.toml declares; disabled ones left out."""
    known = {flow.name: flow for flow in declared}
    for name, override in settings.flows.items():
        known[name] = _override(known.get(name), name, override)
    flows = tuple(f for f in known.values() if f.name not in settings.flows or settings.flows[f.name].enabled)
    names = {flow.name for flow in flows}
    for flow in flows:
        for earlier in flow.after:
            if earlier not in known:
                near = difflib.get_close_matches(earlier, known, n=1)
                raise ConfigError(
                    f"[flows.{flow.name}] after names {earlier}, which is no flow",
                    hint=f"did you mean {near[0]}?" if near else "`tui-connector flows` lists them",
                )
    return _in_order(tuple(replace(f, after=tuple(a for a in f.after if a in names)) for f in flows))


def _in_order(flows: tuple[LoadFlow, ...]) -> tuple[LoadFlow, ...]:
    done: dict[str, LoadFlow] = {}
    left = list(flows)
    while left:
        ready = next((f for f in left if all(a in done for a in f.after)), None)
        if ready is None:
            circle = ", ".join(f.name for f in left)
            raise ConfigError(f"these flows wait for one another: {circle}", hint="break the circle in their `after`")
        done[ready.name] = ready
        left.remove(ready)
    return tuple(done.values())


def _override(flow: LoadFlow | None, name: str, given: FlowSettings) -> LoadFlow:
    fields = given.model_dump(exclude_none=True, exclude={"enabled", "columns", "source"})
    if flow is None:
        missing = [n for n, v in (("columns", given.columns), ("source", given.source), ("file", given.file)) if not v]
        if missing or (given.source and not (given.source.service and given.source.entity_set and given.source.key)):
            near = difflib.get_close_matches(name, ("gl_accounts", "cost_centers", "gl_line_items", "suppliers"), n=1)
            raise ConfigError(
                f"[flows.{name}] is no declared flow, and as a new one it lacks "
                f"{', '.join(missing) or 'source.service, source.entity_set or source.key'}",
                hint=f"did you mean [flows.{near[0]}]?"
                if near
                else "declare source, columns and file, or mend the name",
            )
    if given.process:
        fields["import_action"] = None
    elif given.import_action:
        fields["process"] = None
    declared = {column.header: column for column in flow.columns} if flow else {}
    if given.columns is not None:
        fields["columns"] = tuple(_column(header, how, declared.get(header)) for header, how in given.columns.items())
    if given.source is not None:
        fields["source"] = _source(flow.source if flow else None, given.source)
    result = replace(flow, **fields) if flow else LoadFlow(name=name, **{"title": name.replace("_", " "), **fields})
    if not (result.import_action or result.process):
        raise ConfigError(
            f"[flows.{name}] names neither an import nor a process", hint='add import = "…" or process = "…"'
        )
    return result


def _column(header: str, how: str | ColumnSettings, declared: Column | None) -> Column:
    if isinstance(how, ColumnSettings):
        return Column(header, how.field, _COLUMN_TYPES[how.type], how.member_of)
    return replace(declared, field=how) if declared else Column(header, how)


def _source(source: ODataSource | None, given: SourceSettings) -> ODataSource:
    fields = given.model_dump(exclude_none=True, exclude={"overlap_minutes", "safety_seconds", "where", "texts"})
    if given.overlap_minutes is not None:
        fields["overlap"] = timedelta(minutes=given.overlap_minutes)
    if given.safety_seconds is not None:
        fields["safety"] = timedelta(seconds=given.safety_seconds)
    if given.where is not None:
        fields["where"] = tuple(
            Condition(name, operator, tuple(value) if isinstance(value, list) else value)
            for name, operator, value in given.where
        )
    if given.texts is not None:
        fields["texts"] = Texts(**given.texts.model_dump())
    return replace(source, **fields) if source else ODataSource(**fields)
