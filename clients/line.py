"""The line one types in on a terminal, and what arrives above it. Of the texts it knows only what must not be seen.

The line is an application of prompt_toolkit that runs from start to end. To print, it is taken away, the text is
written, and it is drawn again, all in one turn. prompt_toolkit's own ways (patch_stdout, run_in_terminal) give the
terminal back to its cooked mode each time, where what is typed at that moment is echoed into the text.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.clipboard import InMemoryClipboard
from prompt_toolkit.completion import Completer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import (
    BufferControl,
    ConditionalContainer,
    Dimension,
    Float,
    FloatContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    Window,
)
from prompt_toolkit.layout.menus import CompletionsMenu
from prompt_toolkit.layout.processors import (
    BeforeInput,
    PasswordProcessor,
    Processor,
    Transformation,
    TransformationInput,
)
from prompt_toolkit.layout.utils import explode_text_fragments
from prompt_toolkit.output import Output, create_output
from prompt_toolkit.renderer import print_formatted_text
from prompt_toolkit.styles import Style
from prompt_toolkit.widgets import SearchToolbar

from clients.secret import secret_in

MENU = 8  # rows of the completion menu at most
TALLEST = 10  # rows of the input at most; beyond them it scrolls
LOW = 4  # rows; a lower terminal has no state line


class _Starred(Processor):
    """Shows stars in place of a password that is typed behind its command."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        fragments = explode_text_fragments(transformation_input.fragments)
        secret = secret_in(transformation_input.document.text)
        if secret is None:
            return Transformation(fragments)
        first = secret.start if transformation_input.lineno == 0 else 0
        return Transformation([
            (piece[0], "*") if first <= number and piece[1] != "\n" else piece for number, piece in enumerate(fragments)
        ])  # fmt: skip


