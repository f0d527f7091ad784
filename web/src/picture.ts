// The picture of one run: the overview, the lanes, what stands under them (counter.ts) on one time axis,
// and moving about (pointer.ts, keys.ts).

import { el } from "./dom";
import { Counter } from "./counter";
import { REASON_STEP } from "./data";
import { Bins, binsOf } from "./moments";
import { FONT, Painter, Pixels, Surface, cut } from "./paint";
import { Pointer } from "./pointer";
import { Row, Rows } from "./rows";
import { Run, reasonOf, stateOf } from "./run";
import { Plot, overview } from "./strips";
import { css, themeNow } from "./theme";
import { doing, mean, met, moment, seconds } from "./words";

export type Mode = "task" | "core";

const ROW = 22;
const MOST_LANES = 24;

export interface Hooks {
  /** Somebody wants a task's story. */
  story(task: number, time: number): void;
  /** The view or the selection is another one. */
  moved(): void;
}

export class Picture {
  readonly root: HTMLDivElement;
  readonly rows: Rows;
  mode: Mode = "task";
  from: number;
  to: number;
  selection: [number, number] | null = null;
  marked = -1;
  /** The row that the keyboard is at. */
  private chosen = -1;
  painter!: Painter;
  /** What is known more finely, of a window around the view. */
  fine: Run | null = null;
  readonly over = new Surface(el("canvas", { class: "over", "aria-hidden": "true" }));
  private readonly lanes = new Surface(el("canvas", { class: "lanes", "aria-hidden": "true" }));
  readonly counter: Counter;
  readonly scroller = el("div", { class: "scroller", tabindex: "-1" });
  private readonly tall = el("div", { class: "tall" });
  private readonly hair = el("div", { class: "hair", hidden: "" });
  private readonly tip = el("div", { class: "tip", hidden: "" });
  private readonly shade = el("div", { class: "shade", hidden: "" });
  readonly stage: HTMLDivElement;
  private asked = 0;
  /** Where somebody points. */
  pointer: { x: number; y: number } | null = null;

  constructor(readonly run: Run, readonly hooks: Hooks) {
    this.rows = new Rows(run);
    [this.from, this.to] = run.json.window_s;
    this.counter = new Counter(this);
    this.scroller.append(this.lanes.canvas, this.tall);
    this.stage = el(
      "div",
      { class: "stage", tabindex: "0", role: "group" },
      this.over.canvas, this.scroller, this.counter.surface.canvas, this.shade, this.hair, this.tip,
    );
    this.root = el("div", { class: "picture" }, this.stage);
    new Pointer(this);
    this.restyle();
  }

  /** Colours may be others now; on paper they must be so at once. */
  restyle(now = false): void {
    const byReason = this.painter?.byReason ?? false;
    this.painter = new Painter(this.seen, themeNow(), window.devicePixelRatio || 1);
    this.painter.byReason = byReason;
    if (now) this.draw();
    else this.invalidate();
  }

  /** The run as finely as the view can be drawn. */
  get seen(): Run {
    return this.fine ?? this.run;
  }

  /** Draws from a run that knows more of a window; null: from the whole one. */
  use(fine: Run | null): void {
    this.fine = fine;
    if (fine && !this.covered()) this.fine = null;
    this.stage.dataset.fine = this.fine ? "yes" : "";
    this.restyle();
  }

  private covered(): boolean {
    if (!this.fine) return false;
    const [from, to] = this.fine.json.window_s;
    const edge = (to - from) * 1e-6;
    return from <= this.from + edge && this.to <= to + edge;
  }

  colourByReason(yes: boolean): void {
    this.restyle();
    this.painter.byReason = yes;
  }

  get byReason(): boolean {
    return this.painter.byReason;
  }

  taskColour(task: number): string {
    return css(this.painter.colour(task));
  }

  invalidate(): void {
    if (!this.asked) this.asked = requestAnimationFrame(() => this.draw());
  }

  // --- where things are ---

  private gutters(): [number, number] {
    const wide = this.stage.clientWidth;
    return wide < 620 ? [86, 6] : [176, 66];
  }

