"""The tables, as a list of steps from one version to the next; the store's version is the number of steps taken."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from tui_connector.domain.audit import Fact
from tui_connector.domain.errors import StoreError
from tui_connector.store import cases, chain, sums

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui_connector.store.database import Database, Reader, Transaction

# Times are whole microseconds since 1970, UTC. Outcomes are the small numbers of records.CODES.
_FIRST = """
CREATE TABLE target (
    id {identity}, flow TEXT NOT NULL, sap_name TEXT NOT NULL, sap_url TEXT NOT NULL, anaplan_name TEXT NOT NULL,
    workspace_id TEXT NOT NULL, model_id TEXT NOT NULL,
    UNIQUE (flow, sap_name, sap_url, anaplan_name, workspace_id, model_id));
CREATE TABLE run (
    id {identity}, cycle TEXT NOT NULL, flow TEXT NOT NULL, target_id BIGINT NOT NULL REFERENCES target (id),
    model TEXT NOT NULL, mode TEXT NOT NULL, dry_run INTEGER NOT NULL, since BIGINT, state TEXT NOT NULL,
    reason TEXT NOT NULL, hint TEXT NOT NULL, requested_by TEXT NOT NULL, requested_at BIGINT NOT NULL,
    started_at BIGINT, ended_at BIGINT, worker TEXT, fence BIGINT NOT NULL, confirmed INTEGER NOT NULL,
    read BIGINT NOT NULL, unchanged BIGINT NOT NULL, sent BIGINT NOT NULL, loaded BIGINT NOT NULL,
    ignored BIGINT NOT NULL, rejected BIGINT NOT NULL);
CREATE INDEX run_flow ON run (flow, id);
CREATE INDEX run_state ON run (state, id);
CREATE INDEX run_cycle ON run (cycle, id);
CREATE INDEX run_target ON run (target_id, id);
CREATE TABLE step (
    run_id BIGINT NOT NULL REFERENCES run (id), name TEXT NOT NULL, attempt INTEGER NOT NULL, turn INTEGER NOT NULL,
    state TEXT NOT NULL, started_at BIGINT NOT NULL, ended_at BIGINT, data TEXT NOT NULL,
    PRIMARY KEY (run_id, name, attempt));
CREATE TABLE progress (
    run_id BIGINT NOT NULL PRIMARY KEY REFERENCES run (id), step TEXT NOT NULL, at BIGINT NOT NULL, data TEXT NOT NULL);
CREATE TABLE lease (
    model TEXT NOT NULL PRIMARY KEY, owner TEXT, until BIGINT NOT NULL, fence BIGINT NOT NULL,
    taken_at BIGINT NOT NULL);
CREATE TABLE worker (
    id TEXT NOT NULL PRIMARY KEY, host TEXT NOT NULL, pid BIGINT NOT NULL, boot_id TEXT NOT NULL,
    pid_started TEXT NOT NULL, started_at BIGINT NOT NULL, seen_at BIGINT NOT NULL);
CREATE TABLE record (
    run_id BIGINT NOT NULL, position BIGINT NOT NULL, target_id BIGINT NOT NULL, key TEXT NOT NULL,
    content TEXT NOT NULL, outcome SMALLINT NOT NULL, file_line BIGINT, later SMALLINT,
    PRIMARY KEY (run_id, position)) {clustered};
CREATE UNIQUE INDEX record_key ON record (target_id, key, run_id);
CREATE INDEX record_rejected ON record (run_id, position) WHERE coalesce(later, outcome) = 3;
CREATE TABLE reject (
    run_id BIGINT NOT NULL, position BIGINT NOT NULL, part INTEGER NOT NULL, target_id BIGINT NOT NULL,
    key TEXT NOT NULL, rejected_by TEXT NOT NULL, cause TEXT NOT NULL, detail TEXT NOT NULL, file_line BIGINT,
    digest TEXT NOT NULL, content TEXT, seq BIGINT NOT NULL, PRIMARY KEY (run_id, position, part)) {clustered};
