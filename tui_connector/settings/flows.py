"""The flows in force: the declared ones with what config.toml overrides, and those that only it declares."""

from __future__ import annotations

import difflib
from dataclasses import fields, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tui_connector.domain.definition import Drift
from tui_connector.domain.errors import ConfigError
from tui_connector.domain.flow import (
    CellSignal,
    Channel,
    Column,
    ColumnSignal,
    Condition,
    ControlTotal,
    Flow,
    JournalField,
    ListSignal,
    LoadFlow,
    ODataSource,
    Radar,
    Signal,
    StatusImport,
    Texts,
    Totals,
    WritebackFlow,
    WritebackMode,
)
from tui_connector.settings.sections import (
    ColumnSettings,
    DriftSettings,
    FlowSettings,
    RadarSettings,
    Settings,
    SignalSettings,
    SourceSettings,
)

_COLUMN_TYPES: dict[str, type] = {"text": str, "decimal": Decimal, "date": date, "boolean": bool}


def effective_flows(settings: Settings, declared: tuple[Flow, ...]) -> tuple[Flow, ...]:
    """The declared flows with their overrides, then those that only config.toml declares; disabled ones left out."""
    known: dict[str, Flow] = {flow.name: flow for flow in declared}
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


def connected_flows(settings: Settings, declared: tuple[Flow, ...]) -> tuple[Flow, ...]:
    """The same; ConfigError when one of them names a connection that is not configured."""
    flows = effective_flows(settings, declared)
    for flow in flows:
        for kind, name, known in (("sap", flow.sap, settings.sap), ("anaplan", flow.anaplan, settings.anaplan)):
            if name not in known:
                raise ConfigError(
                    f"the flow {flow.name} uses [{kind}.{name}], which is not configured",
                    hint=f"add the section [{kind}.{name}] or name another one in [flows.{flow.name}]",
                )
    return flows


def _in_order(flows: tuple[Flow, ...]) -> tuple[Flow, ...]:
    done: dict[str, Flow] = {}
    left = list(flows)
    while left:
        ready = next((f for f in left if all(a in done for a in f.after)), None)
        if ready is None:
            circle = ", ".join(f.name for f in left)
            raise ConfigError(f"these flows wait for one another: {circle}", hint="break the circle in their `after`")
        done[ready.name] = ready
        left.remove(ready)
    return tuple(done.values())


def _override(flow: Flow | None, name: str, given: FlowSettings) -> Flow:
    if isinstance(flow, WritebackFlow) or (flow is None and given.export is not None):
        return _override_writeback(flow, name, given)
    return _override_load(flow, name, given)


def _foreign(given: FlowSettings, shape: type[LoadFlow | WritebackFlow], name: str) -> None:
    """Refuse settings that flows of the other kind have."""
    own = {one.name for one in fields(shape)} | {"enabled", "import_action"}
    strange = sorted(one for one in given.model_fields_set if one not in own)
    if strange:
        kind = "writes back to SAP" if shape is WritebackFlow else "loads into Anaplan"
        raise ConfigError(
            f"[flows.{name}] {kind} and has no setting {', '.join(strange)}",
            hint="take it out, or put it under the flow it belongs to",
        )


def _override_writeback(flow: WritebackFlow | None, name: str, given: FlowSettings) -> WritebackFlow:
    _foreign(given, WritebackFlow, name)
    skipped = {"enabled", "columns", "approval", "control", "status", "drift"}
    made = {key: value for key, value in given.model_dump(exclude=skipped).items() if value is not None}
    if given.columns is not None:
        made["columns"] = {header: _journal_field(name, header, meant) for header, meant in given.columns.items()}
    if given.approval is not None:
        made["approval"] = _signal(given.approval)
    if given.control is not None:
        made["control"] = ControlTotal(**given.control.model_dump())
    if given.status is not None:
        made["status"] = StatusImport(**given.status.model_dump())
    if given.drift is not None:
        made["drift"] = _drift(flow, given.drift)
    if flow is None:
        missing = [one for one in ("columns", "approval") if one not in made]
        if missing:
            raise ConfigError(
                f"[flows.{name}] is a new writeback and lacks {', '.join(missing)}",
                hint="declare them as the sample config.toml shows, or mend the flow's name",
            )
        made = {"title": name.replace("_", " "), **made}
    result = replace(flow, **made) if flow else WritebackFlow(name=name, **made)
    _check_writeback(result)
    return result


