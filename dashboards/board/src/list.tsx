// The board: all partnerships, the worst first. Only the lines in view are in the page, so 1,000 open at once.
import { memo } from "preact/compat";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Row } from "./api";
import { AlertCard } from "./alerts";
import { Age, Badge, Spark, Value } from "./pictures";
import { denied, useStore } from "./store";
import { SIGNALS, STATES } from "./words";

const NAMES = Object.keys(SIGNALS);
const SORTS: Record<string, (a: Row, b: Row) => number> = {
  "health, worst first": (a, b) => (a.health.value ?? 101) - (b.health.value ?? 101),
  "state, worst first": (a, b) => (STATES[a.state]?.order ?? 9) - (STATES[b.state]?.order ?? 9) || (a.health.value ?? 101) - (b.health.value ?? 101),
  name: (a, b) => a.partnership_id.localeCompare(b.partnership_id),
};

const Line = memo(function Line({ row, index }: { row: Row; index: number }) {
  return (
    <div role="row" class="row" aria-rowindex={index + 2} data-partnership={row.partnership_id}>
      <div role="cell" class="who">
        <a href={`#/p/${encodeURIComponent(row.partnership_id)}`} title={row.partnership_id}><bdi>{row.influencer_id}</bdi></a>
        <span class="faint"><bdi>{row.brand_id}</bdi> · {row.tier ?? "size unknown"}{row.platform && <> · <bdi>{row.platform}</bdi></>}</span>
      </div>
      <div role="cell" class="health"><Value score={row.health} label="Health" /></div>
      <div role="cell" class="trend"><Spark trend={row.trend} /></div>
      {NAMES.map((name) => <div role="cell" class="signal" data-head={SIGNALS[name]!.short} key={name}><Value score={row.signals[name]} label={SIGNALS[name]!.name} /></div>)}
      <div role="cell" class="state"><Badge state={row.state} /></div>
      <div role="cell" class="age"><Age seconds={row.source_age_s} /></div>
    </div>
  );
});

/** Which lines are in view (and some more); all of them while it is printed. */
function useView(count: number) {
  const [view, look] = useState(() => ({ from: 0, to: Math.ceil(innerHeight / 60), height: 60 })); // the rest after the first paint
  useEffect(() => {
    const measure = (all = false) => {
      const list = document.getElementById("lines");
      if (!list) return;
      const height = parseFloat(getComputedStyle(list).getPropertyValue("--row")) || 60;
      const from = all ? 0 : Math.max(0, Math.floor(-list.getBoundingClientRect().top / height) - 8);
      const to = all ? count : Math.min(count, from + Math.ceil(innerHeight / height) + 16);
      look((old) => (old.from === from && old.to === to && old.height === height ? old : { from, to, height }));
    };
    const now = () => measure(), print = () => measure(true);
    addEventListener("scroll", now, { passive: true });
    addEventListener("resize", now);
    addEventListener("beforeprint", print);
    addEventListener("afterprint", now);
    measure();
    return () => { removeEventListener("scroll", now); removeEventListener("resize", now); removeEventListener("beforeprint", print); removeEventListener("afterprint", now); };
  }, [count]);
  return view;
}