CREATE TABLE watermark (
    target_id BIGINT NOT NULL PRIMARY KEY REFERENCES target (id), value BIGINT, mapping TEXT NOT NULL,
    run_id BIGINT NOT NULL REFERENCES run (id), moved_at BIGINT NOT NULL);
CREATE TABLE audit_event (
    seq BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL,
    subject TEXT NOT NULL, run_id BIGINT, data TEXT, payload_hash TEXT NOT NULL, previous TEXT NOT NULL,
    digest TEXT NOT NULL) {clustered};
CREATE INDEX audit_run ON audit_event (run_id, seq) WHERE run_id IS NOT NULL;
CREATE INDEX audit_subject ON audit_event (subject, seq);
CREATE INDEX audit_kind ON audit_event (kind, seq);
CREATE TABLE audit_head (
    only INTEGER NOT NULL PRIMARY KEY CHECK (only = 1), seq BIGINT NOT NULL, digest TEXT NOT NULL);
CREATE TABLE command (
    id {identity}, kind TEXT NOT NULL, payload TEXT NOT NULL, requested_by TEXT NOT NULL, requested_at BIGINT NOT NULL,
    worker TEXT, claimed_at BIGINT, ended_at BIGINT, ok INTEGER, answer TEXT NOT NULL);
CREATE INDEX command_open ON command (id) WHERE ended_at IS NULL;
CREATE TABLE schedule (flow TEXT NOT NULL PRIMARY KEY, next_at BIGINT, last_slot BIGINT, claimed_at BIGINT);
CREATE TABLE budget (
    connection TEXT NOT NULL PRIMARY KEY, arrival BIGINT NOT NULL, blocked_until BIGINT NOT NULL,
    minute BIGINT NOT NULL, used INTEGER NOT NULL, used_before INTEGER NOT NULL);
CREATE TABLE token (
    connection TEXT NOT NULL PRIMARY KEY, sealed {binary}, refresher TEXT, refresh_until BIGINT NOT NULL);
CREATE TABLE master_key (
    version INTEGER NOT NULL PRIMARY KEY, kind TEXT NOT NULL, key_id TEXT NOT NULL, salt {binary} NOT NULL,
    made_at BIGINT NOT NULL, made_by TEXT NOT NULL, current INTEGER NOT NULL);
CREATE TABLE credential (
    connection TEXT NOT NULL PRIMARY KEY, wrapped {binary} NOT NULL, data_key_version INTEGER NOT NULL,
    key_version INTEGER NOT NULL REFERENCES master_key (version), changed_at BIGINT NOT NULL, changed_by TEXT NOT NULL);
CREATE TABLE credential_field (
    connection TEXT NOT NULL REFERENCES credential (connection), field TEXT NOT NULL, sealed {binary} NOT NULL,
    PRIMARY KEY (connection, field));
"""

# Amounts are exact decimals as text: no database adds them up. first_line: where a document's lines begin.
_WRITEBACK = """
ALTER TABLE run ADD COLUMN purpose TEXT NOT NULL DEFAULT 'flow';
ALTER TABLE run ADD COLUMN proposal BIGINT;
CREATE TABLE proposal (
    id {identity}, flow TEXT NOT NULL, target_id BIGINT NOT NULL REFERENCES target (id),
    run_id BIGINT REFERENCES run (id), parent BIGINT REFERENCES proposal (id), fingerprint TEXT NOT NULL,
    head TEXT NOT NULL, origin TEXT NOT NULL, author TEXT NOT NULL, author_key TEXT NOT NULL, made_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL, documents BIGINT NOT NULL, lines BIGINT NOT NULL, gross TEXT NOT NULL,
    changes TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, gates TEXT NOT NULL, gates_at BIGINT NOT NULL,
    checked_at BIGINT);