class Line:
    """An input line with a state line under it.

    `on_line` gets what was typed when Enter is pressed, `on_leave` is called for Ctrl-C and Ctrl-D; `state` returns
    what stands in the state line. All are called on the thread that runs it.
    """

    def __init__(
        self,
        completer: Completer,
        style: Style,
        *,
        on_line: Callable[[str], None],
        on_leave: Callable[[], None],
        state: Callable[[], StyleAndTextTuples],
    ) -> None:
        self._on_line, self._on_leave = on_line, on_leave
        self._question = ""
        self._style = style
        self._output = terminal_output()
        self._buffer = Buffer(completer=completer, history=InMemoryHistory(), multiline=False)
        self._secret = Buffer(multiline=False)
        self._answer: Callable[[str | None], None] | None = None
        self._search = SearchToolbar()
        self._app: Application[int] = Application(
            layout=Layout(self._layout(state), focused_element=self._buffer),
            key_bindings=self._keys(),
            style=style,
            output=self._output,
            erase_when_done=True,
            before_render=self._shrink,
        )

    @property
    def columns(self) -> int:
        """The width of the terminal."""
        return self._output.get_size().columns

    def run(self, begin: Callable[[], None]) -> int:
        """Call `begin`, then read lines until `end`; return the number it was given; 0 where the terminal has gone."""

        def start() -> None:
            if loop := self._app.loop:
                with contextlib.suppress(NotImplementedError):  # Windows
                    loop.add_signal_handler(signal.SIGTERM, self._on_leave)
            begin()

        try:
            return self._app.run(pre_run=start, handle_sigint=False)
        except EOFError:
            return 0

    def call(self, action: Callable[[], None]) -> None:
        """Have `action` called on the thread that runs the line; from any thread. After the end nothing happens."""
        if loop := self._app.loop:
            with contextlib.suppress(RuntimeError):  # the line ended meanwhile
                loop.call_soon_threadsafe(action)

    def call_later(self, seconds: float, action: Callable[[], None]) -> None:
        """Have `action` called a moment later; only on the thread that runs the line."""
        if loop := self._app.loop:
            loop.call_later(seconds, action)

    def end(self, code: int) -> None:
        """Take the line away for good. Twice is harmless."""
        if self._app.is_running and not self._app.is_done:
            self._app.exit(result=code)

    def show(self, text: StyleAndTextTuples) -> None:
        """Print text that ends with a line feed above the line."""
        self._app.renderer.erase()
        print_formatted_text(self._output, text, self._style, color_depth=self._app.color_depth)
        self._app.invalidate()

    def repaint(self, text: StyleAndTextTuples) -> None:
        """Take away all that stands on the screen, and print this text, which ends with a line feed, in its place."""
        self._app.renderer.erase()
        for row in range(self.rows, 0, -1):  # cleared as a whole, some terminals would keep it among what scrolled away
            self._output.cursor_goto(row, 1)
            self._output.erase_end_of_line()
        self.show(text)

    @property
    def rows(self) -> int:
        """The height of the terminal."""
        return self._output.get_size().rows

    def ring(self) -> None:
        """Call the person: terminals ring, or mark their window."""
        self._output.bell()
        self._output.flush()

    def refresh(self) -> None:
        """Draw the line and its state anew."""
        self._app.invalidate()

    def give_back(self, text: str) -> None:
        """Put a text that was typed into the line again, unless something else has been begun there."""
        if not self._buffer.text and not self._question:
            self._buffer.text = text
            self._buffer.cursor_position = len(text)

    def ask(self, question: str, text: str) -> None:
        """Ask something, with `text` to be corrected; the answer comes to `on_line` and is not kept in the history."""
        self._question = question
        self._buffer.text = text
        self._buffer.cursor_position = len(text)
        self._app.invalidate()

    def ask_secret(self, question: str, answer: Callable[[str | None], None]) -> None:
        """Ask something without showing what is typed; `answer` gets it, or None where the person gives it up.

        What is half typed in the line stays there meanwhile.
        """
        self._question, self._answer = question, answer
        self._secret.reset()
        self._app.clipboard = InMemoryClipboard()
        self._app.layout.focus(self._secret)
        self._app.invalidate()

    def _layout(self, state: Callable[[], StyleAndTextTuples]) -> HSplit:
        before = BeforeInput(lambda: self._question or "> ", "class:prompt")
        control = BufferControl(
            self._buffer,
            input_processors=[_Starred(), before],
            search_buffer_control=self._search.control,
            preview_search=True,
        )
        window = Window(control, height=self._height, wrap_lines=True)
        masked = Window(BufferControl(self._secret, [PasswordProcessor(), before]), height=1)
        asking = Condition(lambda: self._answer is not None)
        line = HSplit([ConditionalContainer(window, ~asking), ConditionalContainer(masked, asking)])
        menu = Float(CompletionsMenu(max_height=MENU, scroll_offset=1), xcursor=True, ycursor=True)
        bar = Window(FormattedTextControl(state), height=1, style="class:state")
        is_high = Condition(lambda: self._output.get_size().rows >= LOW)
        return HSplit([FloatContainer(line, [menu]), self._search, ConditionalContainer(bar, is_high)])

    def _height(self) -> Dimension:
        """Leave room for the menu while there is one."""
        menu = self._buffer.complete_state
        rows = min(len(menu.completions), MENU) if menu else 0
        return Dimension(min=1 + rows, max=TALLEST)

    def _shrink(self, app: Application[int]) -> None:
        """Give back the rows of a menu, or of a long text, that is gone: the renderer by itself would keep them."""
        screen = app.renderer.last_rendered_screen
        size = self._output.get_size()
        if screen and screen.height > app.layout.container.preferred_height(size.columns, size.rows).preferred:
            app.renderer.erase()

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        typing = Condition(lambda: self._app.layout.has_focus(self._buffer))
        keys.add("enter", filter=typing)(self._enter)
        keys.add("escape", "enter", filter=typing)(lambda event: self._buffer.insert_text("\n"))
        keys.add("c-c", filter=typing)(self._leave)
        keys.add("c-d", filter=typing & Condition(lambda: not self._buffer.text))(self._leave)
        asking = Condition(lambda: self._answer is not None)
        keys.add("enter", filter=asking)(lambda event: self._end_secret(self._secret.text))
        keys.add("c-c", filter=asking)(lambda event: self._end_secret(None))
        keys.add("c-d", filter=asking & Condition(lambda: not self._secret.text))(lambda event: self._end_secret(None))
        for key in ("c-r", "c-s"):
            keys.add(key, filter=asking)(lambda event: None)
        keys.add("c-z")(lambda event: event.app.suspend_to_background())
        return keys

    def _leave(self, event: KeyPressEvent) -> None:
        self._on_leave()

    def _enter(self, event: KeyPressEvent) -> None:
        """Take the completion that is chosen, or the line."""
        if self._buffer.complete_state and self._buffer.complete_state.current_completion:
            self._buffer.complete_state = None
            return
        text = self._buffer.text
        if not self._question:
            self._remember()
        self._question = ""
        self._buffer.reset()
        self._on_line(text)

    def _remember(self) -> None:
        """Keep the line in the history; of a command that holds a password, the command alone."""
        secret = secret_in(self._buffer.text)
        if secret:
            self._buffer.text = secret.kept
        self._buffer.append_to_history()

    def _end_secret(self, text: str | None) -> None:
        """Go back to the line as it was, and hand the answer over; nothing of it stays here."""
        answer, self._answer, self._question = self._answer, None, ""
        self._secret.reset()
        self._app.clipboard = InMemoryClipboard()
        self._app.layout.focus(self._buffer)
        if answer:
            answer(text)


def terminal_output() -> Output:
    """Return the terminal for writing. It is not asked for the cursor's position: nothing here needs the answer."""
    output = create_output()
    if hasattr(output, "enable_cpr"):
        output.enable_cpr = False
    return output
