"""The frame of every decision: its effect in full, what to look at first, then what has to be typed; and the act."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from textual.containers import Horizontal
from textual.widgets import Input

from tui_connector.domain.errors import AuthenticationError, ConnectorError
from tui_connector.ui.dialogs.base import Dialog, Tell, TypedInput
from tui_connector.ui.draw import MARGIN, Line, rule, wrap
from tui_connector.ui.widgets.block import Block
from tui_connector.ui.widgets.text_input import TextInput
from tui_connector.views.deciding import Against, match

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    from textual.app import ComposeResult
    from textual.widget import Widget

    from tui_connector.ui.draw import Part
    from tui_connector.views.deciding import Deciding

Answer = TypeVar("Answer")
_LABEL = 16
_WIDE, _HIGH = 110, 36
_ATTEMPTS = 3
_TYPED = 21  # cells of an input beside which is told how far it matches
_LOST = (
    "A passphrase cannot be recovered. When you have lost it, make a new key, tui-connector approver init --name NAME,"
    " and have it enrolled. Until then another approver can sign."
)


class _Shell(Protocol):
    def in_thread(self, work: Callable[[], Answer]) -> Awaitable[Answer]: ...


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to type. wanted: the very text, which cannot be pasted; secret: a passphrase. why: what is missing."""

    name: str
    label: str
    wanted: str = ""
    secret: bool = False
    value: str = ""
    why: str = ""
    optional: bool = False

    @property
    def typed(self) -> bool:
        """Whether it has to be typed."""
        return bool(self.wanted) or self.secret

    def holds(self, said: str) -> bool:
        """Whether it may stand so."""
        if self.wanted:
            return match(self.wanted, said).whole
        return self.optional or bool(said if self.secret else said.strip())


@dataclass(frozen=True, slots=True)
class Words:
    """What a decision calls itself. ask: over the input; below: under that; enter: what the key does; doing: meanwhile.

    nothing: said when it did not come about.
    """

    ask: str
    enter: str
    doing: str
    nothing: str
    below: tuple[Part, ...] = ()