  plot(): Plot {
    const [left, right] = this.gutters();
    const width = Math.max(20, this.stage.clientWidth - left - right);
    return { left, right, width, from: this.from, to: this.to };
  }

  private x(time: number): number {
    const { left, width } = this.plot();
    return left + ((time - this.from) / (this.to - this.from)) * width;
  }

  timeAt(x: number): number {
    const { left, width } = this.plot();
    const part = Math.min(Math.max((x - left) / width, 0), 1);
    return this.from + part * (this.to - this.from);
  }

  private bins(from: number, to: number, plot: Plot, run = this.seen): Bins {
    const pixels = Math.round(plot.width * this.lanes.dots);
    return binsOf(run, run.place(from), run.place(to), pixels);
  }

  // --- drawing ---

  draw(): void {
    this.asked = 0;
    const plot = this.plot();
    const wide = this.stage.clientWidth;
    if (!wide) return;
    for (const surface of [this.over, this.lanes]) surface.dots = window.devicePixelRatio || 1;
    const bins = this.bins(this.from, this.to, plot);
    this.drawOver(wide, plot);
    const showLanes = this.mode === "task";
    this.scroller.hidden = !showLanes;
    if (showLanes) this.drawLanes(wide, plot, bins);
    this.counter.draw(wide, plot, bins);
    this.place();
  }

  private drawOver(wide: number, plot: Plot): void {
    const { theme } = this.painter;
    this.over.resize(wide, 26);
    this.over.clear(css(theme.panel));
    const [start, end] = this.run.json.window_s;
    overview(this.over, this.run, theme, plot, this.bins(start, end, plot, this.run), this.counter.mostHands);
  }

  /** Lanes beyond this scroll: on a small screen words and strips have to be seen, too. */
  private mostHigh(): number {
    const rows = Math.floor((window.innerHeight - 480) / ROW);
    return Math.min(Math.max(rows, 6), MOST_LANES) * ROW;
  }

  private drawLanes(wide: number, plot: Plot, bins: Bins): void {
    const total = this.rows.list.length * ROW;
    const high = Math.max(ROW, Math.min(total, this.mostHigh()));
    this.scroller.style.height = `${high}px`;
    this.tall.style.height = `${Math.max(0, total - high)}px`;
    const surface = this.lanes;
    const { theme } = this.painter;
    surface.resize(wide, high);
    surface.clear(css(theme.panel));
    const { dots, context } = surface;
    const top = this.scroller.scrollTop;
    const first = Math.floor(top / ROW);
    const last = Math.min(this.rows.list.length, Math.ceil((top + high) / ROW));
    const pixels = new Pixels(
      Math.round(plot.width * dots), Math.round(high * dots), this.painter.ground,
    );
    const rowHigh = Math.round(ROW * dots);
    for (let i = first; i < last; i++) {
      const y = Math.round((i * ROW - top) * dots);
      this.painter.row(pixels, this.rows.list[i]!, bins, y, rowHigh);
    }
    context.putImageData(pixels.image, Math.round(plot.left * dots), 0);
    context.font = FONT;
    context.textBaseline = "middle";
    for (let i = first; i < last; i++) {
      // What stands at the top begins something new.
      if (i > 0 && this.rows.list[i]!.depth === 0 && this.nested) {
        context.fillStyle = css(theme.line);
        context.fillRect(8, Math.round(i * ROW - top), wide - 16, 1);
      }
      if (i === this.chosen) {
        context.strokeStyle = css(theme.ink);
        context.strokeRect(1.5, i * ROW - top + 1.5, plot.left - 6, ROW - 3);
      }
      this.label(this.rows.list[i]!, i * ROW - top + ROW / 2, plot);
    }
    if (!this.rows.list.length) {
      context.fillStyle = css(theme.dim);
      context.textAlign = "left";
      context.fillText("no task is like that", plot.left, ROW / 2);
    }
  }

