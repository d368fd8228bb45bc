// Alerts with their reasons, and what people do about them.
import { useRef, useState } from "preact/hooks";
import { type Alert, act } from "./api";
import { Badge, Time } from "./pictures";
import { MOST_ALERTS, denied, refreshAlerts, useStore } from "./store";
import { SIGNALS, part, plain, share, spans } from "./words";

type Verb = "ack" | "silence" | "explain" | "wrong";
const ASKS: Record<Verb, { title: string; note: string; done: string }> = {
  ack: { title: "Acknowledge", note: "A note for the others (may be left empty)", done: "Acknowledged." },
  silence: { title: "Silence", note: "Why nothing shall be sent", done: "Silenced." },
  explain: { title: "Explain", note: "What happened", done: "Explained: the detectors weigh it from now on." },
  wrong: { title: "Mark as wrong", note: "Why it should not have fired", done: "Marked as wrong." },
};
const KINDS = ["giveaway", "shout_out", "posting_pause", "holiday", "advertising", "purge", "hit_post", "event", "other"];

export function AlertCard({ alert, brief = false }: { alert: Alert; brief?: boolean }) {
  const [asked, ask] = useState<Verb | null>(null);
  const [said, say] = useState("");
  const shut = (text: string) => { ask(null); say(text); };
  // Pulls add up to the log of what the signal lost: as shares of it they say which part did most.
  const causes = alert.cause.slice(0, 4), lost = alert.cause.reduce((sum, c) => sum + (c.pull ?? 0), 0);
  return (
    <article class={`alert ${alert.state} ${alert.severity}`} data-alert={alert.alert_id}>
      <header>
        <Badge state={alert.state} />
        {alert.severity === "critical" && alert.state === "firing" && <span class="grave">critical</span>}
        <span class="faint"><Time at={alert.at} /></span>
      </header>
      <h3>
        {alert.partnership_id ? <a href={`#/p/${encodeURIComponent(alert.partnership_id)}`}><bdi>{alert.influencer_id ?? alert.partnership_id}</bdi></a> : "Operations"}
        <span class="faint">{alert.brand_id && <> with <bdi>{alert.brand_id}</bdi></>} · {SIGNALS[alert.signal]?.name ?? plain(alert.signal)}</span>
      </h3>
      <p><bdi>{alert.summary}</bdi></p>
      {causes.length > 0 && <ul class="causes">{causes.map((c) => <li key={c.part}><bdi title={c.part}>{part(c.part)}</bdi> {share(c.before)} → <b>{share(c.after)}</b>{causes.length > 1 && lost < 0 && c.pull != null && <span class="faint">, {Math.round((100 * c.pull) / lost)} % of the fall</span>}</li>)}</ul>}
      {!brief && alert.explainers.length > 0 && <p class="faint">Considered: {alert.explainers.map((e) => `${plain(e.kind)} ${e.accepted ? "explains it" : "ruled out"}${e.why ? ` (${spans(e.why)})` : ""}`).join("; ")}</p>}
      {!brief && alert.advice && <p class="advice"><b>What usually helps:</b> <bdi>{alert.advice}</bdi></p>}
      {alert.acknowledged && <p class="mark">Acknowledged by <bdi>{alert.acknowledged.by}</bdi>, <Time at={alert.acknowledged.at} />{alert.acknowledged.note && <>: “<bdi>{alert.acknowledged.note}</bdi>”</>}</p>}
      {alert.wrong && <p class="mark">Marked as wrong by <bdi>{alert.wrong.by}</bdi>{alert.wrong.note && <>: “<bdi>{alert.wrong.note}</bdi>”</>}</p>}
      {alert.silenced && <p class="mark">Silenced by <bdi>{alert.silenced.by}</bdi> until <Time at={alert.silenced.ends_at} />: “<bdi>{alert.silenced.comment}</bdi>”</p>}
      {asked ? <Ask verb={asked} alert={alert} shut={shut} /> : (
        <div class="acts">
          {alert.state !== "resolved" && !alert.acknowledged && <button onClick={() => ask("ack")}>Acknowledge</button>}
          {alert.state !== "resolved" && !alert.silenced && <button onClick={() => ask("silence")}>Silence</button>}
          {alert.partnership_id && <button onClick={() => ask("explain")}>Explain</button>}
          {!alert.wrong && <button onClick={() => ask("wrong")}>Wrong?</button>}
        </div>
      )}
      <p role="status" class={said ? "mark" : "sr"}>{said}</p>
    </article>
  );
}

