// What stands under the lanes on the same axis: the pairs of hands (or the cores) with the task that
// each has, the strips "at work" and "on the go", and the axis.

import { el } from "./dom";
import { CORE_PROGRAM, CORE_TASK, CORE_UNKNOWN } from "./data";
import { Bins } from "./moments";
import { FONT, Pixels, Surface, cut, stacked } from "./paint";
import type { Picture } from "./picture";
import { lastUpTo } from "./sorted";
import { Plot, axis, strip } from "./strips";
import { css, pixel } from "./theme";

const CORE_ROW = 34;
const COUNTER_ROW = 18;
const STRIP = 30;
const MOST_COUNTER = 8;
const AXIS = 22;

export class Counter {
  readonly surface = new Surface(el("canvas", { class: "below", "aria-hidden": "true" }));
  readonly mostHands: number;
  private readonly mostOnTheGo: number;
  private readonly places: number;
  /** Where its rows stand, for who points at them. */
  private rows: { y: number; codes: Uint32Array; label: string }[] = [];
  private high = COUNTER_ROW;
  private shown: Bins | null = null;

  constructor(private readonly picture: Picture) {
    const { summary, cpus } = picture.run.json;
    this.mostOnTheGo = Math.max(1, summary.concurrency.max);
    const usable = Math.round(summary.cores.usable ?? cpus.length);
    this.mostHands = Math.max(1, summary.parallelism.max, Math.min(usable, 8));
    this.places = Math.min(Math.max(usable, 1), MOST_COUNTER, Math.max(cpus.length, 1));
  }

  draw(wide: number, plot: Plot, bins: Bins): void {
    const surface = this.surface;
    const { theme } = this.picture.painter;
    const cores = this.picture.painter.cores(bins);
    const core = this.picture.mode === "core";
    const high = core ? CORE_ROW : COUNTER_ROW;
    const hands = cores.length ? stacked(cores, this.places) : [];
    const groups: [string, string[], Uint32Array[]][] = [];
    this.rows = [];
    this.high = high;
    this.shown = bins;
    if (hands.length) {
      groups.push(["hands", hands.map((_, i) => `hands ${i + 1}`), hands]);
      if (core) groups.push(["cores", this.picture.run.json.cpus.map((cpu) => `core ${cpu}`), cores]);
    }
    const counter = groups.reduce((sum, [, rows]) => sum + rows.length * high + 24, 0);
    const y0 = counter ? counter + 2 : 4;
    const total = y0 + 2 * (STRIP + 10) + AXIS;
    surface.resize(wide, total);
    surface.clear(css(theme.panel));
    surface.context.font = FONT;
    let y = 0;
    for (const [name, labels, codes] of groups) {
      this.caption(name, y, plot);
      y += 20;
      this.drawCodes(codes, labels, y, high, plot, bins);
      codes.forEach((row, i) => this.rows.push({ y: y + i * high, codes: row, label: labels[i]! }));
      y += codes.length * high + 4;
    }
    this.strips(y0, plot, bins);
    surface.context.font = "11px system-ui, sans-serif";
    axis(surface, theme, plot, y0 + 2 * (STRIP + 10) - 4);
  }

  private caption(name: string, y: number, plot: Plot): void {
    const { context } = this.surface;
    const { theme } = this.picture.painter;
    context.fillStyle = css(theme.dim);
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.font = "11px system-ui, sans-serif";
    const short = plot.width < 420;
    const text = short ? `${name}: which task each had` :
      name === "hands"
        ? "pairs of hands at work, whichever core they were on: which task each had"
        : "cores of this machine: which task each had";
    context.fillText(cut(context, text, plot.width), plot.left, y + 12);
    context.font = FONT;
  }

