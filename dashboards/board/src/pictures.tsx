// Small pictures: a value with its interval and reference, a trend, and health over time.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { Alert, Point, Score } from "./api";
import { STATES, age, exact, judge, num, when } from "./words";
import { useStore } from "./store";

/** 0 to 100: the interval as a bar, the value as a dot, the reference as a tick. */
export function Bar({ score, max = 100 }: { score: { value: number | null; low: number | null; high: number | null; baseline: number | null }; max?: number }) {
  if (score.value == null) return null;
  const at = (value: number) => 3 + 94 * Math.min(1, Math.max(0, value / max));
  return (
    <svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      <line class="rail" x1="3" x2="97" y1="5" y2="5" />
      {score.low != null && score.high != null && <line class="span" x1={at(score.low)} x2={at(score.high)} y1="5" y2="5" />}
      {score.baseline != null && <line class="ref" x1={at(score.baseline)} x2={at(score.baseline)} y1="0" y2="10" />}
      <line class="dot" x1={at(score.value) - 0.01} x2={at(score.value)} y1="5" y2="5" />
    </svg>
  );
}

export function Value({ score, label }: { score: Score | undefined; label: string }) {
  if (!score || score.value == null)
    return <span class="value none" title={score?.why ?? "not measurable here"}>not measurable<span class="sr"> ({label}{score?.why ? `: ${score.why}` : ""})</span></span>;
  const how = judge(score.value, score.baseline);
  const usual = score.baseline == null ? "" : `, usually ${num(score.baseline)}`;
  const sure = score.low == null || score.high == null ? "" : `, most likely ${num(score.low)} to ${num(score.high)}`;
  return (
    <span class={`value ${how}`} title={`${label} ${num(score.value, 1)}${sure}${usual}`}>
      <b>{num(score.value)}</b>
      {how !== "" && how !== "steady" && <i>▼ {num(score.baseline)}</i>}
      <span class="sr">{sure}{usual}</span>
      <Bar score={score} />
    </span>
  );
}

export function Spark({ trend }: { trend: (number | null)[] }) {
  const known = trend.filter((v): v is number => v != null);
  if (known.length < 2) return <span class="faint">–</span>;
  const top = Math.min(100, Math.max(...known) + 3), low = Math.max(0, Math.min(...known, top - 30));
  const x = (i: number) => (100 * i) / Math.max(1, trend.length - 1), y = (v: number) => 26 - (24 * (v - low)) / (top - low);
  let path = "", pen = false;
  trend.forEach((v, i) => { path += v == null ? "" : `${pen ? "L" : "M"}${x(i).toFixed(1)} ${y(v).toFixed(1)}`; pen = v != null; });
  return (
    <svg class="spark" viewBox="0 0 100 28" preserveAspectRatio="none" role="img" aria-label={`health over ${trend.length} days, from ${num(known[0])} to ${num(known.at(-1))}`}>
      <path d={path} />
    </svg>
  );
}

export function Badge({ state }: { state: string }) {
  const told = STATES[state] ?? { word: state, mark: "•" };
  return <span class={`badge ${state}`}><span aria-hidden="true">{told.mark}</span> {told.word}</span>;
}
export function Time({ at }: { at: string }) {
  return <time dateTime={at} title={exact(at)}>{when(at, useStore().now)}</time>;
}
export const Age = ({ seconds }: { seconds: number | null }) =>
  <span class={seconds != null && seconds > 21_600 ? "old" : ""} title="since the newest event of the influencer's source">{age(seconds)}</span>;

/** A signal over time with its interval, and the times when an alert began. */
export function Chart({ points, alerts, name, height = 240 }: { points: Point[]; alerts: Alert[]; name: string; height?: number }) {
  const place = useRef<HTMLDivElement>(null);
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const known = points.filter((p) => p.value != null);
  useEffect(() => {
    const box = place.current;
    if (!box) return;
    const ink = (color: string) => getComputedStyle(box).getPropertyValue(color).trim();
    const axis = { stroke: ink("--soft"), grid: { stroke: ink("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
    const marks = (u: uPlot) => {
      u.ctx.save();
      u.ctx.strokeStyle = ink("--bad"); u.ctx.lineWidth = devicePixelRatio * 1.5; u.ctx.setLineDash([4, 4]);
      for (const alert of alerts) {
        const x = u.valToPos(Date.parse(alert.started_at) / 1000, "x", true);
        if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
        u.ctx.beginPath(); u.ctx.moveTo(x, u.bbox.top); u.ctx.lineTo(x, u.bbox.top + u.bbox.height); u.ctx.stroke();
      }
      u.ctx.restore();
    };
    const line = { spanGaps: false, points: { show: false } };
    const plot = new uPlot({
      width: box.clientWidth, height, legend: { show: false }, cursor: { y: false }, scales: { y: { range: [0, 100] } },
      padding: [8, 8, 0, 0], axes: [{ ...axis, size: 36 }, { ...axis, size: 36, ...(height < 200 ? { splits: [0, 50, 100] } : {}) }], hooks: { draw: [marks] },
      bands: [{ series: [1, 2], fill: ink("--wash") }],
      series: [{}, { ...line, stroke: "transparent" }, { ...line, stroke: "transparent" }, { ...line, stroke: ink("--accent"), width: 2 }],
    }, [points.map((p) => Date.parse(p.at) / 1000), points.map((p) => p.high), points.map((p) => p.low), points.map((p) => p.value)], box);
    const sized = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height }));
    sized.observe(box);
    return () => { sized.disconnect(); plot.destroy(); };
  }, [points, alerts.map((a) => a.started_at).join(), dark, height, document.documentElement.dataset.theme]);
  if (known.length < 2) return null;
  return <div ref={place} class="chart" style={{ minHeight: `${height}px` }} role="img" aria-label={`${name} since ${new Date(known[0]!.at).toDateString()}, from ${num(known[0]!.value)} to ${num(known.at(-1)!.value)}; ${alerts.length} ${alerts.length === 1 ? "alert" : "alerts"} marked`} />;
}