/** All that is known, the newest first; at first only what is open. */
export function AlertsPage() {
  const { alerts } = useStore();
  const [open, only] = useState(true);
  const all = alerts ?? [], standing = all.filter((a) => a.state !== "resolved"), shown = open ? standing : all;
  return (
    <div class="page">
      <h1>Alerts</h1>
      <div class="acts" role="group" aria-label="Which alerts">
        <button aria-pressed={open} onClick={() => only(true)}>Open ({standing.length})</button>
        <button aria-pressed={!open} onClick={() => only(false)}>With those that ended ({all.length})</button>
      </div>
      {shown.map((a) => <AlertCard key={a.alert_id} alert={a} />)}
      {shown.length === 0 && <p class="empty">{!alerts ? (denied("alerts") ? "This token shows no alerts: it lacks the scope alerts:read." : "Loading …") : open && all.length ? "Nothing slips now." : "No alert was raised so far."}</p>}
      {all.length >= MOST_ALERTS && <p class="faint">The newest {MOST_ALERTS}; `rapport alerts list --all` has them all.</p>}
    </div>
  );
}

function Ask({ verb, alert, shut }: { verb: Verb; alert: Alert; shut: (said: string) => void }) {
  const form = useRef<HTMLFormElement>(null);
  const [error, fail] = useState(""), [busy, work] = useState(false);
  const local = (hours: number) => new Date(Date.now() + hours * 3.6e6 - new Date().getTimezoneOffset() * 6e4).toISOString().slice(0, 16);
  const send = async (event: Event) => {
    event.preventDefault();
    const field = (name: string) => String(new FormData(form.current!).get(name) ?? "").trim();
    const time = (name: string) => new Date(field(name)).toISOString();
    const note = field("note") || null, base = `/alerts/${encodeURIComponent(alert.alert_id)}`;
    work(true);
    try {
      if (verb === "silence") {
        const [name, value] = alert.partnership_id ? ["partnership_id", alert.partnership_id] : ["subject", alert.subject];
        const about = value ? [{ name, value }] : [];
        const matchers = field("all") ? about : [...about, { name: "signal", value: alert.signal }];
        await act("POST", "/silences", { matchers, comment: note, ends_at: new Date(Date.now() + Number(field("hours")) * 3.6e6).toISOString() });
      } else if (verb === "explain") await act("POST", `${base}/explain`, { kind: field("kind"), starts_at: time("starts"), ends_at: time("ends"), note });
      else await act("POST", `${base}/${verb}`, { note });
      await refreshAlerts();
      shut(ASKS[verb].done);
    } catch (problem) {
      fail(String(problem instanceof Error ? problem.message : problem));
      work(false);
    }
  };
  return (
    <form ref={form} class="ask" onSubmit={send} onKeyDown={(e) => e.key === "Escape" && shut("")} aria-label={ASKS[verb].title}>
      {verb === "explain" && <>
        <label>Kind <select name="kind">{KINDS.map((k) => <option key={k} value={k}>{plain(k)}</option>)}</select></label>
        <label>From <input type="datetime-local" name="starts" required defaultValue={local(-24)} /></label>
        <label>Until <input type="datetime-local" name="ends" required defaultValue={local(24)} /></label>
      </>}
      {verb === "silence" && <>
        <label>For <select name="hours"><option value="4">4 hours</option><option value="24">a day</option><option value="168">a week</option></select></label>
        {alert.partnership_id && <label class="check"><input type="checkbox" name="all" value="1" /> all signals of this partnership</label>}
      </>}
      <label class="wide">{ASKS[verb].note}<input name="note" maxLength={2000} required={verb === "silence" || verb === "wrong"} ref={(node) => { if (node && document.activeElement?.tagName === "BUTTON") node.focus(); }} /></label>
      {error && <p role="alert" class="error">{error}</p>}
      <div class="acts"><button class="main" disabled={busy}>{ASKS[verb].title}</button><button type="button" onClick={() => shut("")}>Cancel</button></div>
    </form>
  );
}