  /** Rows have others inside them. */
  private get nested(): boolean {
    return !this.rows.filtered && this.rows.list.some((row) => row.depth > 0);
  }

  private label(row: Row, y: number, plot: Plot): void {
    const { context } = this.lanes;
    const { theme } = this.painter;
    const indent = Math.min(row.depth, 4) * 10 + 14;
    const chosen = row.task >= 0 && row.task === this.marked;
    if (row.node >= 0) {
      const open = this.rows.open.has(row.node) && !this.rows.filtered;
      context.fillStyle = css(theme.dim);
      context.textAlign = "left";
      context.fillText(open ? "▾" : "▸", indent - 12, y);
    } else {
      context.fillStyle = css(this.painter.colour(row.task));
      context.fillRect(indent - 11, y - 4, 6, 8);
    }
    context.textAlign = "left";
    const top = row.node >= 0 && row.depth === 0 && this.run.json.nodes[row.node]!.kind !== "small";
    context.fillStyle = css(row.node >= 0 && !top ? theme.dim : theme.ink);
    context.font = chosen || top ? `bold ${FONT}` : FONT;
    // On a phone the number says more than half of the word before it, or of what follows it.
    const name = this.rows.label(row);
    const short = name.replace(/^(process|thread) (?=\d)/, "").replace(/^(Thread-\d+) \(.*\)$/, "$1");
    const label = plot.right > 20 ? name : short;
    context.fillText(cut(context, label, plot.left - indent - 8), indent, y);
    context.font = FONT;
    if (plot.right > 20 && row.task >= 0) {
      context.textAlign = "right";
      context.fillStyle = css(theme.dim);
      const worked = seconds(this.run.number("work_s", row.task));
      context.fillText(worked, plot.left + plot.width + 62, y);
    }
  }

  /** Puts hairline, words beside it and the selection where they belong. */
  private place(): void {
    const { left, width } = this.plot();
    if (this.selection) {
      const [a, b] = this.selection;
      const x0 = Math.max(left, Math.min(this.x(a), left + width));
      const x1 = Math.max(left, Math.min(this.x(b), left + width));
      this.shade.style.left = `${x0}px`;
      this.shade.style.width = `${Math.max(1, x1 - x0)}px`;
    }
    this.shade.hidden = !this.selection;
    this.hover();
  }

  // --- the hairline ---

  hover(): void {
    const at = this.pointer;
    const { left, width } = this.plot();
    const inside = !!at && at.x >= left && at.x <= left + width;
    this.hair.hidden = !inside;
    this.tip.hidden = !inside;
    if (!at || !inside) return;
    const time = this.timeAt(at.x);
    this.hair.style.left = `${at.x}px`;
    const lines = [this.instant(time)];
    const row = this.rowAt(at.y);
    if (row) lines.push(this.lanesWords(row, time));
    const had = this.counter.at(at);
    if (had) lines.push(`${had.label}: ${this.counter.words(had.code)}`);
    this.tip.replaceChildren(...lines.map((line) => el("div", {}, line)));
    const flip = at.x > left + width / 2;
    this.tip.style.left = flip ? "" : `${at.x + 12}px`;
    this.tip.style.right = flip ? `${this.stage.clientWidth - at.x + 12}px` : "";
    this.tip.style.top = `${Math.max(0, at.y - 8)}px`;
  }

  /** What there is at one instant, in words. */
  instant(time: number): string {
    const { curves } = this.seen;
    const go = curves.at("on_the_go", time);
    const work = curves.at("at_work", time);
    const about = curves.exact ? "" : "about ";
    return `at ${moment(time, this.to - this.from)}: ${about}${mean(go)} on the go, ${mean(work)} at work`;
  }

