"""The sections of config.toml with their defaults and checks."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from tui_connector.domain.alert import AlertKind, Severity
from tui_connector.domain.concern import Rule
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.flow import (
    Channel,
    Dialect,
    Holds,
    Landing,
    LedgerKind,
    UnknownMembers,
    WritebackMode,
)
from tui_connector.domain.ledger import PeriodStatus
from tui_connector.domain.timetable import DAYS, Window, checked_cron, zone_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui_connector.domain.retention import Kept

PREFIX = "TUI_CONNECTOR_"
_Connection = TypeVar("_Connection", "SapSettings", "AnaplanSettings")
_LOOPBACK = re.compile(r"^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$")


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


def _exact(value: object) -> object:
    if isinstance(value, float):
        raise ValueError(  # noqa: TRY004 - pydantic reports it
            'write an amount as text, for example "1000000.00", or as a whole number'
        )
    return value


def _check_zone(value: str) -> str:
    zone_of(value)
    return value


def _check_window(value: str) -> str:
    Window.parse(value, zone_of("UTC"))
    return value


TimeZone = Annotated[str, AfterValidator(_check_zone)]
Hours = Annotated[str, AfterValidator(_check_window)]
Amount = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0)]


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
    format: Literal["auto", "text", "json"] = "auto"


class MetricsSettings(Section):
    port: int | None = Field(default=None, ge=1, le=65535)


class TracesSettings(Section):
    endpoint: Url | None = None


class ApprovalSettings(Section):
    approvers: Path = Path("approvers.d")
    expires_hours: float = Field(default=72.0, gt=0)
    single_operator: bool = False


class PostingSettings(Section):
    quiet_seconds: float = Field(default=900.0, ge=1)
    looks: int = Field(default=2, ge=1, le=20)
    look_seconds: float = Field(default=60.0, gt=0)
    prove_seconds: float = Field(default=600.0, gt=0)
    resend: bool = False
    attempts: int = Field(default=3, ge=1, le=10)
    test_run: bool = True
    recheck_seconds: float = Field(default=60.0, ge=0)
    mark: Path | None = None


class PeriodSettings(Section):
    unset: PeriodStatus = PeriodStatus.CLOSED


class ScheduleSettings(Section):
    time_zone: TimeZone = "UTC"
    weekend: tuple[Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], ...] = ("Sat", "Sun")
    holidays: tuple[date, ...] = ()
    jitter_seconds: int = Field(default=0, ge=0, le=3600)
    late_minutes: float = Field(default=15.0, gt=0)

    @field_validator("weekend")
    @classmethod
    def _some_work(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) == len(DAYS):
            raise ValueError("leave at least one working day")
        return value


class AlertTargetSettings(Section):
    severity: Severity = Severity.WARNING
    kinds: tuple[AlertKind, ...] = ()
    environments: tuple[str, ...] = ()
    all_clear: bool = True
    details: bool = False

    def takes(self, kind: AlertKind, severity: Severity, environment: str) -> bool:
        """Whether an alert is for this target."""
        return (
            severity.rank >= self.severity.rank
            and (not self.kinds or kind in self.kinds)
            and (not self.environments or environment in self.environments)
        )


class AlertSettings(Section):
    look_seconds: float = Field(default=30.0, ge=0.1)
    again_hours: float = Field(default=24.0, ge=0)
    rejects_from: int = Field(default=1, ge=1)
    send_seconds: float = Field(default=20.0, gt=0, le=120)
    targets: dict[Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")], AlertTargetSettings] = {}


class EvidenceSettings(Section):
    events: int = Field(default=1000, ge=1)
    minutes: float = Field(default=5.0, gt=0)
    file: Path | None = None
    journal: Path | None = None
    command: tuple[str, ...] = ()
    command_seconds: float = Field(default=30.0, gt=0, le=300)


class RetentionSettings(Section):
    reject_values_days: int | None = Field(default=None, ge=1)
    step_details_days: int | None = Field(default=None, ge=1)
    concern_texts_days: int | None = Field(default=None, ge=1)
    explanations_days: int | None = Field(default=None, ge=1)
    missing_names_days: int | None = Field(default=None, ge=1)
    command_answers_days: int | None = Field(default=None, ge=1)

    def days(self, kept: Kept) -> int | None:
        """How long a class is kept; None for good."""
        found: int | None = getattr(self, kept.setting)
        return found


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
    quiet_hours: tuple[Hours, ...] = ()
    maintenance: tuple[Hours, ...] = ()

    @property
    def budget(self) -> str:
        """The name of the request budget, one for all models of a tenant: Anaplan counts their requests together."""
        return f"anaplan {urlsplit(self.api_url).netloc}"

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
    aggregates: bool | None = None


class ColumnSettings(Section):
    field: str
    type: Literal["text", "decimal", "date", "boolean"] = "text"
    member_of: str | None = None


class ControlSettings(Section):
    column: str
    begins: str = "TOTAL"
    gross: str = "Gross"
    count: str = "Line Count"


class TotalsSettings(Section):
    by: tuple[str, ...] = Field(min_length=1)
    amount: str
    view: str = ""
    export: str = ""
    currency: str = "Currency"
    count: str = ""

    @model_validator(mode="after")
    def _one_place(self) -> TotalsSettings:
        if bool(self.view) == bool(self.export):
            raise ValueError('name either a view or an export that tells the totals: view = "…" or export = "…"')
        return self


class DriftSettings(Section):
    """What a changed definition means; what is left out stays as declared."""

    watch: bool | None = None
    missing: Rule | None = None
    changed: Rule | None = None
    added: Rule | None = None


class RadarSettings(Section):
    """What a look at the masters before a load compares, and the rule of each finding."""

    name: str | None = None
    places: tuple[str, ...] | None = None
    block_fields: tuple[str, ...] | None = None
    new: Rule | None = None
    renamed: Rule | None = None
    moved: Rule | None = None
    blocked: Rule | None = None
    expired: Rule | None = None
    reappeared: Rule | None = None
    missing: Rule | None = None
    doubled: Rule | None = None


class StatusSettings(Section):
    file: str
    import_action: str = Field(alias="import")


class SignalSettings(Section):
    """Where the plan's approval stands: a column of the export, properties of a list item, or cells of a view."""

    column: str | None = None
    list: str | None = None
    item: str | None = None
    property: str | None = None
    view: str | None = None
    row: str | None = None
    value: str = "Approved"
    by: str = ""
    at: str = ""

    @model_validator(mode="after")
    def _one_kind(self) -> SignalSettings:
        kinds = (
            (self.view and self.row and self.column) and not (self.list or self.item or self.property),
            (self.list and self.item and self.property) and not (self.view or self.row or self.column),
            self.column and not (self.view or self.row or self.list or self.item or self.property),
        )
        if not any(kinds):
            raise ValueError("name a column of the export; or list, item and property; or view, row and column")
        return self


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
    time_zone: TimeZone | None = None
    after_close: tuple[Annotated[int, Field(ge=-22, le=23)], ...] | None = None
    language: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    chunk_megabytes: int | None = Field(default=None, ge=1, le=50)
    task_minutes: int | None = Field(default=None, ge=1)
    mapping: dict[str, str] | None = None
    target_list: str | None = None
    totals: TotalsSettings | None = None
    radar: RadarSettings | None = None
    go_on_untied: bool | None = None
    target_module: str | None = None
    drift: DriftSettings | None = None
    closed_periods: Rule | None = None
    export: str | None = None
    approval: SignalSettings | None = None
    control: ControlSettings | None = None
    mode: WritebackMode | None = None
    channel: Channel | None = None
    ledger: str | None = Field(default=None, pattern=r"^[0-9A-Z]{2}$")
    ledger_kind: LedgerKind | None = None
    holds: Holds | None = None
    plan_into_actuals: str | None = None
    category: str | None = None
    document_type: str | None = Field(default=None, min_length=1, max_length=5)
    business_transaction_type: str | None = Field(default=None, min_length=1, max_length=4)
    created_by: str | None = Field(default=None, min_length=1, max_length=12)
    header_text: str | None = Field(default=None, max_length=25)
    company_codes: tuple[str, ...] | None = None
    offset_account: str | None = None
    offset_cost_center: str | None = None
    rounding_account: str | None = None
    withdraw_absent: bool | None = None
    two_approvers_from: dict[str, Amount] | None = None
    held_from: dict[str, Amount] | None = None
    fresh_minutes: float | None = Field(default=None, gt=0)
    first_month: dict[str, Annotated[int, Field(ge=1, le=12)]] | None = None
    journal_service: str | None = None
    decimal_separator: Literal[".", ","] | None = None
    grouping: Literal["", ",", ".", " ", "'"] | None = None
    date_format: str | None = None
    status: StatusSettings | None = None

    @field_validator("schedule")
    @classmethod
    def _cron(cls, value: str | None) -> str | None:
        if value:
            checked_cron(value)
        return value


