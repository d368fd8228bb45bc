// What is known now, asked for again and again or told by the server, and who is told when it changed.
import { useEffect, useState } from "preact/hooks";
import { type Alert, ApiError, type Row, follow, get, hasToken, setToken } from "./api";

/** Lines are asked for every five seconds (a 304 while nothing changed); alerts come by themselves, and are asked
 * for where a stream cannot be had. The server says something every 15 s: after three times that it is away. */
const ROWS_MS = 5_000, QUIET_MS = 45_000, AGAIN_MS = 500, AGAIN_MOST_MS = 10_000;
export const MOST_ALERTS = 200;

export type State = {
  rows: Row[] | null; alerts: Alert[] | null; error: ApiError | null; heardAt: number; signedIn: boolean; now: number;
};
export let state: State = { rows: null, alerts: null, error: null, heardAt: 0, signedIn: hasToken(), now: Date.now() };
const listeners = new Set<() => void>();
export function set(change: Partial<State>) {
  state = { ...state, ...change };
  for (const tell of listeners) tell();
}
export function useStore(): State {
  const [, again] = useState(0);
  useEffect(() => {
    const tell = () => again((n) => n + 1);
    listeners.add(tell);
    return () => void listeners.delete(tell);
  }, []);
  return state;
}
export function signIn(token: string | null) {
  setToken(token);
  failed.clear();
  lastEvent = "";
  lastRows = null;
  set({ signedIn: token !== null, error: null, rows: null, alerts: null });
  stream?.abort();
  if (token !== null) void refreshRows();
  wake();
}

const rowsBefore = new Map<string, { text?: string; row: Row }>();
/** The same object for a line that did not change, so that only what changed is drawn anew. */
function same(rows: Row[]): Row[] {
  return rows.map((row) => {
    const before = rowsBefore.get(row.partnership_id);
    const text = before && JSON.stringify(row); // not at the first look, when nothing is on the page yet
    if (before && (before.text ??= JSON.stringify(before.row)) === text) return before.row;
    rowsBefore.set(row.partnership_id, { text, row });
    return row;
  });
}
let lastRows: unknown = null;
async function loadRows() {
  const body = await get<{ items: Row[] }>("/board");
  if (body !== lastRows) set({ rows: same(body.items) });
  lastRows = body;
}
async function loadAlerts() {
  const body = await get<{ items: Alert[] }>(`/alerts?limit=${MOST_ALERTS}&state=all`);
  if (body.items !== state.alerts) set({ alerts: body.items });
}

/** What does not work now, by what was asked. One that works says nothing about the other. */
const failed = new Map<string, ApiError>();
async function tried(what: string, load: () => Promise<void>) {
  if (!state.signedIn || document.hidden) return;
  try {
    await load();
    worked(what);
  } catch (error) {
    const told = error instanceof ApiError ? error : new ApiError(-1, String(error));
    if (told.status === 401) signIn(null);
    failed.set(what, told);
    set({ error: told });
  }
}
/** Whether the token may not see this. */
export const denied = (what: "rows" | "alerts") => failed.get(what)?.status === 403;
function worked(what: string) {
  if (failed.delete(what)) set({ error: [...failed.values()][0] ?? null });
  if (!state.heardAt) set({ heardAt: Date.now() });
}
const refreshRows = () => tried("rows", loadRows);
export const refreshAlerts = () => tried("alerts", loadAlerts);

type Told = { whole: boolean; items: Alert[]; gone: string[] };
/** Alerts as the server tells them: all, or what changed since. Newest first. */
function hear(told: Told) {
  const away = new Set([...told.gone, ...told.items.map((a) => a.alert_id)]);
  const kept = told.whole ? [] : (state.alerts ?? []).filter((a) => !away.has(a.alert_id));
  const alerts = [...told.items, ...kept].sort((a, b) => Date.parse(b.at) - Date.parse(a.at) || (a.alert_id < b.alert_id ? 1 : -1));
  set({ alerts: alerts.slice(0, MOST_ALERTS) });
  if (told.whole || soon) return;
  soon = setTimeout(() => { soon = 0; void refreshRows(); }, 700); // a line's state is that of its alerts
}
let soon = 0;

let stream: AbortController | null = null, lastEvent = "", wake = () => {};
const pause = (ms: number) => new Promise<void>((go) => { const timer = setTimeout(go, ms); wake = () => { clearTimeout(timer); go(); }; });
/** One stream after the other, from where the last one ended; slower and slower while there is none. */
async function followAlerts() {
  for (let wait = AGAIN_MS; ; ) {
    if (!state.signedIn || document.hidden) {
      await pause(3_600_000); // until someone looks or signs in
      continue;
    }
    const mine = (stream = new AbortController());
    let timer = 0;
    const heard = () => { clearTimeout(timer); timer = setTimeout(() => mine.abort(), QUIET_MS); worked("alerts"); wait = AGAIN_MS; };
    try {
      timer = setTimeout(() => mine.abort(), QUIET_MS);
      await follow("/stream", lastEvent, (data, id) => { if (mine === stream) { hear(JSON.parse(data) as Told); lastEvent = id; } }, heard, mine.signal);
    } catch {
      if (!document.hidden && state.signedIn) await refreshAlerts(); // says what is the matter, if there is anything
    }
    clearTimeout(timer);
    if (document.hidden) continue;
    await pause(wait * (0.75 + Math.random() / 2));
    wait = Math.min(wait * 2, AGAIN_MOST_MS);
  }
}

export function begin() {
  const next = async () => {
    await refreshRows();
    setTimeout(next, ROWS_MS);
  };
  void next();
  void followAlerts();
  setInterval(() => set({ now: Date.now() }), 15_000);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stream?.abort();
    else { void refreshRows(); wake(); }
  });
}
