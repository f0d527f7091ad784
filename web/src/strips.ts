// The strips "at work" and "on the go", the axis under them and the overview above.

import { Bins } from "./moments";
import { Run, Sum } from "./run";
import { Surface } from "./paint";
import { Theme, css, mix } from "./theme";
import { moment } from "./words";

export interface Plot {
  left: number;
  /** What is left beside it for a word. */
  right: number;
  width: number;
  from: number;
  to: number;
}

export interface Strip {
  name: string;
  sum: Sum;
  most: number;
  /** Where a line stands, and what it says: the cores. */
  line: number;
  /** The count from which on it says something: two. */
  y: number;
  height: number;
}

/** Paints one strip: in each column the mean over the column, which is never above what happened at
 * one moment in it. What is beyond one stands out: there, and only there, were two. */
export function strip(
  surface: Surface, run: Run, theme: Theme, plot: Plot, bins: Bins, one: Strip,
): void {
  const { context, dots } = surface;
  const { left, width } = plot;
  const bottom = one.y + one.height;
  const scale = one.height / one.most;
  context.fillStyle = css(theme.track);
  context.fillRect(left, one.y, width, one.height);
  const more = one.sum === "on_the_go" ? theme.go : theme.strong;
  const base = mix(theme.track, theme.ink, 0.32);
  const [start, end] = run.json.window_s;
  let before = run.curves.before(one.sum, Math.max(run.time(bins.from), start));
  for (let i = 0; i + 1 < bins.edge.length; i++) {
    const t1 = Math.min(run.time(bins.from + (i + 1) * bins.width), end);
    const t0 = Math.max(run.time(bins.from + i * bins.width), start);
    const after = run.curves.before(one.sum, t1);
    const mean = t1 > t0 ? (after - before) / (t1 - t0) : 0;
    before = after;
    if (mean <= 0) continue;
    const x = left + bins.edge[i]! / dots;
    const w = (bins.edge[i + 1]! - bins.edge[i]!) / dots;
    const low = Math.min(mean, 1) * scale;
    context.fillStyle = css(base);
    context.fillRect(x, bottom - low, w, low);
    if (mean > 1.0005) {
      context.fillStyle = css(more);
      const high = (Math.min(mean, one.most) - 1) * scale;
      context.fillRect(x, bottom - low - high, w, high);
    }
  }
  if (one.line > 0 && one.line <= one.most) {
    const y = Math.round(bottom - one.line * scale) + 0.5;
    context.strokeStyle = css(theme.ink);
    context.setLineDash([4, 3]);
    context.beginPath();
    context.moveTo(left, y);
    context.lineTo(left + width, y);
    context.stroke();
    context.setLineDash([]);
  }
}

/** Round times to mark. */
export function ticks(from: number, to: number, most: number): number[] {
  const rough = (to - from) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((one) => one >= rough) ?? 10 * power;
  const out: number[] = [];
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to + step * 1e-9; i++) out.push(i * step);
  return out;
}

/** A time on the axis: as many digits as the step needs. */
export function tickLabel(time: number, step: number): string {
  const unit = step >= 0.1 ? 1 : step >= 1e-4 ? 1e-3 : 1e-6;
  const digits = Math.max(0, -Math.floor(Math.log10(step / unit) + 1e-9));
  return `${(time / unit).toFixed(digits)} ${unit === 1 ? "s" : unit === 1e-3 ? "ms" : "µs"}`;
}

export function axis(surface: Surface, theme: Theme, plot: Plot, y: number): void {
  const { context } = surface;
  const times = ticks(plot.from, plot.to, Math.max(2, plot.width / (plot.width < 420 ? 62 : 110)));
  const step = times.length > 1 ? times[1]! - times[0]! : plot.to - plot.from;
  context.fillStyle = css(theme.dim);
  context.strokeStyle = css(theme.line);
  context.textBaseline = "top";
  context.textAlign = "center";
  for (const time of times) {
    const x = Math.round(plot.left + ((time - plot.from) / (plot.to - plot.from)) * plot.width) + 0.5;
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x, y + 4);
    context.stroke();
    const label = times.length > 1 ? tickLabel(time, step) : moment(time, plot.to - plot.from);
    const half = context.measureText(label).width / 2;
    const at = Math.min(Math.max(x, plot.left + half), plot.left + plot.width - half);
    context.fillText(label, at, y + 6);
  }
}

/** The whole run in small, and which part of it is in view. */
export function overview(
  surface: Surface, run: Run, theme: Theme, plot: Plot, bins: Bins, most: number,
): void {
  const { height, context } = surface;
  strip(surface, run, theme, { ...plot, from: run.json.window_s[0], to: run.json.window_s[1] }, bins, {
    name: "", sum: "hands", most, line: 0, y: 2, height: height - 4,
  });
  const [start, end] = run.json.window_s;
  const x0 = plot.left + ((plot.from - start) / (end - start)) * plot.width;
  const x1 = plot.left + ((plot.to - start) / (end - start)) * plot.width;
  context.fillStyle = css(theme.panel);
  context.globalAlpha = 0.72;
  context.fillRect(plot.left, 0, x0 - plot.left, height);
  context.fillRect(x1, 0, plot.left + plot.width - x1, height);
  context.globalAlpha = 1;
  context.strokeStyle = css(theme.ink);
  context.strokeRect(x0 + 0.5, 0.5, Math.max(1, x1 - x0 - 1), height - 1);
}