CREATE INDEX proposal_flow ON proposal (flow, id);
CREATE INDEX proposal_state ON proposal (state, id);
CREATE INDEX proposal_fingerprint ON proposal (fingerprint, id);
CREATE UNIQUE INDEX proposal_alive ON proposal (fingerprint) WHERE state IN ('planned', 'held', 'approved');
CREATE TABLE proposal_line (
    proposal_id BIGINT NOT NULL, number BIGINT NOT NULL, target_id BIGINT NOT NULL, document BIGINT,
    kind TEXT NOT NULL, change TEXT NOT NULL, key TEXT NOT NULL, company_code TEXT NOT NULL, gl_account TEXT NOT NULL,
    cost_center TEXT NOT NULL, profit_center TEXT NOT NULL, currency TEXT NOT NULL, posting_date TEXT NOT NULL,
    wanted TEXT NOT NULL, posted TEXT NOT NULL, amount TEXT NOT NULL, text TEXT NOT NULL, export_row BIGINT NOT NULL,
    source TEXT NOT NULL, last TEXT, decision TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '',
    comment TEXT NOT NULL DEFAULT '', PRIMARY KEY (proposal_id, number)) {clustered};
CREATE INDEX proposal_line_key ON proposal_line (target_id, key);
CREATE TABLE document (
    proposal_id BIGINT NOT NULL REFERENCES proposal (id), number BIGINT NOT NULL, first_line BIGINT NOT NULL,
    company_code TEXT NOT NULL, currency TEXT NOT NULL, posting_date TEXT NOT NULL, document_date TEXT NOT NULL,
    document_type TEXT NOT NULL, header_text TEXT NOT NULL, items BIGINT NOT NULL, debit TEXT NOT NULL,
    credit TEXT NOT NULL, digest TEXT NOT NULL, reference TEXT NOT NULL, message_id TEXT NOT NULL,
    payload_digest TEXT NOT NULL, state TEXT NOT NULL, attempt BIGINT NOT NULL, sent_at BIGINT, look_at BIGINT,
    looks BIGINT NOT NULL, accounting_document TEXT NOT NULL, fiscal_year TEXT NOT NULL, said TEXT NOT NULL,
    difference TEXT NOT NULL, proved_at BIGINT, payload {binary} NOT NULL, PRIMARY KEY (proposal_id, number));
CREATE INDEX document_reference ON document (reference);
CREATE INDEX document_posted ON document (accounting_document) WHERE accounting_document <> '';
CREATE INDEX document_open ON document (proposal_id, number)
    WHERE state IN ('sending', 'unknown', 'posted', 'held');
CREATE TABLE approval (
    proposal_id BIGINT NOT NULL REFERENCES proposal (id), number BIGINT NOT NULL, key_id TEXT NOT NULL,
    name TEXT NOT NULL, user_name TEXT NOT NULL, signed_by TEXT NOT NULL, statement TEXT NOT NULL,
    signature {binary} NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (proposal_id, number));
CREATE TABLE period (
    company_code TEXT NOT NULL, year BIGINT NOT NULL, number BIGINT NOT NULL, status TEXT NOT NULL,
    reason TEXT NOT NULL, set_by TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (company_code, year, number));
"""

# obtained_at, expires_at: the life of a token, the end of a credential's certificate; no secret. subject of a command:
# what it is about. waiver: a refused record that a person lets be. replayed: which refused records a replay's run sends
# again.
_CONSOLE = """
ALTER TABLE token ADD COLUMN expires_at BIGINT;
ALTER TABLE token ADD COLUMN obtained_at BIGINT;
ALTER TABLE credential ADD COLUMN expires_at BIGINT;
ALTER TABLE schedule ADD COLUMN paused_at BIGINT;
ALTER TABLE schedule ADD COLUMN paused_by TEXT NOT NULL DEFAULT '';
ALTER TABLE schedule ADD COLUMN paused_why TEXT NOT NULL DEFAULT '';
ALTER TABLE command ADD COLUMN subject TEXT NOT NULL DEFAULT '';
CREATE INDEX command_subject ON command (kind, subject, id);
CREATE INDEX audit_actor ON audit_event (actor, seq);
CREATE TABLE waiver (
    run_id BIGINT NOT NULL, position BIGINT NOT NULL, reason TEXT NOT NULL, waived_by TEXT NOT NULL, at BIGINT NOT NULL,
    PRIMARY KEY (run_id, position));