def _check_writeback(flow: WritebackFlow) -> None:
    place, meant = f"[flows.{flow.name}]", set(flow.columns.values())
    needed = {JournalField.COMPANY_CODE, JournalField.GL_ACCOUNT, JournalField.POSTING_DATE, JournalField.CURRENCY}
    missing = sorted(needed - meant)
    if flow.mode is WritebackMode.ENTRIES and JournalField.KEY not in meant:
        missing.append(JournalField.KEY)
    if JournalField.AMOUNT not in meant and not {JournalField.DEBIT, JournalField.CREDIT} <= meant:
        missing.append(JournalField.AMOUNT)
    if missing:
        raise ConfigError(
            f"{place} columns: no column means {', '.join(missing)}", hint='add one, for example "Amount" = "…"'
        )
    if len(meant) < len(flow.columns):
        raise ConfigError(f"{place} columns: two columns mean the same", hint="keep one of them")
    if JournalField.AMOUNT in meant and meant & {JournalField.DEBIT, JournalField.CREDIT}:
        raise ConfigError(
            f"{place} columns: an amount column beside Debit and Credit", hint="use one way of writing amounts"
        )
    if flow.channel is Channel.ODATA and not flow.journal_service:
        raise ConfigError(
            f'{place} channel = "odata" needs journal_service',
            hint='name the service and set of your own, for example "ZJOURNALENTRY_SRV/JournalEntrySet"',
        )
    if flow.channel is Channel.PLAN_DATA and not flow.category:
        raise ConfigError(f'{place} channel = "plan_data" needs category', hint='name it, for example category = "PLN"')


def _journal_field(name: str, header: str, meant: str | ColumnSettings) -> JournalField:
    word = meant if isinstance(meant, str) else meant.field
    try:
        return JournalField(word)
    except ValueError as error:
        near = difflib.get_close_matches(word, list(JournalField), n=1)
        raise ConfigError(
            f"[flows.{name}] columns: {header!r} means {word!r}, which a journal entry does not have",
            hint=f"did you mean {near[0]}?" if near else f"it has {', '.join(JournalField)}",
        ) from error


def _signal(given: SignalSettings) -> Signal:
    common = {"value": given.value, "by": given.by, "at": given.at}
    if given.list and given.item and given.property:
        return ListSignal(given.list, given.item, given.property, **common)
    if given.view and given.row and given.column:
        return CellSignal(given.view, given.row, given.column, **common)
    return ColumnSignal(given.column or "", **common)


def _override_load(flow: LoadFlow | None, name: str, given: FlowSettings) -> LoadFlow:
    _foreign(given, LoadFlow, name)
    made = {
        key: value
        for key, value in given.model_dump(exclude={"enabled", "columns", "source", "totals", "drift", "radar"}).items()
        if value is not None
    }
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
        made["import_action"] = None
    elif given.import_action:
        made["process"] = None
    declared = {column.header: column for column in flow.columns} if flow else {}
    if given.columns is not None:
        made["columns"] = tuple(_column(header, how, declared.get(header)) for header, how in given.columns.items())
    if given.source is not None:
        made["source"] = _source(flow.source if flow else None, given.source)
    if given.totals is not None:
        made["totals"] = Totals(**given.totals.model_dump())
    if given.drift is not None:
        made["drift"] = _drift(flow, given.drift)
    if given.radar is not None:
        made["radar"] = _radar(name, flow, made, given.radar)
    result = replace(flow, **made) if flow else LoadFlow(name=name, **{"title": name.replace("_", " "), **made})
    if not (result.import_action or result.process):
        raise ConfigError(
            f"[flows.{name}] names neither an import nor a process", hint='add import = "…" or process = "…"'
        )
    return _with_fitting_totals(result, given=given.totals is not None)


def _drift(flow: Flow | None, given: DriftSettings) -> Drift:
    return replace(flow.drift if flow else Drift(), **given.model_dump(exclude_none=True))


def _with_fitting_totals(flow: LoadFlow, *, given: bool) -> LoadFlow:
    """Totals name columns; other columns than the declared ones want totals of their own, or go without."""
    headers, totals = [column.header for column in flow.columns], flow.totals
    for header in (*totals.by, totals.amount) if totals else ():
        if header not in headers:
            if not given:
                return replace(flow, totals=None)
            near = difflib.get_close_matches(header, headers, n=1)
            raise ConfigError(
                f"[flows.{flow.name}.totals] names {header!r}, which is no column of the flow",
                hint=f"did you mean {near[0]!r}?" if near else f"its columns are {', '.join(headers)}",
            )
    return flow


def _radar(name: str, flow: LoadFlow | None, made: dict[str, Any], given: RadarSettings) -> Radar:
    """What it names must be columns, and a look needs a list to look at."""
    headers = [column.header for column in made.get("columns") or (flow.columns if flow else ())]
    if not (made.get("target_list") or (flow and flow.target_list)):
        raise ConfigError(
            f"[flows.{name}.radar] compares masters with a list, and the flow names none",
            hint=f'add target_list = "…" to [flows.{name}], or take the radar out',
        )
    for header in (*(given.places or ()), *([given.name] if given.name else [])):
        if header not in headers:
            near = difflib.get_close_matches(header, headers, n=1)
            raise ConfigError(
                f"[flows.{name}.radar] names {header!r}, which is no column of the flow",
                hint=f"did you mean {near[0]!r}?" if near else f"its columns are {', '.join(headers)}",
            )
    return replace(flow.radar if flow else Radar(), **given.model_dump(exclude_none=True))


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