def _section_of(kind: str, name: str, sections: Mapping[str, _Connection]) -> _Connection:
    if name not in sections:
        raise ConfigError(
            f"[{kind}.{name}] is not configured",
            hint=f"add that section to config.toml; there are {', '.join(sections) or 'none yet'}",
        )
    return sections[name]


class Settings(BaseSettings):
    """The whole of config.toml, with overrides from TUI_CONNECTOR_… variables."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
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
    metrics: MetricsSettings = MetricsSettings()
    traces: TracesSettings = TracesSettings()
    approval: ApprovalSettings = ApprovalSettings()
    posting: PostingSettings = PostingSettings()
    periods: PeriodSettings = PeriodSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    alerts: AlertSettings = AlertSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    retention: RetentionSettings = RetentionSettings()
    sap: dict[str, SapSettings] = {}
    anaplan: dict[str, AnaplanSettings] = {}
    flows: dict[str, FlowSettings] = {}

    def sap_of(self, name: str) -> SapSettings:
        """The SAP connection that a flow names; raises ConfigError when it is not configured."""
        return _section_of("sap", name, self.sap)

    def anaplan_of(self, name: str) -> AnaplanSettings:
        """The Anaplan connection that a flow names; raises ConfigError when it is not configured."""
        return _section_of("anaplan", name, self.anaplan)

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