CREATE TABLE replayed (
    run_id BIGINT NOT NULL REFERENCES run (id), source_run BIGINT NOT NULL, position BIGINT NOT NULL,
    PRIMARY KEY (run_id, source_run, position));
"""

# proposal_sum: level says which fields are told apart (domain.sums.Level); weight sorts by the size of a change; quiet
# is 1 where nothing changed, asks where a line below is flagged. proposal_flag: lines that ask for a second look.
# member_name: what SAP calls a company code, an account or a center; the last two by company code, which decides their
# chart and area. plan_moved: rows of the plan that a comparison found moved, with their amounts then and now.
_REVIEW = """
CREATE TABLE proposal_sum (
    proposal_id BIGINT NOT NULL, level SMALLINT NOT NULL, company_code TEXT NOT NULL, cost_center TEXT NOT NULL,
    gl_account TEXT NOT NULL, currency TEXT NOT NULL, lines BIGINT NOT NULL, own BIGINT NOT NULL, last TEXT,
    wanted TEXT NOT NULL, posted TEXT NOT NULL, debit TEXT NOT NULL, credit TEXT NOT NULL, changes TEXT NOT NULL,
    flagged BIGINT NOT NULL, asks SMALLINT NOT NULL, quiet SMALLINT NOT NULL, weight TEXT NOT NULL,
    PRIMARY KEY (proposal_id, level, company_code, cost_center, gl_account, currency)) {clustered};
CREATE INDEX proposal_sum_account ON proposal_sum
    (proposal_id, level, gl_account, company_code, cost_center, currency);
CREATE INDEX proposal_sum_place ON proposal_sum (company_code, cost_center, gl_account, proposal_id) WHERE level = 5;
CREATE INDEX proposal_sum_flagged ON proposal_sum
    (proposal_id, level, asks, company_code, cost_center, gl_account, currency) WHERE asks = 1;
CREATE INDEX proposal_sum_weight ON proposal_sum
    (proposal_id, currency, weight DESC, company_code, cost_center, gl_account) WHERE level = 5;
CREATE INDEX document_outline ON document
    (proposal_id, company_code, currency, posting_date, document_type, state, items);
CREATE TABLE proposal_flag (
    proposal_id BIGINT NOT NULL, number BIGINT NOT NULL, risk TEXT NOT NULL, words TEXT NOT NULL,
    PRIMARY KEY (proposal_id, number, risk)) {clustered};
CREATE INDEX proposal_line_place ON proposal_line
    (proposal_id, company_code, cost_center, gl_account, currency, number, change);
CREATE INDEX proposal_line_said ON proposal_line (proposal_id, number) WHERE decision <> '' OR comment <> '';
CREATE TABLE plan_moved (
    proposal_id BIGINT NOT NULL, run_id BIGINT NOT NULL, number BIGINT NOT NULL, key TEXT NOT NULL,
    company_code TEXT NOT NULL, cost_center TEXT NOT NULL, gl_account TEXT NOT NULL, currency TEXT NOT NULL,
    was TEXT, now TEXT, words TEXT NOT NULL, PRIMARY KEY (proposal_id, run_id, number)) {clustered};
CREATE TABLE member_name (
    sap_url TEXT NOT NULL, field TEXT NOT NULL, company_code TEXT NOT NULL, code TEXT NOT NULL, name TEXT NOT NULL,
    read_at BIGINT NOT NULL, PRIMARY KEY (sap_url, field, company_code, code)) {clustered};
"""

# A case begins with a record's first refusal and moves on to each newer one; at most one of a key is alive. It says
# nothing that the trail does not: what is open is asked often, and the trail is long.
_CASES = """
CREATE TABLE reject_case (
    id {identity}, target_id BIGINT NOT NULL, key TEXT NOT NULL, run_id BIGINT NOT NULL, position BIGINT NOT NULL,
    cause TEXT NOT NULL, first_run BIGINT NOT NULL, since BIGINT NOT NULL, waived_run BIGINT, waived_position BIGINT,
    solved_run BIGINT, solved_at BIGINT);
