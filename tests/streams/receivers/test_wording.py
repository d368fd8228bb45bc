"""What notifications say, and that hostile text in them does no harm wherever it is shown."""

from __future__ import annotations

import html.parser
import json
import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas import Alert, Notification
from schemas.alerts import Cause, Evidence, ExplainerConsidered
from schemas.routing import Links
from streams import metrics
from streams.errors import SettingsError
from streams.receivers import sandbox
from streams.receivers.bodies import as_json, notification_body, webhook_v4
from streams.receivers.links import LinkMaker
from streams.receivers.sample import sample
from streams.receivers.sandbox import FORMS, OUTPUT_MAX, TemplateFailedError, run
from streams.receivers.wording import DEFAULTS, Wording, render

LINKS = LinkMaker(Links(partnership="https://r.example/p/{partnership_id}"))
HOSTILE = (
    "<!channel> <@U123> @everyone @here [free](https://evil.example) https://evil.example `rm`",
    "<script>alert(1)</script><img src=x onerror='alert(1)'>\" onmouseover=\"x",
    "\x1b[31mred\x1b[0m \x1b]8;;https://evil.example\x07link\x1b]8;;\x07 \x9b2J",
    "\u202egnp.exe \u2066\u200f zero\u200bwidth \ud800 lone \udfff \x00",
    "one\r\nBcc: eve@example.com\r\n\r\nbody\u2028\u2029\x85",
    "{{ 7 * 7 }}{% for x in range(10) %}x{% endfor %}{{ ''.__class__ }}",
    "&lt;!channel&gt; &#60;script&#62; <b>&amp;</b>",
    "%s%n{}{0}$(id)`id`" * 13,
    "a\u0301" * 128,
)
hostile = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(), max_size=60)).filter(bool)


def group(*alerts: Alert, **changes) -> Notification:
    return sample("x").model_copy(update={"group_labels": {}, "alerts": list(alerts), **changes})


def alert(**changes) -> Alert:
    return sample("x").alerts[0].model_copy(update=changes)


def poisoned(text: str) -> Notification:
    """The text wherever a stranger's may stand."""
    one = alert(
        summary=text, advice=text, subject=text, partnership_id=text, influencer_id=text, brand_id=text,
        cause=[Cause(part=text, before=1.0, after=0.5, pull=-1.0)],
        evidence=Evidence(event_ids=[text], actors=3),
        explainers=[ExplainerConsidered(kind=text, accepted=True, why=text)], links={"dashboard": text},
    )  # fmt: skip
    return group(one, alert(alert_id="2"), group_key=text, group_labels={"partnership_id": text})


# -- what it says ------------------------------------------------------------------------------------------


def test_a_chat_message_is_short_and_says_what_since_when_and_what_helps():
    told = render(group(alert(partnership_id="acme--ann")), "chat")
    assert told.splitlines()[0] == (
        "Connection with the audience fell from 58 to 31 in 7 days: comments are hardly answered any more. "
        "Since 14 Nov 2026, 07:05 UTC, critical."
    )
    assert len(told.splitlines()) == 2 and len(told) < 400
    assert render(group(alert(partnership_id="acme--ann")), "title") == (
        "acme--ann: connection with the audience (critical)"
    )


def test_a_mail_says_all_that_is_known():
    n = group(alert(cause=[*alert().cause, Cause(part="depth", before=0.05, after=0.04, pull=-0.2)]))
    for told in (
        render(n, "mail_text"),
        re.sub(r"<[^>]+>", " ", Wording(None, LINKS).render(n, "mail_html")),
    ):
        for words in (
            "fell from 58 to 31", "-46 %", "between 27 and 36", "412 observations",
            "share of comments that are answered: 41 % before, 8 % now (76 % of the change)",
            "a posting pause: does not account for it (9 posts in the window)", "37 accounts; sample/post/1",
            "agree on an hour a week", "owner did nothing", "first message about this",
        ):  # fmt: skip
            assert words in told, words
    assert "Partnership: https://r.example/p/sample--rapport" in Wording(None, LINKS).render(n, "mail_text")
    assert "http" not in render(n, "mail_text"), "a link that is not set is not shown"