  private lanesWords(row: Row, time: number): string {
    const label = this.rows.label(row);
    const name = label.length > 60 ? `${label.slice(0, 59)}…` : label;
    const lanes = row.task >= 0 ? this.seen.tasks : this.seen.nodes;
    const lane = row.task >= 0 ? row.task : row.node;
    const u = Math.floor(this.seen.place(time));
    const run = lanes.at(lane, u);
    const code = run < 0 ? 7 + 15 * REASON_STEP : lanes.code[run]!;
    const what = doing(stateOf(code), this.seen.json.reasons[reasonOf(code)]);
    if (run < 0 || stateOf(code) === 7) return `${name}: ${what}`;
    if (row.task >= 0) {
      const [from, to] = lanes.stretch(lane, run);
      const length = (to - from) * this.seen.json.grid.unit_s;
      // A window knows nothing of what was before and after it.
      const cut = this.fine && (from === 0 || to >= this.fine.json.grid.count);
      const about = cut ? "at least " : this.seen.json.grid.exact ? "" : "about ";
      return `${name}: ${what}, for ${about}${seconds(length)}${met(code)}`;
    }
    return `${name}: ${this.seen.nodes.extra![run]!.toLocaleString("en")} at work`;
  }

  /** A row as it is said aloud. */
  rowWords(row: Row): string {
    const label = this.rows.label(row);
    if (row.node >= 0) return `${label}, ${this.rows.open.has(row.node) ? "open" : "folded"}`;
    const { run } = this;
    const go = run.number("go_s", row.task);
    return `${label}, ${run.kind(row.task)}: hands on it for ${seconds(run.number("work_s", row.task))} of ${seconds(go)}, `
      + `in line ${seconds(run.number("line_s", row.task))}, waiting ${seconds(run.number("wait_s", row.task))}`;
  }

  /** The row at a height of the stage. */
  rowAt(y: number): Row | null {
    if (this.mode !== "task") return null;
    const top = y - this.scroller.offsetTop;
    if (top < 0 || top >= this.scroller.clientHeight) return null;
    return this.rows.list[Math.floor((top + this.scroller.scrollTop) / ROW)] ?? null;
  }

  // --- moving about ---

  /** Shows a range of time, within the run and not narrower than its axis can tell. */
  show(from: number, to: number): void {
    const [start, end] = this.run.json.window_s;
    const least = Math.max(this.seen.json.grid.unit_s * 24, 1e-7);
    let width = Math.min(Math.max(to - from, least), end - start);
    let left = Math.min(Math.max((from + to - width) / 2, start), end - width);
    if (!Number.isFinite(left)) [left, width] = [start, end - start];
    this.from = left;
    this.to = left + width;
    if (this.fine && !this.covered()) this.use(null);
    this.invalidate();
    this.hooks.moved();
  }

  showAll(): void {
    this.show(...this.run.json.window_s);
  }

  zoom(factor: number, around: number): void {
    const width = (this.to - this.from) * factor;
    const part = (around - this.from) / (this.to - this.from);
    this.show(around - part * width, around + (1 - part) * width);
  }

  pan(part: number): void {
    const by = (this.to - this.from) * part;
    this.show(this.from + by, this.to + by);
  }

  get whole(): boolean {
    const [start, end] = this.run.json.window_s;
    return this.to - this.from >= (end - start) * 0.999;
  }

  select(range: [number, number] | null): void {
    this.selection = range;
    this.invalidate();
    this.hooks.moved();
  }

  /** Makes a task's row visible and marks it. */
  mark(task: number): void {
    this.marked = task;
    if (task >= 0 && !this.rows.filtered) {
      this.rows.reveal(task);
      this.rows.refresh();
    }
    const place = this.rows.list.findIndex((row) => row.task === task);
    this.draw();
    if (task >= 0 && place >= 0) {
      const top = place * ROW;
      const box = this.scroller;
      if (top < box.scrollTop || top + ROW > box.scrollTop + box.clientHeight) {
        box.scrollTop = Math.max(0, top - box.clientHeight / 2);
      }
    }
    this.invalidate();
  }

  /** Chooses a row by the keyboard: it is marked, and what it is doing is said. */
  choose(place: number): void {
    this.chosen = place;
    const box = this.scroller;
    const top = place * ROW;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + ROW > box.scrollTop + box.clientHeight) box.scrollTop = top + ROW - box.clientHeight;
    this.invalidate();
  }
}
