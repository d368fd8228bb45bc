// Who of a brand's people knows whom, both ways, and what leaves with one of them.
import { useState } from "preact/hooks";
import type { Relations } from "./api";
import { useFresh } from "./partnership";
import { num } from "./words";

export function RelationsPage() {
  const { body, error } = useFresh<Relations>("/tables/relationships", 30_000);
  const [brand, choose] = useState(""), [held, hold] = useState("");
  if (!body) return <p class={error ? "error empty" : "empty"}>{error || "Loading …"}</p>;
  const brands = [...new Set(body.influencers.map((i) => i.brand_id))].sort(), chosen = brand || brands[0] || "";
  const known = body.influencers.filter((i) => i.brand_id === chosen), ids = new Set(known.map((i) => i.partnership_id));
  const edges = body.edges.filter((e) => ids.has(e.id.split("|")[0]!));
  const right = body.nodes.filter((n) => known.some((i) => i.influencer_id === n.id));
  const left = body.nodes.filter((n) => edges.some((e) => e.source === n.id));
  const height = Math.max(left.length, right.length, 2) * 56 + 20;
  const y = (i: number, all: number) => (height * (i + 0.5)) / all;
  const place = new Map<string, readonly [number, number]>([...left.map((n, i) => [n.id, [190, y(i, left.length)]] as const), ...right.map((n, i) => [n.id, [530, y(i, right.length)]] as const)]);
  const cut = (text: string) => (text.length > 24 ? `${text.slice(0, 23)}…` : text);
  return (
    <div class="page">
      <h1>Relationships</h1>
      <p class="filters"><label>Brand <select value={chosen} onChange={(e) => choose(e.currentTarget.value)}>{brands.map((b) => <option key={b}>{b}</option>)}</select></label></p>
      {known.length === 0 && <p class="empty">No partnerships are known yet.</p>}
      {edges.length > 0 && <section class="card scroll" tabIndex={0} aria-label="Map">
        <svg class="map" viewBox={`0 0 720 ${height}`} role="group" aria-label={`who of ${chosen} knows which influencer`}>
          {edges.map((e) => { const a = place.get(e.source), b = place.get(e.target); return a && b && <path key={e.id} class={held && held !== e.source && held !== e.target ? "tie away" : "tie"} d={`M${a[0]} ${a[1]}C${a[0] + 150} ${a[1]} ${b[0] - 150} ${b[1]} ${b[0]} ${b[1]}`} stroke-width={e.thickness}><title>{`${e.mainstat}, ${e.secondarystat}`}</title></path>; })}
          {[...left, ...right].map((n) => { const [x, at] = place.get(n.id)!, side = x < 300 ? "end" : "start"; return (
            <g key={n.id} class={`node ${n.kind}`} tabIndex={0} role="img" aria-label={`${n.title}, ${n.kind}, ${n.mainstat} ${n.secondarystat}; ${edges.filter((e) => e.source === n.id || e.target === n.id).map((e) => `tie ${e.mainstat} ${e.secondarystat}`).join("; ")}`} onFocus={() => hold(n.id)} onBlur={() => hold("")} onMouseEnter={() => hold(n.id)} onMouseLeave={() => hold("")}>
              <circle cx={x} cy={at} r="9" /><text x={x + (side === "end" ? -16 : 16)} y={at - 2} text-anchor={side}>{cut(n.title)}</text>
              <text class="sub" x={x + (side === "end" ? -16 : 16)} y={at + 14} text-anchor={side}>{n.mainstat ? `${n.mainstat} ${n.secondarystat}` : n.subtitle}</text>
            </g>); })}
        </svg>
      </section>}
      {known.length > 0 && <section class="card scroll" tabIndex={0} aria-label="Influencers"><table>
        <thead><tr><th scope="col">Influencer</th><th scope="col">Relationship</th><th scope="col">Stage</th><th scope="col" title="Share of all contact held by the strongest person">Bus factor</th><th scope="col">Strongest</th><th scope="col">Last contact</th></tr></thead>
        <tbody>{known.map((i) => <tr key={i.partnership_id}><th scope="row"><a href={`#/p/${encodeURIComponent(i.partnership_id)}`}><bdi>{i.influencer_id}</bdi></a></th><td>{num(i.relationship)}</td><td>{i.stage}</td><td>{i.bus_factor == null ? "–" : `${Math.round(i.bus_factor * 100)} %${i.bus_factor > 0.6 ? " · leaves with one person" : ""}`}</td><td><bdi>{i.strongest ?? "–"}</bdi></td><td>{i.last_contact_days == null ? "–" : `${Math.round(i.last_contact_days)} d ago`}</td></tr>)}</tbody>
      </table></section>}
    </div>
  );
}
