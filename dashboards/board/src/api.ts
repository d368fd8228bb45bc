// What the server says, and how it is asked: a token in this tab alone, ETags, plain errors.
import { createParser } from "eventsource-parser";

export type Score = { value: number | null; low: number | null; high: number | null; baseline: number | null; measurable: boolean; why: string | null };
export type Row = {
  partnership_id: string; brand_id: string | null; influencer_id: string; tier: string | null; platform: string | null;
  state: string; health: Score; signals: Record<string, Score>; source_age_s: number | null; at: string; trend: (number | null)[];
};
export type Mark = { by: string; at: string; note: string | null };
export type Alert = {
  alert_id: string; partnership_id: string | null; influencer_id: string | null; brand_id: string | null; signal: string; rule: string; subject: string | null; state: string;
  severity: string; started_at: string; at: string; summary: string; advice: string | null;
  cause: { part: string; before: number | null; after: number | null; pull: number | null }[];
  explainers: { kind: string; accepted: boolean; why: string | null }[];
  n: number | null; acknowledged: Mark | null; wrong: Mark | null;
  silenced: { silence_id: string; ends_at: string; by: string; comment: string } | null;
};
export type Part = { value: number | null; lo: number | null; hi: number | null; baseline: number | null; n: number; window: string | null; measurable: boolean; why: string | null; parts: Record<string, Part> };
export type Whole = {
  reading: { partnership_id: string; influencer_id: string; brand_id: string | null; tier: string | null; at: string; health: Part;
    signals: Record<string, Part>; source_age_s: number | null; warming_up: string | null; provisional: boolean };
};
export type Point = { at: string; value: number | null; low: number | null; high: number | null };
export type History = { lines: { signal: string; points: Point[] }[] };
export type Insight = { about: string; text: string; people: number | null; before_a_day: number | null; replies: number | null; answered: boolean | null };
export type Relations = {
  nodes: { id: string; title: string; subtitle: string; kind: string; mainstat: string; secondarystat: string }[];
  edges: { id: string; source: string; target: string; mainstat: string; secondarystat: string; thickness: number }[];
  influencers: { partnership_id: string; brand_id: string; influencer_id: string; relationship: number; stage: string; one_sidedness: number | null; bus_factor: number | null; strongest: string | null; last_contact_days: number | null }[];
};

export class ApiError extends Error {
  constructor(readonly status: number, message: string) { super(message); }
}

const KEY = "rapport-token";
// The token comes in the address's fragment, which no server and no log ever sees; it leaves the address at once.
const given = /^#token=(rap_[\w-]+)$/.exec(location.hash);
if (given) {
  sessionStorage.setItem(KEY, given[1]!);
  history.replaceState(null, "", "/#/");
}
export const hasToken = () => sessionStorage.getItem(KEY) !== null;
export const setToken = (token: string | null) => (token === null ? sessionStorage.removeItem(KEY) : sessionStorage.setItem(KEY, token));

const kept = new Map<string, { tag: string; body: unknown }>();

/** GET; the very same object comes back while the server says that nothing has changed. */
export async function get<T>(path: string): Promise<T> {
  const before = kept.get(path);
  const answer = await send(path, before ? { headers: { "If-None-Match": before.tag } } : {});
  if (answer.status === 304 && before) return before.body as T;
  const body: unknown = await answer.json();
  const tag = answer.headers.get("ETag");
  if (tag) {
    if (kept.size > 60) kept.clear();
    kept.set(path, { tag, body });
  }
  return body as T;
}

/** Server-sent events, with the token in a header, which the browser's own EventSource cannot send. Ends when the server ends it.
 * `heard`: for each piece that comes, comments too. */
export async function follow(path: string, since: string, tell: (data: string, id: string) => void, heard: () => void, signal: AbortSignal): Promise<void> {
  const answer = await send(path, { headers: since ? { "Last-Event-ID": since } : {}, signal });
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  const parser = createParser({ onEvent: (event) => tell(event.data, event.id ?? "") });
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    parser.feed(value);
  }
}

export async function act(method: string, path: string, body?: unknown): Promise<void> {
  await send(path, { method, ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }) });
}

async function send(path: string, init: RequestInit): Promise<Response> {
  const headers = { ...(init.headers as Record<string, string>), Authorization: `Bearer ${sessionStorage.getItem(KEY) ?? ""}` };
  let answer: Response;
  try {
    answer = await fetch(`/api/v1${path}`, { ...init, headers, cache: "no-store", signal: init.signal ?? AbortSignal.timeout(12_000) });
  } catch {
    throw new ApiError(0, "the server cannot be reached");
  }
  if (answer.ok || answer.status === 304) return answer;
  const told = await answer.json().catch(() => null) as { detail?: string; hint?: string } | null;
  throw new ApiError(answer.status, [told?.detail ?? `the server answered ${answer.status}`, told?.hint].filter(Boolean).join("; "));
}
