// One partnership: health over time, each signal with its parts, what the audience says, its alerts.
import { useEffect, useState } from "preact/hooks";
import { type Alert, type History, type Insight, type Part, type Point, type Whole, get } from "./api";
import { AlertCard } from "./alerts";
import { Age, Badge, Bar, Chart, Time } from "./pictures";
import { useStore } from "./store";
import { SIGNALS, judge, num, part as spoken, share, span, told } from "./words";

const ABOUT: [string, string][] = [["rising", "Rising"], ["open question", "Questions not answered yet"], ["wish to buy", "Wishes to buy"], ["objection", "Objections"], ["to make together", "To make together"]];

const NONE: Point[] = [];

export function useFresh<T>(path: string, every: number): { body: T | null; error: string } {
  const [found, know] = useState<{ path: string; body: T | null; error: string }>({ path, body: null, error: "" });
  useEffect(() => {
    let on = true;
    const load = async () => {
      try {
        const body = await get<T>(path);
        if (on) know((old) => (old.body === body && old.path === path ? old : { path, body, error: "" }));
      } catch (error) {
        if (on) know((old) => ({ path, body: old.path === path ? old.body : null, error: String((error as Error).message) }));
      }
    };
    void load();
    const timer = setInterval(load, every);
    return () => { on = false; clearInterval(timer); };
  }, [path]);
  return found.path === path ? found : { body: null, error: "" };
}

export function PartnershipPage({ id }: { id: string }) {
  const path = encodeURIComponent(id);
  const { body, error } = useFresh<Whole>(`/board/${path}`, 5_000);
  const words = useFresh<{ items: Insight[] }>(`/tables/partnerships/${path}/insights`, 60_000);
  const past = useFresh<History>(`/partnerships/${path}/history`, 60_000);
  const { alerts, rows } = useStore();
  const own = (alerts ?? []).filter((a) => a.partnership_id === id);
  if (!body) return <p class={error ? "error empty" : "empty"} role={error ? "alert" : undefined}>{error || "Loading …"}</p>;
  const points = (signal: string) => past.body?.lines.find((line) => line.signal === signal)?.points ?? NONE;
  const { reading } = body, row = rows?.find((r) => r.partnership_id === id);
  const health = { ...reading.health, low: reading.health.lo, high: reading.health.hi };
  return (
    <div class="page">
      <p><a href="#/">← Board</a></p>
      <header class="title">
        <h1><bdi>{reading.influencer_id}</bdi> <span class="faint">with <bdi>{reading.brand_id}</bdi></span></h1>
        {row && <Badge state={row.state} />}
        <span class="faint">{reading.tier ?? "size unknown"} · read <Time at={reading.at} /> · source heard <Age seconds={reading.source_age_s} /> before</span>
      </header>
      <section class="card hero">
        <p class="big">{num(health.value)}<span class="faint"> of 100</span></p>
        <div><p><bdi>{told(health, reading.signals)}</bdi></p>
          {reading.warming_up && <p class="note">Warming up: <bdi>{reading.warming_up}</bdi></p>}
          <p class="faint">Health joins quality, fit, authenticity, connection, relationship and all-in; a weak one cannot be made up for by a strong one.</p></div>
      </section>
      {own.filter((a) => a.state !== "resolved").map((a) => <AlertCard key={a.alert_id} alert={a} />)}
      <section class="card"><h2>Health over 90 days</h2>
        <Chart points={points("health")} alerts={own} name="Health" />
        {points("health").filter((p) => p.value != null).length < 2 && <p class="empty">{past.error || (past.body ? "No history yet." : "Loading …")}</p>}
      </section>
      <div class="grid">{Object.keys(SIGNALS).map((name) => <Signal key={name} name={name} part={reading.signals[name]} points={points(name)} alerts={own.filter((a) => a.signal === name)} />)}</div>
      <section class="card"><h2>What the audience says</h2>
        {words.body?.items.length === 0 && <p class="empty">Nothing that stands out yet.</p>}
        {words.body ? ABOUT.map(([about, title]) => <Said key={about} title={title} items={words.body!.items.filter((i) => i.about === about)} />) : <p class="empty">{words.error || "Loading …"}</p>}
      </section>
      {own.some((a) => a.state === "resolved") && <section class="card"><h2>Earlier alerts</h2>{own.filter((a) => a.state === "resolved").slice(0, 20).map((a) => <AlertCard key={a.alert_id} alert={a} brief />)}</section>}
    </div>
  );
}

function Signal({ name, part, points, alerts }: { name: string; part: Part | undefined; points: Point[]; alerts: Alert[] }) {
  const score = part && { value: part.value, low: part.lo, high: part.hi, baseline: part.baseline };
  return (
    <section class="card" id={name}>
      <h2>{SIGNALS[name]!.name} <span class={`at ${judge(part?.value ?? null, part?.baseline ?? null)}`}>{num(part?.value)}</span></h2>
      <p class="faint">{SIGNALS[name]!.tells}</p>
      {score?.value != null ? <><Bar score={score} /><p class="faint">{part!.lo != null && <>most likely {num(part!.lo)} to {num(part!.hi)} · </>}{part!.baseline != null ? <>usually {num(part!.baseline)} · </> : "no reference yet · "}from {Math.round(part!.n).toLocaleString()} acts{part!.window && <>, {span(part!.window)}</>}</p></>
        : <p class="note">Not measurable here{part?.why && <>: <bdi>{part.why}</bdi></>}.</p>}
      <Chart points={points} alerts={alerts} name={SIGNALS[name]!.name} height={120} />
      {part && Object.keys(part.parts).length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={`Parts of ${SIGNALS[name]!.name}`}><table>
          <thead><tr><th scope="col">Part</th><th scope="col">Now</th><th scope="col">Likely</th><th scope="col">Usual</th></tr></thead>
          <tbody>{lines(part.parts, 0)}</tbody>
        </table></div>
      )}
    </section>
  );
}

function lines(parts: Record<string, Part>, deep: number): preact.JSX.Element[] {
  return Object.entries(parts).flatMap(([name, p]) => [
    <tr key={`${deep}${name}`}>
      <th scope="row" class={deep ? "deep" : ""}><bdi title={name}>{spoken(name)}</bdi></th>
      {p.value == null ? <td colSpan={3} class="faint" title={p.why ?? ""}>not measurable{p.why && <>: <bdi>{p.why}</bdi></>}</td>
        : <><td><b>{share(p.value)}</b></td><td class="faint">{p.lo == null ? "" : `${share(p.lo)}–${share(p.hi)}`}</td><td>{share(p.baseline)}</td></>}
    </tr>,
    ...(deep < 2 ? lines(p.parts, deep + 1).slice(0, 12) : []),
  ]);
}

function Said({ title, items }: { title: string; items: Insight[] }) {
  if (!items.length) return null;
  return <><h3>{title}</h3><ul class="said">{items.slice(0, 8).map((i, n) => <li key={n}><bdi>{i.text}</bdi><span class="faint">{i.people != null && ` ${i.people} people, ${num(i.before_a_day, 1)} a day before`}{i.replies ? ` ${i.replies} replies` : ""}{i.answered ? " answered" : ""}</span></li>)}</ul></>;
}
