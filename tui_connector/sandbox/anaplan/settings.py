"""The switches of the simulated Anaplan tenant."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class AnaplanSettings:
    """Every behaviour a test can turn; times in seconds, sizes in bytes."""

    # Tokens
    basic_allowed: bool = True
    password: str = ""  # of the integration user in place of the usual one
    token_mark: str = ""  # how every token begins
    certificate_v1: bool = False
    certificate_tolerance: int = 300
    token_seconds: int = 2100
    refresh_changes_token: bool = False
    oauth_rotating: bool = True
    oauth_refresh_seconds: int = 43_000
    oauth_error_status: int = 403
    device_interval: int = 5
    device_seconds: int = 900
    # Requests
    rate_limit: bool = True
    rate_capacity: int = 600
    rate_per_second: float = 10.0
    retry_after_form: str = "seconds"  # seconds | date | none
    max_concurrent: int = 0  # 0: no limit
    costly_reads: int = 0  # so many reads of list items and view data at once, refilled at one a minute; 0: no limit
    page_cap: int = 5000
    next_at_end: bool = True
    no_access: bool = False  # every model is hidden behind 404
    # Model
    busy_hang: bool = True
    busy_hang_seconds: float = 20.0
    busy_blocks_uploads: bool = False
    # Files
    complete_seconds: float = 0.0
    file_seconds: int = 172_800  # private content perishes after that long without access
    missing_chunks: str = "concatenate"  # concatenate | fail
    export_chunk_bytes: int = 10_000_000
    export_encoding: str = "UTF-8"
    export_separator: str = ","
    export_qualifier: str = '"'
    export_newline: str = "\n"
    export_bom: bool = False
    export_number_format: str = "plain"  # plain | german | exponent
    export_truncate_rows: int = 0  # so many records are missing at the end, control lines included
    export_header_only: bool = False
    export_hide_rows: int = 0  # so many rows the user may not see; control lines count them nevertheless
    export_shift_column: bool = False  # in the first row a blank value is left out, what follows moves left
    export_control_off: bool = False  # the first control line is wrong by 0.01
    # Tasks
    task_queue_seconds: float = 0.02
    task_seconds: float = 0.3
    task_seconds_per_row: float = 0.0
    cancel_seconds: float = 0.1
    task_behaviour: str = "normal"  # normal | endless | cancelled | failing | lost
    task_behaviour_for: str = ""  # pattern searched in the action's name; empty: every action
    task_behaviour_times: int = -1  # how many tasks behave so; -1: all
    task_start_502: int = 0  # so many starts answer 502 although the task was started
    cancel_status: int = 200
    process_ignored_is_failure: bool = False
    shuffle_values: bool = False  # details: order of the keys shuffled, one null value
    # Imports
    room: int = -1  # so many members may still be created; -1: no limit
    room_variant: str = "failed"  # failed | silent
    code_limit: int = 60
    dump_ignored: str = ""  # letter of rows in a dump of which something was ignored; blank: they are not in it
    odd_error_words: bool = False  # errors are called by words that no client can know
    dump_chunk_bytes: int = 10_000_000
    missing_dump_status: int = 404  # answer of dump chunk lists without a dump: 200, 204, 400 or 404
    # Large reads
    read_page_rows: int = 10_000
    view_members: str = "codes"  # codes | names: what large reads of views show of members
    read_seconds: float = 0.0