CREATE UNIQUE INDEX reject_case_alive ON reject_case (target_id, key) WHERE solved_run IS NULL;
CREATE INDEX reject_case_key ON reject_case (target_id, key);
CREATE INDEX reject_case_open ON reject_case (target_id, cause, run_id, position, since, first_run)
    WHERE solved_run IS NULL AND waived_run IS NULL;
CREATE INDEX reject_case_let_be ON reject_case (target_id, cause, run_id, position, since, first_run)
    WHERE solved_run IS NULL AND waived_run IS NOT NULL;
CREATE INDEX reject_case_solved ON reject_case (solved_run, target_id, cause) WHERE solved_run IS NOT NULL;
CREATE INDEX reject_case_waived ON reject_case (waived_run, waived_position) WHERE waived_run IS NOT NULL;
CREATE INDEX waiver_at ON waiver (at);
"""

# version: of the program that a worker runs. The indexes are what an overview asks for many times a minute.
_SEEN = """
ALTER TABLE worker ADD COLUMN version TEXT NOT NULL DEFAULT '';
CREATE INDEX run_ended ON run (ended_at);
CREATE INDEX run_proposal ON run (proposal, id) WHERE proposal IS NOT NULL;
CREATE INDEX proposal_run ON proposal (run_id, id);
"""


# tie: what a run's tie-out came to, with its figures. tie_difference: the first scopes in which two hops do not agree.
_TIES = """
CREATE TABLE tie (
    run_id BIGINT NOT NULL PRIMARY KEY REFERENCES run (id), verdict TEXT NOT NULL, words TEXT NOT NULL,
    data TEXT NOT NULL, digest TEXT NOT NULL);
CREATE TABLE tie_difference (
    run_id BIGINT NOT NULL, number BIGINT NOT NULL, scope TEXT NOT NULL, hop TEXT NOT NULL, other_hop TEXT NOT NULL,
    expected_count BIGINT, expected TEXT, found_count BIGINT, found TEXT, words TEXT NOT NULL,
    PRIMARY KEY (run_id, number)) {clustered};
"""

# survey: what a run found before it sent anything. permission: a person's word for what a run asked about; used_by: the
# one run that went on with it.
_CONCERNS = """
CREATE TABLE survey (
    run_id BIGINT NOT NULL PRIMARY KEY REFERENCES run (id), target_id BIGINT NOT NULL, data TEXT NOT NULL,
    digest TEXT NOT NULL);
CREATE TABLE concern (
    run_id BIGINT NOT NULL, number BIGINT NOT NULL, look TEXT NOT NULL, rule TEXT NOT NULL, change TEXT NOT NULL,
    subject TEXT NOT NULL, was TEXT NOT NULL, now TEXT NOT NULL, effect TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (run_id, number)) {clustered};
CREATE TABLE permission (
    run_id BIGINT NOT NULL PRIMARY KEY REFERENCES run (id), target_id BIGINT NOT NULL, reason TEXT NOT NULL,
    given_by TEXT NOT NULL, at BIGINT NOT NULL, digest TEXT NOT NULL, used_by BIGINT);
CREATE INDEX permission_open ON permission (target_id) WHERE used_by IS NULL;
CREATE INDEX permission_used ON permission (used_by) WHERE used_by IS NOT NULL;
"""

# explanation: what was told of a cell, a member or a document, when somebody asked both far sides.
_EXPLANATIONS = """
CREATE TABLE explanation (
    id {identity}, subject TEXT NOT NULL, asked_by TEXT NOT NULL, at BIGINT NOT NULL, data TEXT NOT NULL);
CREATE INDEX explanation_subject ON explanation (subject, id);
"""

# owner, note: what a person last put on a case, with the account and the moment. solved_how: loaded, or gone from SAP.
_CASE_WORDS = """
ALTER TABLE reject_case ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE reject_case ADD COLUMN owner_by TEXT NOT NULL DEFAULT '';
ALTER TABLE reject_case ADD COLUMN owner_at BIGINT;
ALTER TABLE reject_case ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE reject_case ADD COLUMN note_by TEXT NOT NULL DEFAULT '';
ALTER TABLE reject_case ADD COLUMN note_at BIGINT;
ALTER TABLE reject_case ADD COLUMN solved_how TEXT NOT NULL DEFAULT 'loaded';
DROP INDEX reject_case_open;
DROP INDEX reject_case_let_be;
DROP INDEX reject_case_solved;
CREATE INDEX reject_case_open ON reject_case (target_id, cause, run_id, position, since, first_run, owner)
    WHERE solved_run IS NULL AND waived_run IS NULL;