def test_one_message_names_all_slipping_signals():
    n = group(alert(), alert(alert_id="2", signal="audience_fit", summary="Audience fit fell from 60 to 40."))
    assert render(n, "title").endswith("connection with the audience and audience fit (critical)")
    twice = group(alert(), alert(alert_id="2", rule="leak"))
    assert render(twice, "title").endswith(": connection with the audience, 2 alerts (critical)")
    told = render(n, "chat")
    assert told.count("• ") == 2 and "Audience fit fell" in told
    many = group(*(alert(alert_id=str(i), signal="health") for i in range(20)), truncated=999_980)
    assert "1000000 alerts" in render(many, "title")
    assert "… and 999995 more." in render(many, "chat")
    for form in FORMS:
        assert len(render(many, form)) <= OUTPUT_MAX[form]


def test_several_partnerships_are_told_apart():
    n = group(alert(partnership_id="acme--ann"), alert(alert_id="2", partnership_id="bolt--ann"))
    assert render(n, "title").startswith("2 partnerships: ")
    assert "acme--ann: Connection" in render(n, "chat") and "bolt--ann: Connection" in render(n, "chat")


def test_other_partnerships_that_it_concerns_are_named():
    n = group(alert(), also={"sample-1": [f"p{i}" for i in range(7)]})
    assert "It concerns p0, p1, p2, p3, p4 and 2 more, too." in render(n, "chat")
    for form in ("mail_text", "mail_html"):
        assert "p4 and 2 more, too" in render(n, form)


def test_recovery_and_reminder_say_so():
    over = sample("x", "resolved").model_copy(update={"group_labels": {}})
    assert render(over, "title") == "sample--rapport: connection with the audience (over)"
    assert render(over, "chat") == "Connection with the audience has recovered: 57 now, 58 in the reference."
    assert "this is over" in render(over, "mail_text") and "usually helps" not in render(over, "mail_text")
    again = group(alert(), why="repeat_interval", repeat=1)
    assert render(again, "title").startswith("Still: ") and "this goes on" in render(again, "mail_html")
    both = group(alert(), over.alerts[0].model_copy(update={"alert_id": "2"}), why="new_alerts_in_group")
    assert "• Over: Connection with the audience has recovered" in render(both, "chat")


def test_an_alert_of_operations_and_one_with_next_to_nothing():
    bare = alert(
        partnership_id=None, influencer_id=None, brand_id=None, signal="source", rule="silence",
        subject="bluesky", value=None, baseline=None, change=None, n=None, lo=None, hi=None, cause=[],
        evidence=Evidence(), explainers=[], advice=None, window=None,
    )  # fmt: skip
    assert render(group(bare), "title") == "source bluesky: a silent source (critical)"
    for form in FORMS:
        assert "None" not in render(group(bare), form)


# -- escaping ------------------------------------------------------------------------------------------------


def plain(text: str) -> None:
    """Nothing that moves a cursor, turns writing round, or cannot be encoded."""
    text.encode("utf-8")
    for char in text.replace("\n", "").replace("\u200b", ""):
        assert unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}, hex(ord(char))


class Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value for name, value in attrs if name == "href"]


def tags(text: str) -> Tags:
    parser = Tags()
    parser.feed(text)
    parser.close()
    return parser


@given(hostile)
@settings(max_examples=40, deadline=None)
@example(HOSTILE[0])
@example(HOSTILE[1])
@example(HOSTILE[3])
@example(HOSTILE[4])
def test_hostile_text_stays_text_in_every_form(text):
    n = poisoned(text)
    wording = Wording(None, LINKS)
    title, chat, mail, page = (wording.render(n, form) for form in FORMS)
    for told in (title, chat, mail, page):
        plain(told)
    assert "\n" not in title and len(title) <= 200
    for line in chat.splitlines():
        if not line.startswith("https://r.example/p/"):
            assert not re.search(r"[<>`]|@\w|\]\(|://", line), line
    parsed, clean = tags(page), tags(wording.render(poisoned("plain text"), "mail_html"))
    assert {tag for tag, _ in parsed.seen} <= {tag for tag, _ in clean.seen}
    assert {names for _, names in parsed.seen} <= {names for _, names in clean.seen}
    assert all(re.fullmatch(r"https?://[!-~]+", link) for link in parsed.links)


