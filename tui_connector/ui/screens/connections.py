"""Connections: do the tenants answer, does anything end, whose secrets are stored."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll

from tui_connector.review.amounts import counted
from tui_connector.ui.dialogs.credential import SetCredential
from tui_connector.ui.draw import Col, Grid, Line, bar, wrap
from tui_connector.ui.export import Sheet
from tui_connector.ui.screens.answers import AnswersScreen
from tui_connector.ui.screens.base import ConsoleScreen
from tui_connector.ui.screens.discovery import DiscoveryScreen
from tui_connector.ui.tenant_view import checks_high, tenant_block, tenant_brief
from tui_connector.ui.widgets.block import Block, Panel
from tui_connector.ui.widgets.listing import Listing
from tui_connector.views import storing
from tui_connector.views.connections import CredentialRow, read_connections
from tui_connector.views.ends import RENEW, EndRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from textual.app import ComposeResult

    from tui_connector.ui.draw import Cell, Part
    from tui_connector.views.connections import Connections, Tenant
    from tui_connector.views.desk import Desk

_BAR = 24
_ENDS = (
    Col("name", "secret or right", 26, grow=True),
    Col("used", "used for", 32, rank=1),
    Col("days", "days left", 11, right=True, gap=1),
    Col("date", "ends", 11, gap=3),
    Col("bar", "0       30      60     90", _BAR + 2, rank=2),
)
_CREDENTIALS = (
    Col("name", "name", 22),
    Col("fields", "fields", 24, grow=True, role="muted"),
    Col("version", "key version", 11, right=True, role="muted", rank=2),
    Col("set", "set", 11, gap=3, role="muted"),
    Col("used", "last sign-in", 15, role="muted", rank=1),
)
_ENDS_SHOWN, _ENDS_SHORT = 7, 4


class ConnectionsScreen(ConsoleScreen["Connections"]):
    """See the module."""

    DEFAULT_CSS = f"""
    ConnectionsScreen #tenants {{ height: auto; max-height: 60%; scrollbar-size: 0 0; }}
    ConnectionsScreen .pair {{ height: auto; margin-bottom: 1; }}
    ConnectionsScreen.-compact .pair, ConnectionsScreen.-short .pair {{ layout: vertical; }}
    ConnectionsScreen.-short .pair {{ margin-bottom: 0; }}
    ConnectionsScreen.-short #tenants {{ margin-bottom: 1; }}
    ConnectionsScreen #ends {{ max-height: {_ENDS_SHOWN}; }}
    ConnectionsScreen.-short #ends {{ max-height: {_ENDS_SHORT}; }}
    ConnectionsScreen.-short #foot, ConnectionsScreen.-short #renew {{ display: none; }}
    ConnectionsScreen #credentials {{ min-height: 2; }}
    """
    tab = "connections"
    about = "Whether the tenants answer, what was found there, what ends when, and whose secrets are stored."
    BINDINGS: ClassVar[list[Any]] = [
        Binding("d", "discover", "discover", tooltip="what the Anaplan model offers: models, actions, files"),
    ]
    writes: ClassVar[Sequence[Binding]] = (
        Binding("p", "ping", "ping", tooltip="let the worker reach the tenant under the cursor"),
        Binding("a", "ping_all", "ping all", tooltip="let the worker reach every tenant"),
        Binding("K", "set_credential", "set credential…", tooltip="enter or replace the secrets of a connection"),
    )
    bar: ClassVar[Sequence[tuple[str, str]]] = (
        ("↑↓", "move"), ("p", "ping"), ("a", "ping all"), ("enter", "answers"),
        ("K", "set credential…"), ("d", "discover"), ("e", "export"),
    )  # fmt: skip

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._placed = False

    def body(self) -> ComposeResult:
        yield Block(id="sentence")
        names = [one.name for one in self.desk.connections]
        with VerticalScroll(id="tenants", can_focus=False):
            for at in range(0, len(names), 2):
                with Horizontal(classes="pair"):
                    for number in range(at, min(at + 2, len(names))):
                        yield Block(partial(self._tenant, names[number]), id=f"tenant-{number}")
        ends = Listing["EndRow"](
            self._end, key=lambda row: row.name, empty=self._no_end, fit=True, id="ends",
            selectable=lambda _: self._has_focus("ends"),
        )  # fmt: skip
        heads = Block(self._ends_head, id="ends-head")
        yield Panel("What ends when", heads, ends, note="marked from 30 days on", id="ends-panel")
        yield Block(self._renew, id="renew")
        credentials = Listing["CredentialRow"](
            self._credential, key=lambda row: row.name, empty=self._no_credential, id="credentials",
            selectable=lambda _: self._has_focus("credentials"),
        )  # fmt: skip
        heads = Block(lambda width: [Grid(_CREDENTIALS, width, indent=4).head()], id="credentials-head")
        yield Panel(
            "Credentials", heads, credentials, note="sealed with AES-256-GCM, never shown", id="credentials-panel",
            classes="-fill",
        )  # fmt: skip
        yield Block(lambda width: wrap(self.model.master_key if self.model else "", width, "muted"), id="foot")

    # --- the model ----------------------------------------------------------------------------------------------

    def read(self) -> Connections:
        return read_connections(self.desk)

    def show(self, model: Connections) -> None:
        self.query_one("#sentence", Block).tell(lambda width: self._sentence(model, width))
        for number, tenant in enumerate(model.tenants):
            self.query_one(f"#tenant-{number}", Block).tell(partial(self._tenant, tenant.name))
        word = self.filter.casefold()
        ends = [one for one in model.ends if word in f"{one.name} {one.used_for}".casefold()]
        self.query_one("#ends", Listing).show_rows(ends)
        self.query_one("#ends-head", Block).tell(self._ends_head)
        panel = self.query_one("#ends-panel", Panel)
        panel.head.name_it("What ends when", f"with {self.filter}" if self.filter else "marked from 30 days on")
        self.query_one("#renew", Block).tell(self._renew)
        self.query_one("#credentials", Listing).show_rows(
            [one for one in model.credentials if word in f"{one.name} {one.fields}".casefold()]
        )
        foot = self.query_one("#foot", Block)
        foot.tell(lambda width: [Line(), *wrap(model.master_key, width, "muted")])
        if not self._placed and not self.prompt.asks:
            self._placed = True
            self.restore_focus()

    def restore_focus(self) -> None:
        """Where something can be chosen: what ends, else the credentials."""
        mine = any(not one.renewed for one in self.model.ends) if self.model else False
        self.query_one("#ends" if mine else "#credentials").focus()

    def tick(self) -> None:
        if self.model is not None and (self.model.waits or self._lives_on()):
            self.reread()

    def _lives_on(self) -> bool:
        """Whether what is shown is old enough to be read anew: tokens and days go by without anything happening."""
        return self.model is not None and (self.desk.clock.now() - self.model.at).total_seconds() >= 20

    def _has_focus(self, name: str) -> bool:
        return self.query_one(f"#{name}").has_focus

    # --- drawing ------------------------------------------------------------------------------------------------

    def path(self) -> Sequence[Part]:
        if self.model is None:
            return ()
        told = [one.name for one in self.model.tenants]
        return (("Connections", "muted"), (f"  {'  ↔  '.join(told)}", "ink"))

    def _sentence(self, model: Connections, width: int) -> Sequence[Line]:
        lines = wrap(model.sentence, width, "bright")
        if self.short:
            lines = [Line(), *lines[:2]]
            return [*lines, *wrap(model.beside, width, model.beside_role)[:1]] if model.waits else lines
        return [*lines, *wrap(model.beside, width, model.beside_role), Line()]

    def _tenant(self, name: str, width: int) -> Sequence[Line]:
        tenant = self.model.tenant(name) if self.model else None
        if tenant is None:
            return ()
        if self.short:
            return tenant_brief(tenant, width)
        beside = [one for one in self._pair(name) if not self.compact]
        high = max((checks_high(one, width) for one in beside), default=0)
        return tenant_block(tenant, width, high)

    def _pair(self, name: str) -> Sequence[Tenant]:
        """The tenants in one row with this one."""
        tenants = self.model.tenants if self.model else ()
        at = next((index for index, one in enumerate(tenants) if one.name == name), 0)
        return tenants[at - at % 2 : at - at % 2 + 2]

    def _ends_head(self, width: int) -> Sequence[Line]:
        return [Grid(_ENDS, width, indent=4).head()] if self.model and self.model.ends else []

    def _end(self, row: EndRow, width: int, selected: bool) -> Line:
        now, zone, role = self.desk.clock.now(), self.desk.zone, row.mark.role
        mine = "bright" if selected else "ink"
        cells: dict[str, Cell] = {
            "name": (row.name, mine if role == "ok" else role), "used": (row.used_for, "muted"),
            "days": (row.days, "bright" if role != "ok" or selected else mine),
            "date": (row.date(now, zone), mine if role != "ok" else "muted"),
            "bar": (*bar(row.share, _BAR, role if role != "ok" else "muted"), (" ›" if row.beyond else "", "muted")),
        }  # fmt: skip
        return Grid(_ENDS, width, indent=4).line(cells, (row.mark.glyph, row.mark.role))

    def _no_end(self, width: int) -> Sequence[Line]:
        if self.filter:
            return [Line((f"Nothing that ends has {self.filter}. esc clears the filter.", "muted"))]
        return wrap("Nothing here ends: no certificate is stored, no token is out, no proposal waits.", width, "muted")

    def _renew(self, width: int) -> Sequence[Line]:
        if self.model is None or not self.model.renew:
            return []
        before, after = RENEW.split("{key}")
        key = ("`credentials set`", "ink") if self.desk.read_only else ("K", "accent!")
        label, _, rest = before.partition(" register")
        return [Line((label, "muted"), (f" register{rest}", "ink"), key, (after, "ink"), indent=4), Line()]

    def _credential(self, row: CredentialRow, width: int, selected: bool) -> Line:
        cells: dict[str, Cell] = {
            "name": (row.name, "bright" if selected else "ink"),
            "fields": (row.fields, row.mark.role if row.mark.role == "warn" else "muted"),
            "version": row.key_version, "set": row.set, "used": row.used,
        }  # fmt: skip
        return Grid(_CREDENTIALS, width, indent=4).line(cells, (row.mark.glyph, row.mark.role))

    def _no_credential(self, width: int) -> Sequence[Line]:
        told = f"No connection has {self.filter}." if self.filter else "No connection is configured in config.toml."
        return wrap(told, width, "muted")

    # --- keys ---------------------------------------------------------------------------------------------------

    @property
    def _chosen(self) -> str:
        """The connection under the cursor; "" for none."""
        focused = self.focused
        row = focused.row if isinstance(focused, Listing) else None
        if isinstance(row, EndRow):
            return row.connection
        return row.name if isinstance(row, CredentialRow) else ""

    def on_listing_chosen(self, event: Listing.Chosen) -> None:
        row = event.row
        if isinstance(row, EndRow) and row.open_with:
            self.shell.go(row.open_with)
        elif name := self._chosen:
            self.app.push_screen(AnswersScreen(self.desk, name))
        else:
            self._say_choose()

    def action_discover(self) -> None:
        name = self._chosen if self._chosen.startswith("anaplan.") else self._only_model()
        if name:
            self.app.push_screen(DiscoveryScreen(self.desk, name))
        else:
            self.say("Choose an Anaplan connection: only a model can be looked into.", "warn")

    def _only_model(self) -> str:
        models = [one.name for one in self.desk.connections if one.kind == "anaplan"]
        return models[0] if len(models) == 1 else ""

    def action_ping(self) -> None:
        if self._chosen:
            self.run_worker(self._ping([self._chosen]))
        else:
            self._say_choose()

    def action_ping_all(self) -> None:
        self.run_worker(self._ping([one.name for one in self.desk.connections]))

    async def _ping(self, wanted: Sequence[str]) -> None:
        acts = self.desk.acts
        waits = self.model.waits if self.model else ()
        asked = [name for name in wanted if name not in waits]
        if acts is None or not asked:
            return
        if await self.act(lambda: [acts.command("ping", name, {}) for name in asked]):
            self.say(f"Asked {counted(len(asked), 'tenant')}." if len(asked) > 1 else f"Asked {asked[0]}.")

    def action_set_credential(self) -> None:
        if not self._chosen:
            self._say_choose()
            return
        ask_credential(self, self._chosen)

    def _say_choose(self) -> None:
        self.say("Choose a connection first: tab leads to the credentials.", "warn")

    def one_id(self) -> str | None:
        return self._chosen or None

    def sheet(self) -> Sheet | None:
        columns = ("tenant", "check", "state", "found", "ms", "next", "pinged")
        return Sheet("connections", columns, self._sheet_rows, self.filter) if self.desk.connections else None

    def _sheet_rows(self) -> Iterator[Mapping[str, Any]]:
        for tenant in read_connections(self.desk).tenants:
            for check in tenant.checks:
                yield {
                    "tenant": tenant.name, "check": check.name, "state": check.mark.word, "found": check.words,
                    "ms": check.ms.removesuffix(" ms").replace(",", ""), "next": check.hint, "pinged": tenant.pinged_at,
                }  # fmt: skip


def ask_credential(screen: ConsoleScreen[Any], name: str) -> None:
    """Ask for a connection's secrets and store what is entered."""
    acts = screen.desk.acts
    if acts is None or name not in {one.name for one in screen.desk.connections}:
        screen.say(f"{name} is not configured any more.", "warn")
        return
    stored = any(info.name == name for info in screen.desk.store.credentials.names())
    dialog = SetCredential(name, screen.desk.environment, acts.secret_fields(name), stored=stored)

    def entered(values: Mapping[str, str] | None) -> None:
        if values is not None:
            screen.do(lambda: storing.store(screen.desk, name, values))

    screen.app.push_screen(dialog, entered)