CREATE INDEX reject_case_let_be ON reject_case (target_id, cause, run_id, position, since, first_run, owner)
    WHERE solved_run IS NULL AND waived_run IS NOT NULL;
CREATE INDEX reject_case_solved ON reject_case (solved_run, target_id, cause, solved_how) WHERE solved_run IS NOT NULL;
"""

# checkpoint: signed notes, by the last event that each covers. checkpoint_key: public halves of the keys that signed.
# hold: what may not be erased; without run, since and until that is everything.
_EVIDENCE = """
CREATE TABLE checkpoint (seq BIGINT NOT NULL PRIMARY KEY, note TEXT NOT NULL) {clustered};
CREATE TABLE checkpoint_key (signer TEXT NOT NULL PRIMARY KEY, verifier TEXT NOT NULL) {clustered};
CREATE INDEX reject_case_first ON reject_case (first_run);
CREATE TABLE hold (
    name TEXT NOT NULL PRIMARY KEY, run_id BIGINT, since BIGINT, until BIGINT, reason TEXT NOT NULL,
    set_by TEXT NOT NULL, at BIGINT NOT NULL);
"""


# definition: what the last run that went on saw of a file, an import, an entity set and the like.
_DEFINITIONS = """
CREATE TABLE definition (
    target_id BIGINT NOT NULL, what TEXT NOT NULL, run_id BIGINT NOT NULL, data TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (target_id, what));
"""

# master: what the last load of a target that went on saw of SAP's masters. member_use: how many records that a run was
# the first to send name a member of a list.
_MASTERS = """
CREATE TABLE master (
    target_id BIGINT NOT NULL, code TEXT NOT NULL, name TEXT NOT NULL, places TEXT NOT NULL, standing TEXT NOT NULL,
    PRIMARY KEY (target_id, code)) {clustered};
CREATE TABLE member_use (
    run_id BIGINT NOT NULL REFERENCES run (id), list_name TEXT NOT NULL, code TEXT NOT NULL, records BIGINT NOT NULL,
    PRIMARY KEY (run_id, list_name, code)) {clustered};
CREATE INDEX member_use_code ON member_use (list_name, code, run_id);
"""

# What may be erased becomes NULL. master_gone: since when SAP no longer holds a master. hold: also of a proposal, or of
# a period with the days that are posted into it.
_ERASABLE = """
ALTER TABLE concern RENAME TO concern_before;
CREATE TABLE concern (
    run_id BIGINT NOT NULL, number BIGINT NOT NULL, look TEXT NOT NULL, rule TEXT NOT NULL, change TEXT NOT NULL,
    subject TEXT, was TEXT, now TEXT, effect TEXT, digest TEXT NOT NULL, PRIMARY KEY (run_id, number)) {clustered};
INSERT INTO concern (run_id, number, look, rule, change, subject, was, now, effect, digest)
    SELECT run_id, number, look, rule, change, subject, was, now, effect, digest FROM concern_before;
DROP TABLE concern_before;
ALTER TABLE explanation RENAME TO explanation_before;
CREATE TABLE explanation (
    id {identity}, subject TEXT NOT NULL, asked_by TEXT NOT NULL, at BIGINT NOT NULL, data TEXT);
INSERT INTO explanation (id, subject, asked_by, at, data)
    SELECT id, subject, asked_by, at, data FROM explanation_before;