  private drawCodes(
    rows: Uint32Array[], labels: string[], y: number, high: number, plot: Plot, bins: Bins,
  ): void {
    const { dots, context } = this.surface;
    const { theme } = this.picture.painter;
    const rowHigh = Math.round(high * dots);
    const pixels = new Pixels(
      Math.round(plot.width * dots), rowHigh * rows.length, this.picture.painter.ground,
    );
    const track = new Uint32Array(rowHigh * 8).fill(this.picture.painter.ground);
    const pad = Math.round(2.5 * dots);
    track.fill(pixel(theme.track), pad * 8, (rowHigh - pad) * 8);
    const names: { task: number; x0: number; x1: number; y: number }[] = [];
    rows.forEach((codes, i) => {
      pixels.put(0, pixels.width, i * rowHigh, rowHigh, track);
      const named = (this.picture.mode === "core" ? 34 : 60) * dots;
      const wide = this.picture.painter.codes(pixels, codes, bins, i * rowHigh, rowHigh, named);
      for (const one of wide) names.push({ ...one, y: y + i * high + high / 2 });
    });
    context.putImageData(pixels.image, Math.round(plot.left * dots), Math.round(y * dots));
    context.textBaseline = "middle";
    context.textAlign = "left";
    context.fillStyle = css(theme.ink);
    labels.forEach((label, i) => context.fillText(label, 14, y + i * high + high / 2));
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = theme.dark ? "#000" : "#fff";
    for (const { task, x0, x1, y: at } of names.slice(0, 400)) {
      const room = (x1 - x0) / dots - 8;
      const text = cut(context, this.picture.run.name(task), room);
      if (text.length > 2) context.fillText(text, plot.left + x0 / dots + 4, at + 0.5);
    }
    context.font = FONT;
  }

  private strips(y0: number, plot: Plot, bins: Bins): void {
    const surface = this.surface;
    const { theme } = this.picture.painter;
    const { context } = surface;
    const usable = this.picture.run.json.summary.cores.usable ?? 0;
    const both = [
      { name: "at work", sum: "hands" as const, most: this.mostHands, line: usable },
      { name: "on the go", sum: "on_the_go" as const, most: this.mostOnTheGo, line: 0 },
    ];
    both.forEach((one, i) => {
      const y = y0 + i * (STRIP + 10);
      strip(surface, this.picture.seen, theme, plot, bins, { ...one, y, height: STRIP });
      context.textBaseline = "middle";
      context.textAlign = "left";
      context.fillStyle = css(theme.ink);
      context.fillText(one.name, 14, y + STRIP / 2);
      if (plot.right > 20) {
        const { summary } = this.picture.run.json;
        const most = i ? summary.concurrency.max : summary.parallelism.max;
        context.textAlign = "right";
        context.fillStyle = css(theme.dim);
        // By polling, what coincides is a lower bound.
        const peak = i || summary.measured.exact ? `up to ${most}` : `\u2265 ${most}`;
        context.fillText(peak, plot.left + plot.width + 62, y + STRIP / 2);
      }
      if (one.line > 0 && one.line <= one.most) {
        context.textAlign = "right";
        context.fillStyle = css(theme.dim);
        const yLine = y + STRIP - (one.line / one.most) * STRIP;
        context.font = "10px system-ui, sans-serif";
        context.fillText(`cores: ${one.line}`, plot.left - 6, Math.min(yLine + 4, y + STRIP / 2 - 6));
        context.font = FONT;
      }
    });
  }

  /** What a pair of hands or a core has where the pointer is. */
  at(at: { x: number; y: number }): { label: string; code: number } | null {
    const top = at.y - this.surface.canvas.offsetTop;
    const row = this.rows.find(({ y }) => top >= y && top < y + this.high);
    const bins = this.shown;
    if (!row || !bins) return null;
    const x = (at.x - this.picture.plot().left) * this.surface.dots;
    const column = lastUpTo(bins.edge, x, 0, bins.edge.length - 1);
    return { label: row.label, code: row.codes[column] ?? 0 };
  }

  words(code: number): string {
    if (code >= CORE_TASK) return this.picture.run.name(code - CORE_TASK);
    if (code === CORE_PROGRAM) return "the program, but none of its tasks";
    return code === CORE_UNKNOWN ? "not known: records were lost" : "nothing of this program";
  }
}