@given(hostile)
@settings(max_examples=40, deadline=None)
@example(HOSTILE[3])
def test_json_bodies_are_ascii_and_whole(text):
    n = poisoned(text)
    for body in (notification_body, webhook_v4):
        raw = as_json(body(n, LINKS))
        assert raw.isascii() and b"\x1b" not in raw and b"\n" not in raw
        told = json.loads(raw)
        json.dumps(told, ensure_ascii=False).encode("utf-8")  # no lone surrogate is left
    assert Notification.model_validate_json(as_json(notification_body(n, LINKS))).why == n.why


# -- templates of one's own ---------------------------------------------------------------------------------


def own(tmp_path, **templates: str) -> Wording:
    for name, text in templates.items():
        (tmp_path / f"{name}.j2").write_text(text)
    return Wording(tmp_path, LINKS)


def failures(form: str) -> float:
    return metrics.TEMPLATE_ERRORS.labels(form)._value.get()


def test_a_template_of_ones_own_takes_the_place_of_ours(tmp_path):
    wording = own(
        tmp_path,
        chat='{% include "part.j2" %} {{ firing[0].summary|upper }} {{ links.partnership }}',
        part="Hello from {{ name }}:",
    )
    told = wording.render(group(alert(summary="<!here> ann", partnership_id="<!here>")), "chat")
    assert told == "Hello from ‹!here›: ‹!HERE› ANN https://r.example/p/%3C%21here%3E"
    assert wording.render(sample("x"), "title") == render(sample("x"), "title")


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ ('x' * 99999) * 99999 }}",
        "{{ name.__class__.__mro__ }}",
        "{{ nothing_of_the_kind }}",
        "{{ 1 / 0 }}",
    ],
    ids=["endless", "memory", "escape", "undefined", "division"],
)  # fmt: skip
def test_a_template_that_fails_is_counted_and_ours_is_sent(tmp_path, text, caplog, monkeypatch):
    monkeypatch.setattr(sandbox, "CPU_S", 1)
    before = failures("chat")
    n = sample("x")
    assert own(tmp_path, chat=text).render(n, "chat") == Wording(None, LINKS).render(n, "chat")
    assert failures("chat") == before + 1 and "the default takes its place" in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in range(99999) %}{{ a }}xxxxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}",
        "{{ name|safe }}",
        "{{ name.encode.__globals__ }}",
        "{{ self._TemplateReference__context.environment }}",
        "{% include 'notify.yaml' %}",
        "{% include 'chat.j2' %}",
    ],
)
def test_what_templates_must_not_do(text):
    with pytest.raises(TemplateFailedError) as caught:
        run("chat", {**DEFAULTS, "chat.j2": text}, {"name": "ann"})
    assert "\n" not in str(caught.value)


def test_escaping_cannot_be_switched_off():
    text = "{% autoescape false %}{{ name }}{% endautoescape %}{{ name|escape }}{{ ('<i>' ~ name)|upper }}"
    assert "<" not in run("mail_html", {"mail_html.j2": text}, {"name": "<b>"})


def test_a_directory_that_cannot_be_used_is_told_with_the_line(tmp_path):
    with pytest.raises(SettingsError, match="is no directory"):
        Wording(tmp_path / "nowhere")
    with pytest.raises(SettingsError, match=r"chat\.j2, line 2"):
        own(tmp_path, chat="fine\n{% for x in %}")
    (tmp_path / "chat.j2").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="cannot be read"):
        Wording(tmp_path)
    (tmp_path / "chat.j2").write_text("x" * 70_000)
    with pytest.raises(SettingsError, match="64 KiB"):
        Wording(tmp_path)