class Decide(Dialog[str]):
    """Shows what a decision does, asks for what has to be typed, and answers with one sentence once it is done.

    read: what is told, in a thread; again whenever the store moves. act: does it, in a thread, with what was typed.
    """

    DEFAULT_CSS = f"""
    Decide.-low > #box {{ padding: 0 1; }}
    Decide .row {{ height: 1; width: 1fr; }}
    Decide .label {{ width: 18; }}
    Decide .sign {{ width: 2; background: $raised; }}
    Decide .note {{ width: 1fr; }}
    Decide Input {{ width: 1fr; margin-right: 2; padding: 0; }}
    Decide TypedInput {{ width: {_TYPED}; margin-right: 2; padding: 0; }}
    """

    def __init__(
        self,
        title: str,
        read: Callable[[], Deciding],
        act: Callable[[Mapping[str, str]], str],
        fields: Sequence[Field],
        words: Words,
    ) -> None:
        super().__init__(title, self._effect)
        self._read, self._act, self._fields, self._words = read, act, tuple(fields), words
        self._model: Deciding | None = None
        self._against: Against | None = None
        self._told: tuple[str, Sequence[Part]] = ("", ())
        self._at_work = self._looking = self._again = False
        self._wrong = 0

    # --- what stands there ------------------------------------------------------------------------------------

    def asked(self) -> ComposeResult:
        yield Block(self._ask, id="ask", ground="surface")
        yield from self.choice()
        for field in self._fields:
            with Horizontal(id=f"row-{field.name}", classes="row"):
                yield Block(partial(_label, field), classes="label", ground="surface")
                yield Block(lambda _: [Line(("› ", "accent"), indent=0)], classes="sign", ground="raised")
                yield self._input(field)
                if field.typed:
                    yield Block(id=f"note-{field.name}", classes="note", ground="surface")
        yield Block(self._state, id="state", ground="surface")
        yield Block(self._foot, id="foot", ground="surface")

    def choice(self) -> Iterator[Widget]:
        """What is chosen before anything is typed."""
        yield from ()

    def _input(self, field: Field) -> TextInput:
        if field.wanted:
            made: TextInput = TypedInput(field.value, id=field.name)
        else:
            made = TextInput(field.value, secret=field.secret, id=field.name)
        if field.secret:
            made.styles.width = _TYPED
        made.styles.padding = 0
        made.styles.background_tint = "transparent"
        return made

    def _effect(self, width: int) -> Sequence[Line]:
        model = self._model
        if model is None:
            return self._refusal(width) if self._against else [Line(("reading…", "muted"))]
        then = wrap(model.then, width, "muted") if self._against is None else ()
        lines = [*wrap(model.sentence, width, "bright" if self._against is None else "ink"), *then]
        if model.effects:
            lines.append(Line())
        for one in model.effects:
            if one.minor and self._low:
                continue
            line = Line((one.label, "muted")).to(MARGIN + _LABEL)
            if one.word:
                line.put(f" {one.word} ", "word").put(" ", "plain")
            lines.append(line.put(one.text, "bright" if one.bright else "ink", limit=width - MARGIN - line.width))
        if self._against:
            return [*lines, Line(), *self._refusal(width)]
        facts = [one for one in model.facts if not self._low or one.glyph != "✓"]
        if facts:
            lines += [Line(), rule("Before you sign", "", width, active=False)]
        for fact in facts:
            first, *more = wrap(fact.word, width, "ink", indent=MARGIN + 2)
            if more and self._low:
                lines.append(Line((f"{fact.glyph} ", fact.role)).put(fact.word, "ink", limit=width - 3 * MARGIN))
            else:
                lines += [Line((f"{fact.glyph} ", fact.role), *first.parts[1:]), *more]
        return lines

    @property
    def _low(self) -> bool:
        """Whether there is no room for what is well."""
        return self.size.width < _WIDE or self.size.height < _HIGH

    def _refusal(self, width: int) -> Sequence[Line]:
        assert self._against is not None  # noqa: S101 - asked only then
        first, *more = wrap(self._against.why, width, "bright", indent=MARGIN + 2)
        hint = wrap(self._against.hint, width, indent=MARGIN + 2)
        return [Line(("✗ ", "fail"), *first.parts[1:]), *more, Line((f"  {self._words.nothing}", "ink")), *hint]

    def _ask(self, width: int) -> Sequence[Line]:
        if not self._open:
            return []
        head, air = [Line(), rule(self._words.ask, "", width, active=True)], [] if self._low else [Line()]
        return [*head, *air, *([Line(*self._words.below), *air] if self._words.below else ())]

    def _state(self, width: int) -> Sequence[Line]:
        glyph, parts = self._told
        if not self._open or not parts:
            return [Line()] if self._open else []
        lines = wrap(parts[0][0], width, parts[0][1], indent=MARGIN + (2 if glyph else 0))
        if glyph:
            lines[0] = Line((f"{glyph} ", "fail"), *lines[0].parts[1:])
        for text, role in parts[1:]:
            lines += wrap(text, width, role, indent=MARGIN + 2)
        return lines

    def _foot(self, width: int) -> Sequence[Line]:
        line = Line() if self._at_work else Line(("esc", "accent!"), (" go back", "ink"))
        if self._open and not self._at_work:
            line.right(self.enter_words(), "muted", width - MARGIN)
        return [line] if self._low and self._open else [Line(), line]

    def enter_words(self) -> str:
        """What enter does now."""
        for field in self._fields:
            if field.wanted and not field.holds(self._said(field)):
                return f"enter {self._words.enter} once all {len(''.join(field.wanted.split()))} match"
        return f"enter {self._words.enter}"

    @property
    def _open(self) -> bool:
        return self._model is not None and self._against is None

    def _said(self, field: Field) -> str:
        return self.query_one(f"#{field.name}", Input).value

    # --- reading ----------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._show()
        self.reread()

    def reread(self) -> None:
        """Read anew what the decision does; others may have decided since."""
        if self._looking:
            self._again = True
        elif not self._at_work:
            self._looking = True
            self.run_worker(self._look(), group="look")

    async def _look(self) -> None:
        first = self._model is None
        try:
            while True:
                self._again = False
                try:
                    model = await cast("_Shell", self.app).in_thread(self._read)
                except ConnectorError as error:
                    self._against = Against(error.message, error.hint)
                else:
                    self._model, self._against = model, model.against
                if not self._again:
                    break
        finally:
            self._looking = False
        if not self.is_attached or self._at_work:
            return
        self._show()
        if first and self._open:
            self.focus_first()

    def focus_first(self) -> None:
        """Give the focus to what comes first."""
        wanted = [one for one in self._fields if self.wants(one)]
        self._focus(next((one for one in wanted if not one.holds(self._said(one))), wanted[-1]))

    def _focus(self, field: Field) -> None:
        self.query_one(f"#{field.name}", Input).focus()

    def on_resize(self) -> None:
        self.set_class(self._low, "-low")
        self._show()

    def _show(self) -> None:
        """Draw everything as it stands; what was typed stays in its inputs."""
        before = True
        for field in self._fields:
            self.query_one(f"#row-{field.name}").display = self._open
            entry = self.query_one(f"#{field.name}", Input)
            entry.disabled = self._at_work or not self.wants(field) or (field.secret and not before)
            before = before and field.holds(entry.value)
            if field.typed:
                self.query_one(f"#note-{field.name}", Block).tell(partial(self._note, field))
        for name, lines in (
            ("told", self._effect), ("ask", self._ask), ("state", self._state), ("foot", self._foot)
        ):  # fmt: skip
            self.query_one(f"#{name}", Block).tell(lines)
        self._fit()

    def wants(self, field: Field) -> bool:
        """Whether a field is asked for now."""
        del field
        return True

    def _note(self, field: Field, width: int) -> Sequence[Line]:
        del width
        entry = self.query_one(f"#{field.name}", Input)
        if not field.wanted:
            words = "after that" if entry.disabled else "neither shown nor kept"
            if self._wrong:
                words = f"attempt {self._wrong + 1} of {_ATTEMPTS}"
            return [Line(("" if self._at_work else words, "muted"), indent=0)]
        found = match(field.wanted, entry.value)
        glyph: tuple[Part, ...] = ((("✓ ", "ok"),) if found.whole else ()) if found.wrong is None else (("✗ ", "fail"),)
        return [Line(*glyph, (found.words, "ink" if entry.value else "muted"), indent=0)]

    # --- typing and acting ------------------------------------------------------------------------------------

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.value:
            self._told = ("", ())
        self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not self._open or self._at_work:
            return
        for field in self._fields:
            if self.wants(field) and not field.holds(self._said(field)):
                if event.input.id == field.name and field.why:
                    self._told = ("✗", ((field.why, "ink"),))
                    self._show()
                else:
                    self._show()
                    self._focus(field)
                return
        self._begin()

    def _begin(self) -> None:
        said = {field.name: self._said(field) for field in self._fields if self.wants(field)}
        for field in self._fields:
            if field.secret:
                self.query_one(f"#{field.name}", Input).value = ""  # it stays nowhere but in the call
        self._at_work, self._told = True, ("", ((self._words.doing, "muted"),))
        self._show()
        self.run_worker(self._do(said), group="act")

    async def _do(self, said: dict[str, str]) -> None:
        try:
            told = await cast("_Shell", self.app).in_thread(lambda: self._act(said))
        except AuthenticationError as error:
            self._at_work = False
            self._passphrase_was_wrong(error)
        except ConnectorError as error:
            self._at_work = False
            self._told = ("✗", ((error.message, "bright"), (f"{self._words.nothing} {error.hint}", "ink")))
            self._show()
            self.reread()
            self.focus_first()
        else:
            self.dismiss(told)
        finally:
            said.clear()

    def _passphrase_was_wrong(self, error: ConnectorError) -> None:
        self._wrong += 1
        if self._wrong < _ATTEMPTS:
            self._told = ("✗", ((f"The passphrase does not open your key. {self._words.nothing}", "bright"),))
            self._show()
            self._focus(next(one for one in self._fields if one.secret))
            return
        app = self.app
        self.dismiss(None)

        def lines(width: int) -> Sequence[Line]:
            return [
                *wrap(f"Three passphrases did not open your key. {self._words.nothing}", width, "bright"), Line(),
                *wrap(f"{error.message[:1].upper()}{error.message[1:]}.", width),
                *wrap(_LOST, width),
            ]  # fmt: skip

        app.call_later(app.push_screen, Tell(self._words.nothing.rstrip("."), lines))

    def action_leave(self) -> None:
        if not self._at_work:  # what is being signed cannot be taken back by looking away
            self.dismiss(None)


def _label(field: Field, width: int) -> Sequence[Line]:
    del width
    return [Line((field.label, "muted"))]


class _Below(Protocol):
    """What a decision needs of the screen that it stands before."""

    app: Any

    def greet(self, text: str) -> None: ...


def decide(screen: _Below, dialog: Decide) -> None:
    """Open a decision over a screen, which says afterwards what came of it."""

    def tell(told: str | None) -> None:
        if told:
            screen.greet(told)

    screen.app.push_screen(dialog, tell)
