// What is known now, asked for again and again, and who is told when it changed.
import { useEffect, useState } from "preact/hooks";
import { type Alert, ApiError, type Row, get, hasToken, setToken } from "./api";

/** Alerts are asked for each second (a 304 while nothing changed), lines every five. */
const ALERTS_MS = 1_000, ROWS_MS = 5_000, MOST_ALERTS = 200;

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
  set({ signedIn: token !== null, error: null, rows: null, alerts: null });
  if (token !== null) void refresh();
}

const rowsBefore = new Map<string, { text: string; row: Row }>();
/** The same object for a line that did not change, so that only what changed is drawn anew. */
function same(rows: Row[]): Row[] {
  return rows.map((row) => {
    const text = JSON.stringify(row), before = rowsBefore.get(row.partnership_id);
    if (before?.text === text) return before.row;
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
async function tried(load: () => Promise<void>) {
  if (!state.signedIn || document.hidden) return;
  try {
    await load();
    if (state.error) set({ error: null });
    state.heardAt = Date.now();
  } catch (error) {
    const told = error instanceof ApiError ? error : new ApiError(-1, String(error));
    if (told.status === 401) signIn(null);
    set({ error: told });
  }
}
export const refresh = () => Promise.all([tried(loadRows), tried(loadAlerts)]);
export const refreshAlerts = () => tried(loadAlerts);

/** Asks again after each answer, slower while the server is away. */
function keep(load: () => Promise<void>, every: number) {
  const next = async () => {
    await tried(load);
    setTimeout(next, state.error ? Math.max(every, 3_000) : every);
  };
  void next();
}
export function begin() {
  keep(loadRows, ROWS_MS);
  keep(loadAlerts, ALERTS_MS);
  setInterval(() => set({ now: Date.now() }), 15_000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) void refresh(); });
}
