// Names and numbers as people read them. "Affected by", never an accusation.

export const SIGNALS: Record<string, { short: string; name: string; tells: string }> = {
  interaction_quality: { short: "Quality", name: "Interaction quality", tells: "How much real attention posts get: depth and effort, not likes alone." },
  audience_fit: { short: "Fit", name: "Audience fit", tells: "Whether those who engage are whom the brand wants to reach." },
  authenticity: { short: "Authentic", name: "Authenticity", tells: "How little the engagement is affected by unusual activity." },
  connection: { short: "Connection", name: "Connection", tells: "Whether comments are answered, talk goes on, and people come back." },
  all_in: { short: "All-in", name: "Paid versus all-in", tells: "Whether the brand is spoken of unasked too, and advertising is told as such." },
  relationship: { short: "Relation", name: "Relationship", tells: "How well the brand's people and the influencer know each other, both ways." },
};
export const STATES: Record<string, { word: string; mark: string; order: number }> = {
  firing: { word: "Slipping", mark: "▼", order: 0 }, pending: { word: "Watching", mark: "◆", order: 1 },
  no_data: { word: "No data", mark: "○", order: 2 }, ok: { word: "Well", mark: "●", order: 3 },
  warming_up: { word: "Warming up", mark: "◔", order: 4 }, resolved: { word: "Resolved", mark: "✓", order: 5 },
};
/** Parts of signals whose names say too little; what they are exactly: docs/method.md. */
const PARTS: Record<string, string> = {
  genuineness: "credible accounts", depth: "talk, shares and saves among acts", quality_rate: "interaction of a post, by follower",
  quality_rate_neighbours: "the same of peers", rank: "place among peers, 0 to 100", without_genuineness: "score without credibility", likes_spread: "how much likes vary",
  country: "in the countries aimed at", lang: "speak the languages aimed at", topics: "share the topics aimed at", age_band: "in the ages aimed at", segment: "in the segments aimed at",
  shape_country: "mix of countries as aimed at", shape_lang: "mix of languages as aimed at", shape_topics: "mix of topics as aimed at", shape_age_band: "mix of ages as aimed at", shape_segment: "mix of segments as aimed at",
  coverage: "of whom enough is known", affinity: "topics, times what is usual",
  suspicious: "acts of low credibility", suspicious_likes: "likes of low credibility", suspicious_comments: "comments of low credibility", inauthentic_comments: "comments with two bad signs",
  new_followers: "new followers of low credibility", mass_followers: "new followers who follow masses", churn_7d: "new followers gone in a week", churn_30d: "new followers gone in a month",
  reply_rate: "comments answered", reply_rate_neighbours: "answered by peers", reply_latency: "hours until an answer", answer_gap: "answers expected since the last", dialogue: "comments that become a talk",
  return: "commenters who come back", regulars: "commenters of many months", evenness: "evenly spread over people",
  organic: "mentions without pay", disclosure: "advertising told as such", exclusivity: "no other brand beside", saturation: "advertising among posts", recent_saturation: "advertising, last ten posts",
  paid_post_performance: "paid posts beside others", rivals: "rivals named", own_voice: "advertising in own words", after_po: "mentions after the contract",
  overdue: "silence, in usual gaps", one_sidedness: "contact by the brand alone", bus_factor: "held by one person", steadiness: "weeks with contact both ways", quick_win: "contact that was soon after signing", stage: "stage, 0 to 4",
};
export const part = (name: string) => PARTS[name] ?? plain(name);
export const plain = (name: string) => name.replaceAll("_", " ");
export const num = (value: number | null | undefined, digits = 0) => (value == null ? "–" : value.toFixed(digits));
export const share = (value: number | null | undefined) => (value == null ? "–" : Math.abs(value) <= 1.5 ? value.toFixed(2) : value.toFixed(value < 20 ? 1 : 0));
/** "D7" as people read it. */
export const span = (window: string) => { const [, kind, count] = /^([HD])(\d+)$/.exec(window) ?? []; return kind ? `${count} ${kind === "D" ? "days" : "hours"}` : window; };
/** The same within a text. */
export const spans = (text: string) => text.replace(/\b[HD]\d+\b/g, span);
export const exact = (at: string) => new Date(at).toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });

/** "3 min ago"; what is more than a week away by its date. */
export function when(at: string, now: number): string {
  const s = (now - Date.parse(at)) / 1000, gone = Math.abs(s);
  if (!Number.isFinite(s)) return "–";
  if (gone >= 7 * 86_400) return new Date(at).toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
  const text = age(gone);
  return gone < 10 ? "now" : s > 0 ? `${text} ago` : `in ${text}`;
}
export function age(s: number | null): string {
  if (s == null) return "–";
  if (s < 90) return `${Math.round(s)} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  return s < 129_600 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86_400)} d`;
}
export type Judged = "" | "slipping" | "slipped" | "steady";
/** Against the frozen reference: 8 % less is slipping, 20 % slipped, as on the terminal's board. */
export function judge(value: number | null, baseline: number | null): Judged {
  if (value == null || baseline == null || baseline <= 0) return "";
  const change = value / baseline - 1;
  return change <= -0.2 ? "slipped" : change <= -0.08 ? "slipping" : "steady";
}
/** Health in one plain sentence. */
export function told(health: { value: number | null; low: number | null; high: number | null; why: string | null }, signals: Record<string, { value: number | null; baseline: number | null }>): string {
  if (health.value == null) return `Health is not measurable here${health.why ? `: ${health.why}` : " yet"}.`;
  const sure = health.low != null && health.high != null ? `, most likely between ${num(health.low)} and ${num(health.high)}` : "";
  const known = Object.entries(signals).filter(([name, s]) => name in SIGNALS && s.value != null);
  const weakest = known.sort((a, b) => fall(a[1]) - fall(b[1]) || a[1].value! - b[1].value!)[0];
  if (!weakest) return `Health is ${num(health.value)} of 100${sure}.`;
  const [name, s] = weakest;
  const usual = s.baseline != null ? `, where ${num(s.baseline)} is usual` : "";
  return `Health is ${num(health.value)} of 100${sure}. ${fall(s) < -0.08 ? "What slipped most is" : "Its lowest point is"} ${SIGNALS[name]!.name.toLowerCase()}: ${num(s.value)}${usual}.`;
}
const fall = (s: { value: number | null; baseline: number | null }) => {
  const change = s.baseline ? s.value! / s.baseline - 1 : 0;
  return change < -0.08 ? change : 0;
};