DROP TABLE explanation_before;
CREATE INDEX explanation_subject ON explanation (subject, id);
ALTER TABLE command RENAME TO command_before;
CREATE TABLE command (
    id {identity}, kind TEXT NOT NULL, subject TEXT NOT NULL DEFAULT '', payload TEXT NOT NULL,
    requested_by TEXT NOT NULL, requested_at BIGINT NOT NULL, worker TEXT, claimed_at BIGINT, ended_at BIGINT,
    ok INTEGER, answer TEXT);
INSERT INTO command (id, kind, subject, payload, requested_by, requested_at, worker, claimed_at, ended_at, ok, answer)
    SELECT id, kind, subject, payload, requested_by, requested_at, worker, claimed_at, ended_at, ok, answer
    FROM command_before;
DROP TABLE command_before;
CREATE INDEX command_open ON command (id) WHERE ended_at IS NULL;
CREATE INDEX command_subject ON command (kind, subject, id);
CREATE TABLE master_gone (
    target_id BIGINT NOT NULL, code TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (target_id, code)) {clustered};
ALTER TABLE hold ADD COLUMN proposal BIGINT;
ALTER TABLE hold ADD COLUMN period TEXT NOT NULL DEFAULT '';
ALTER TABLE hold ADD COLUMN company TEXT NOT NULL DEFAULT '';
ALTER TABLE hold ADD COLUMN first_day TEXT;
ALTER TABLE hold ADD COLUMN last_day TEXT;
"""


def _first_tables(tx: Transaction) -> None:
    _apply(tx, _FIRST)
    store_id = secrets.token_hex(16)
    tx.put("meta", {"name": "store_id", "value": store_id})
    chain.begin_chain(tx)
    chain.append(tx, Fact("store.created", "store", store_id, {"store": store_id}))


def _writeback_tables(tx: Transaction) -> None:
    _apply(tx, _WRITEBACK)


def _console_tables(tx: Transaction) -> None:
    _apply(tx, _CONSOLE)
    _apply(tx, _CASES)
    cases.open_all(tx)
    _apply(tx, _SEEN)
    _apply(tx, _REVIEW)
    sums.fill(tx)


def _tie_tables(tx: Transaction) -> None:
    _apply(tx, _TIES)


def _concern_tables(tx: Transaction) -> None:
    _apply(tx, _CONCERNS)


def _explanation_tables(tx: Transaction) -> None:
    _apply(tx, _EXPLANATIONS)


def _case_words(tx: Transaction) -> None:
    _apply(tx, _CASE_WORDS)


def _evidence_tables(tx: Transaction) -> None:
    _apply(tx, _EVIDENCE)


def _definition_tables(tx: Transaction) -> None:
    _apply(tx, _DEFINITIONS)


def _master_tables(tx: Transaction) -> None:
    _apply(tx, _MASTERS)


# sheet: the sums by scope of one hop, packed, under the digest of these bytes; tie-outs and steps name it.
_SHEETS = """
CREATE TABLE sheet (digest TEXT NOT NULL PRIMARY KEY, data {binary} NOT NULL);
"""


def _sheet_table(tx: Transaction) -> None:
    _apply(tx, _SHEETS)


def _erasable_tables(tx: Transaction) -> None:
    _apply(tx, _ERASABLE)


# plan: which timetable the next moment was reckoned by. alert: what a person has to know who is not looking, at most
# one of a kind and subject that is not over. alert_message: what is to be said of it, to one target;
# without alert_id a test.
_ALERTS = """
ALTER TABLE schedule ADD COLUMN plan TEXT NOT NULL DEFAULT '';
CREATE TABLE alert (
    id {identity}, kind TEXT NOT NULL, about TEXT NOT NULL, severity TEXT NOT NULL, stage TEXT NOT NULL,
    words TEXT NOT NULL, look TEXT NOT NULL, since BIGINT NOT NULL, told_at BIGINT NOT NULL,
    over_at BIGINT);
CREATE UNIQUE INDEX alert_alive ON alert (kind, about) WHERE over_at IS NULL;
CREATE TABLE alert_message (
    id {identity}, alert_id BIGINT REFERENCES alert (id), target TEXT NOT NULL, telling TEXT NOT NULL,
    title TEXT NOT NULL, body TEXT NOT NULL, severity TEXT NOT NULL, made_at BIGINT NOT NULL, attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL, sent_at BIGINT, dropped_at BIGINT, said TEXT NOT NULL);