export function Board() {
  const { rows, alerts } = useStore();
  const [words, search] = useState(""), [brand, ofBrand] = useState(""), [tier, ofTier] = useState("");
  const [platform, ofPlatform] = useState(""), [standing, inState] = useState(""), [sort, by] = useState("state, worst first");
  const values = (pick: (row: Row) => string | null) => [...new Set((rows ?? []).map(pick).filter((v): v is string => !!v))].sort();
  const shown = useMemo(() => (rows ?? []).filter((row) =>
    (!words || `${row.partnership_id} ${row.influencer_id}`.toLowerCase().includes(words.toLowerCase())) && (!brand || row.brand_id === brand)
    && (!tier || row.tier === tier) && (!platform || row.platform === platform) && (!standing || row.state === standing)).sort(SORTS[sort]),
  [rows, words, brand, tier, platform, standing, sort]);
  const view = useView(shown.length);
  if (!rows) return denied("rows") ? <p class="empty">This token shows no partnerships: it lacks the scope partnerships:read.</p> : <p class="empty" aria-busy="true">Loading partnerships …</p>;
  const open = (alerts ?? []).filter((a) => a.state !== "resolved");
  const count = (state: string) => rows.filter((row) => row.state === state).length;
  return (
    <>
      <section class="tiles" aria-label="At a glance">
        {["firing", "pending", "no_data", "ok", "warming_up"].map((state) => (
          <button key={state} class={`tile ${state}`} aria-pressed={standing === state} onClick={() => inState(standing === state ? "" : state)}>
            <b>{count(state)}</b><Badge state={state} />
          </button>
        ))}
      </section>
      <div class="columns">
        <section class="main" aria-label="Partnerships">
          <form class="filters" onSubmit={(e) => e.preventDefault()} role="search">
            <input type="search" id="search" placeholder="Search  ( / )" aria-label="Search partnerships" value={words} onInput={(e) => search(e.currentTarget.value)} />
            <Pick label="Brand" value={brand} all={values((r) => r.brand_id)} change={ofBrand} />
            <Pick label="Size" value={tier} all={values((r) => r.tier)} change={ofTier} />
            <Pick label="Platform" value={platform} all={values((r) => r.platform)} change={ofPlatform} />
            <label>Sort by <select value={sort} onChange={(e) => by(e.currentTarget.value)}>{Object.keys(SORTS).map((name) => <option key={name}>{name}</option>)}</select></label>
            <span class="faint" role="status">{shown.length === rows.length ? `${rows.length} partnerships` : `${shown.length} of ${rows.length}`}</span>
          </form>
          <div role="table" class="table" aria-label="Partnerships" aria-rowcount={shown.length + 1}>
            <div role="row" class="row head" aria-rowindex={1}>
              <div role="columnheader">Partnership</div><div role="columnheader">Health</div><div role="columnheader">30 days</div>
              {NAMES.map((name) => <div role="columnheader" key={name} title={SIGNALS[name]!.tells}>{SIGNALS[name]!.short}</div>)}
              <div role="columnheader">State</div><div role="columnheader" title="Since the newest event of the source">Source</div>
            </div>
            <div role="rowgroup" id="lines" style={{ paddingTop: `${view.from * view.height}px`, paddingBottom: `${Math.max(0, shown.length - view.to) * view.height}px` }}>
              {shown.slice(view.from, view.to).map((row, i) => <Line key={row.partnership_id} row={row} index={view.from + i} />)}
            </div>
          </div>
          {shown.length === 0 && <p class="empty">{rows.length ? "None fits these filters." : "No partnership has a reading yet. The first appear some minutes after events come in; `rapport doctor` tells what is missing."}</p>}
          <p class="legend faint"><span class="k dot" /> value <span class="k span" /> where it most likely lies <span class="k ref" /> what is usual for this partnership · ▼ less than usual</p>
        </section>
        <aside class="feed" aria-label="Alerts">
          <h2>Alerts <span class="faint">{open.length} open</span></h2>
          <div aria-live="polite">{open.slice(0, 30).map((a) => <AlertCard key={a.alert_id} alert={a} brief />)}</div>
          {open.length === 0 && <p class="empty">{alerts ? "Nothing slips." : denied("alerts") ? "This token shows no alerts: it lacks the scope alerts:read." : "Loading …"}</p>}
          <a href="#/alerts">All alerts</a>
        </aside>
      </div>
    </>
  );
}

function Pick({ label, value, all, change }: { label: string; value: string; all: string[]; change: (to: string) => void }) {
  return <label>{label} <select value={value} onChange={(e) => change(e.currentTarget.value)}><option value="">all</option>{all.map((one) => <option key={one} value={one}>{one}</option>)}</select></label>;
}
