"""Templates of messages: the environment that they run in, and a process of its own for those of users.

What a template prints is made safe for its form whatever the template does: `finalize` sees every value. A
template of a user's own runs in a child without our environment variables, with limits on time, memory and
output: one that loops for ever ends there, and the default one takes its place.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from jinja2 import DictLoader, StrictUndefined, TemplateError, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from streams.text import clean

Form = Literal["title", "chat", "mail_text", "mail_html"]
FORMS: Final[tuple[Form, ...]] = ("title", "chat", "mail_text", "mail_html")
#: Characters of a message at most.
OUTPUT_MAX: Final = {"title": 1_000, "chat": 4_000, "mail_text": 100_000, "mail_html": 200_000}
VALUE_MAX: Final = 2_000
_LINKS: Final = "_links"
TEMPLATE_BYTES: Final = 64 * 1024
CPU_S: Final = 2
WALL_S: Final = 6.0
MEMORY: Final = 512 * 1024 * 1024
_BREAK: Final = "\u200b"  # seen by no reader, but it takes the meaning from what stands around it


class TemplateFailedError(Exception):
    """A template could not be used; the text says why, in one line."""


def chat_safe(text: str) -> str:
    """One line that no chat reads anything into: no mention, no link, no markup with an address in it.

    Slack's and Discord's `<!channel>`, `<@id>`, `@everyone`, Markdown's `[text](address)`, bare addresses.
    """
    line = clean(text, VALUE_MAX).replace("<", "‹").replace(">", "›").replace("`", "'")
    return (
        line.replace("@", "@" + _BREAK).replace("](", "]" + _BREAK + "(").replace("://", ":" + _BREAK + "//")
    )


def _finalizer(form: Form) -> Callable[[Context, Any], Any]:
    @pass_context
    def finalize(context: Context, value: Any) -> Any:
        if isinstance(value, Markup):  # filters that make it are taken out below
            return value
        text = value if isinstance(value, str) else str(value)
        ours = text in context.parent.get(_LINKS, ())
        if form == "mail_html":
            return Markup(escape(text if ours else clean(text, VALUE_MAX)))  # noqa: S704 - escaped right here
        if ours:
            return text
        return chat_safe(text) if form == "chat" else clean(text, VALUE_MAX)

    return finalize


def environment(form: Form, templates: Mapping[str, str]) -> ImmutableSandboxedEnvironment:
    """Where templates of a form run: names in `templates`, nothing of the file system."""
    env = ImmutableSandboxedEnvironment(
        loader=DictLoader(dict(templates)),
        autoescape=form == "mail_html",
        finalize=_finalizer(form),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    # These make Markup of what they are given, or much of little.
    for name in (
        "safe", "forceescape", "urlize", "xmlattr", "tojson", "format", "center", "indent", "wordwrap",
    ):  # fmt: skip
        env.filters.pop(name, None)
    for name in ("lipsum", "cycler", "joiner"):
        env.globals.pop(name, None)
    return env


@lru_cache(maxsize=16)
def _cached(form: Form, templates: tuple[tuple[str, str], ...]) -> ImmutableSandboxedEnvironment:
    return environment(form, dict(templates))


def run(
    form: Form, templates: Mapping[str, str], context: Mapping[str, Any], links: Collection[str] = ()
) -> str:
    """The text that the template `<form>.j2` makes.

    Raises:
        TemplateFailedError
    """
    most = OUTPUT_MAX[form]
    pieces: list[str] = []
    size = 0
    try:
        template = _cached(form, tuple(templates.items())).get_template(f"{form}.j2")
        for piece in template.generate(**context, **{_LINKS: frozenset(links)}):
            pieces.append(piece)
            size += len(piece)
            if size > 2 * most:
                raise TemplateFailedError(f"prints more than {most} characters")
    except TemplateFailedError:
        raise
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        where = f"line {line}: " if line else ""
        raise TemplateFailedError(where + clean(f"{type(error).__name__}: {error}")) from None
    except Exception as error:
        raise TemplateFailedError(clean(f"{type(error).__name__}: {error}")) from None
    return tidy(form, "".join(pieces))


def tidy(form: Form, text: str) -> str:
    """Ends of lines and empty lines as they should be; a title is one line; cut at the form's limit."""
    if form == "title":
        return clean(text, 200)
    out: list[str] = []
    for line in (line.rstrip() for line in text.strip().splitlines()):
        if line or (out and out[-1]):
            out.append(line)
    told = "\n".join(out)
    most = OUTPUT_MAX[form]
    if len(told) <= most:
        return told
    if form == "mail_html":
        raise TemplateFailedError(f"prints more than {most} characters")  # cut HTML is broken HTML
    return told[: most - 1] + "…"


def run_apart(
    form: Form, templates: Mapping[str, str], context: Mapping[str, Any], links: Collection[str] = ()
) -> str:
    """As `run`, in a process with limits. For templates that somebody else wrote. Takes some 0.2 s.

    Raises:
        TemplateFailedError
    """
    import streams

    home = str(Path(next(iter(streams.__path__))).parent)
    asked = json.dumps([form, dict(templates), dict(context), list(links), CPU_S])
    try:
        done = subprocess.run(
            [sys.executable, "-m", "streams.receivers.sandbox"],
            input=asked, capture_output=True, text=True, encoding="utf-8", errors="replace",
            timeout=WALL_S, env={"PYTHONPATH": home, "PYTHONUTF8": "1"}, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise TemplateFailedError(f"did not end within {WALL_S:g} s") from None
    except OSError as error:
        raise TemplateFailedError(f"no process for it: {error.strerror}") from None
    try:
        kind, text = json.loads(done.stdout)
    except ValueError:
        raise TemplateFailedError(
            f"used more than {CPU_S} s or {MEMORY >> 20} MiB (exit code {done.returncode})"
        ) from None
    if kind != "text":
        raise TemplateFailedError(text)
    return str(text)


def _child() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        form, templates, context, links, cpu_s = json.load(sys.stdin)
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
        told = ["text", run(form, templates, context, frozenset(links))]
    except TemplateFailedError as error:
        told = ["error", str(error)]
    except MemoryError:
        told = ["error", f"used more than {MEMORY >> 20} MiB"]
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    _child()