CREATE INDEX alert_message_of ON alert_message (alert_id, id);
CREATE INDEX alert_message_target ON alert_message (target, id);
CREATE INDEX alert_message_open ON alert_message (next_at) WHERE sent_at IS NULL AND dropped_at IS NULL;
"""


def _alert_tables(tx: Transaction) -> None:
    _apply(tx, _ALERTS)


# As store/budget.py says.
_BUDGET_ORDER = """
ALTER TABLE budget ADD COLUMN urgent BIGINT NOT NULL DEFAULT 0;
ALTER TABLE budget ADD COLUMN overtaken BIGINT NOT NULL DEFAULT 0;
ALTER TABLE budget ADD COLUMN put_off BIGINT NOT NULL DEFAULT 0;
"""


def _budget_order(tx: Transaction) -> None:
    _apply(tx, _BUDGET_ORDER)


# life: for how long a holder of a lease may be silent. seen_at: when places in the line were last given out.
_CLOCKS = """
ALTER TABLE lease ADD COLUMN life BIGINT NOT NULL DEFAULT 0;
ALTER TABLE budget ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 0;
"""


def _clock_columns(tx: Transaction) -> None:
    _apply(tx, _CLOCKS)


MIGRATIONS: tuple[Callable[[Transaction], None], ...] = (
    _first_tables,
    _writeback_tables,
    _console_tables,
    _tie_tables,
    _concern_tables,
    _explanation_tables,
    _case_words,
    _evidence_tables,
    _definition_tables,
    _master_tables,
    _sheet_table,
    _erasable_tables,
    _alert_tables,
    _budget_order,
    _clock_columns,
)


def migrate(database: Database, migrations: tuple[Callable[[Transaction], None], ...] = MIGRATIONS) -> None:
    """Bring the store to this program's version, one transaction a step; a new one takes all of them in one.

    Two starters may meet here: each step looks at the version again under the write lock. Raises StoreError for a store
    that a newer program has written, and for a read-only store that an older one left behind.
    """
    wanted = len(migrations)
    while (version := version_of(database)) != wanted:
        if version > wanted:
            raise StoreError(
                f"the store was written by a newer version of this program (tables {version}, here {wanted})",
                hint="Update this installation, or use the newer one.",
            )
        if database.read_only:
            raise StoreError(
                f"the store was written by an older version of this program (tables {version}, here {wanted})",
                hint="Start the worker once: it brings the store up to date.",
            )
        with database.transaction() as tx:
            if version_of(tx) == version:
                _step(tx, version, migrations if version == 0 else migrations[version : version + 1])


def make(tx: Transaction) -> None:
    """The tables of this program's version, as a new store has them."""
    _step(tx, 0, MIGRATIONS)


def version_of(reader: Reader) -> int:
    """How many steps the store has taken; 0 for an empty one."""
    if not reader.has_table("meta"):
        return 0
    found = reader.value("SELECT value FROM meta WHERE name = 'version'")
    try:
        return int(found or 0)
    except ValueError as error:
        raise StoreError(
            f"the store is damaged: its version is {str(found)[:40]!r}",
            hint="Stop every worker and put back a copy of the file.",
        ) from error


def _step(tx: Transaction, version: int, steps: tuple[Callable[[Transaction], None], ...]) -> None:
    if version == 0:
        _apply(tx, "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)")
    for take in steps:
        take(tx)
    reached = version + len(steps)
    tx.put("meta", {"name": "version", "value": str(reached)}, key="name")
    if version:
        chain.append(tx, Fact("store.migrated", "store", "store", {"from": version, "to": reached}))


def _apply(tx: Transaction, script: str) -> None:
    dialect = tx.dialect
    text = script.format(identity=dialect.identity, clustered=dialect.clustered, binary=dialect.binary)
    text = text.replace(" TEXT", f" {dialect.text}")
    for statement in text.split(";"):
        if statement.strip():
            tx.change(statement)
