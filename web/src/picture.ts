// The picture of one run: lanes, the counter, strips and axis on one time axis, and moving about.

import { el } from "./dom";
import { CORE_PROGRAM, CORE_TASK, CORE_UNKNOWN, REASON_STEP } from "./data";
import { Bins, binsOf } from "./moments";
import { Painter, Pixels, Surface, stacked } from "./paint";
import { Row, Rows } from "./rows";
import { Run, reasonOf, stateOf } from "./run";
import { Plot, axis, overview, strip } from "./strips";
import { css, themeNow } from "./theme";
import { doing, mean, moment, seconds } from "./words";

export type Mode = "task" | "core";

const ROW = 22;
const CORE_ROW = 34;
const COUNTER_ROW = 18;
const STRIP = 30;
const MOST_LANES = 24;
const MOST_COUNTER = 8;
const AXIS = 22;
const FONT = "12px system-ui, sans-serif";

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
  private painter!: Painter;
  /** What is known more finely, of a window around the view. */
  fine: Run | null = null;
  private readonly over = new Surface(el("canvas", { class: "over", "aria-hidden": "true" }));
  private readonly lanes = new Surface(el("canvas", { class: "lanes", "aria-hidden": "true" }));
  private readonly below = new Surface(el("canvas", { class: "below", "aria-hidden": "true" }));
  readonly scroller = el("div", { class: "scroller", tabindex: "-1" });
  private readonly tall = el("div", { class: "tall" });
  private readonly hair = el("div", { class: "hair", hidden: "" });
  private readonly tip = el("div", { class: "tip", hidden: "" });
  private readonly shade = el("div", { class: "shade", hidden: "" });
  readonly stage: HTMLDivElement;
  private asked = 0;
  /** Where the counter's rows stand, for who points at them. */
  private counter: { y: number; codes: Uint32Array; label: string }[] = [];
  private counterHigh = COUNTER_ROW;
  private shown: Bins | null = null;
  private pointer: { x: number; y: number } | null = null;
  private readonly mostOnTheGo: number;
  private readonly mostHands: number;
  private readonly places: number;

  constructor(readonly run: Run, private readonly hooks: Hooks) {
    this.rows = new Rows(run);
    [this.from, this.to] = run.json.window_s;
    const { summary, cpus } = run.json;
    this.mostOnTheGo = Math.max(1, summary.concurrency.max);
    const usable = Math.round(summary.cores.usable ?? cpus.length);
    this.mostHands = Math.max(1, summary.parallelism.max, Math.min(usable, 8));
    this.places = Math.min(Math.max(usable, 1), MOST_COUNTER, Math.max(cpus.length, 1));
    this.scroller.append(this.lanes.canvas, this.tall);
    this.stage = el(
      "div",
      { class: "stage", tabindex: "0", role: "group" },
      this.over.canvas, this.scroller, this.below.canvas, this.shade, this.hair, this.tip,
    );
    this.root = el("div", { class: "picture" }, this.stage);
    this.listen();
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
    return { left, width, from: this.from, to: this.to };
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
    this.drawBelow(wide, plot, bins);
    this.place();
  }

  private drawOver(wide: number, plot: Plot): void {
    const { theme } = this.painter;
    this.over.resize(wide, 26);
    this.over.clear(css(theme.panel));
    const [start, end] = this.run.json.window_s;
    overview(this.over, this.run, theme, plot, this.bins(start, end, plot, this.run), this.mostHands);
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
    context.fillStyle = css(row.node >= 0 ? theme.dim : theme.ink);
    context.font = chosen ? `bold ${FONT}` : FONT;
    context.fillText(this.cut(this.rows.label(row), plot.left - indent - 8), indent, y);
    context.font = FONT;
    if (this.gutters()[1] > 20 && row.task >= 0) {
      context.textAlign = "right";
      context.fillStyle = css(theme.dim);
      const worked = seconds(this.run.number("work_s", row.task));
      context.fillText(worked, plot.left + plot.width + 62, y);
    }
  }

  /** A text that fits; long ones lose their end. */
  private cut(text: string, width: number): string {
    const { context } = this.lanes;
    if (text.length < 200 && context.measureText(text).width <= width) return text;
    let low = 0;
    let high = Math.min(text.length, 80);
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (context.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
      else high = middle - 1;
    }
    return `${text.slice(0, low)}…`;
  }

  private drawBelow(wide: number, plot: Plot, bins: Bins): void {
    const surface = this.below;
    const { theme } = this.painter;
    const cores = this.painter.cores(bins);
    const core = this.mode === "core";
    const high = core ? CORE_ROW : COUNTER_ROW;
    const hands = cores.length ? stacked(cores, this.places) : [];
    const groups: [string, string[], Uint32Array[]][] = [];
    this.counter = [];
    this.counterHigh = high;
    this.shown = bins;
    if (hands.length) {
      groups.push(["hands", hands.map((_, i) => this.pair(i)), hands]);
      if (core) groups.push(["cores", this.run.json.cpus.map((cpu) => `core ${cpu}`), cores]);
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
      codes.forEach((row, i) => this.counter.push({ y: y + i * high, codes: row, label: labels[i]! }));
      y += codes.length * high + 4;
    }
    this.strips(y0, plot, bins);
    surface.context.font = "11px system-ui, sans-serif";
    axis(surface, theme, plot, y0 + 2 * (STRIP + 10) - 4);
  }

  private pair(i: number): string {
    return `hands ${i + 1}`;
  }

  private caption(name: string, y: number, plot: Plot): void {
    const { context } = this.below;
    const { theme } = this.painter;
    context.fillStyle = css(theme.dim);
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.font = "11px system-ui, sans-serif";
    const short = plot.width < 420;
    const text = short ? `${name}: which task each had` :
      name === "hands"
        ? "pairs of hands at work, whichever core they were on: which task each had"
        : "cores of this machine: which task each had";
    context.fillText(this.cut(text, plot.width), plot.left, y + 12);
    context.font = FONT;
  }

  private drawCodes(
    rows: Uint32Array[], labels: string[], y: number, high: number, plot: Plot, bins: Bins,
  ): void {
    const { dots, context } = this.below;
    const { theme } = this.painter;
    const rowHigh = Math.round(high * dots);
    const pixels = new Pixels(
      Math.round(plot.width * dots), rowHigh * rows.length, this.painter.ground,
    );
    const track = new Uint32Array(rowHigh * 8).fill(this.painter.ground);
    const pad = Math.round(2.5 * dots);
    const [r, g, b] = theme.track;
    track.fill(((255 << 24) | (b << 16) | (g << 8) | r) >>> 0, pad * 8, (rowHigh - pad) * 8);
    const names: { task: number; x0: number; x1: number; y: number }[] = [];
    rows.forEach((codes, i) => {
      pixels.put(0, pixels.width, i * rowHigh, rowHigh, track);
      const named = (this.mode === "core" ? 34 : 60) * dots;
      const wide = this.painter.codes(pixels, codes, bins, i * rowHigh, rowHigh, named);
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
      const text = this.cut(this.run.name(task), room);
      if (text.length > 2) context.fillText(text, plot.left + x0 / dots + 4, at + 0.5);
    }
    context.font = FONT;
  }

  private strips(y0: number, plot: Plot, bins: Bins): void {
    const surface = this.below;
    const { theme } = this.painter;
    const { context } = surface;
    const usable = this.run.json.summary.cores.usable ?? 0;
    const both = [
      { name: "at work", sum: "hands" as const, most: this.mostHands, line: usable },
      { name: "on the go", sum: "on_the_go" as const, most: this.mostOnTheGo, line: 0 },
    ];
    both.forEach((one, i) => {
      const y = y0 + i * (STRIP + 10);
      strip(surface, this.seen, theme, plot, bins, { ...one, y, height: STRIP });
      context.textBaseline = "middle";
      context.textAlign = "left";
      context.fillStyle = css(theme.ink);
      context.fillText(one.name, 14, y + STRIP / 2);
      if (this.gutters()[1] > 20) {
        const { summary } = this.run.json;
        const most = i ? summary.concurrency.max : summary.parallelism.max;
        context.textAlign = "right";
        context.fillStyle = css(theme.dim);
        context.fillText(`up to ${most}`, plot.left + plot.width + 62, y + STRIP / 2);
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

  private hover(): void {
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
    const had = this.counterAt(at);
    if (had) lines.push(`${had.label}: ${this.codeWords(had.code)}`);
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
    const length = (lanes.end(lane, run) - lanes.start[run]!) * this.seen.json.grid.unit_s;
    if (row.task >= 0) {
      // A window knows nothing of what was before and after it.
      const cut = this.fine && (lanes.start[run] === 0 || lanes.end(lane, run) >= this.fine.json.grid.count);
      const about = cut ? "at least " : this.seen.json.grid.exact ? "" : "about ";
      return `${name}: ${what}, for ${about}${seconds(length)}`;
    }
    return `${name}: ${this.seen.nodes.extra![run]!.toLocaleString("en")} at work`;
  }

  /** The row at a height of the stage. */
  rowAt(y: number): Row | null {
    if (this.mode !== "task") return null;
    const top = y - this.scroller.offsetTop;
    if (top < 0 || top >= this.scroller.clientHeight) return null;
    return this.rows.list[Math.floor((top + this.scroller.scrollTop) / ROW)] ?? null;
  }

  /** What a pair of hands or a core has where the pointer is. */
  private counterAt(at: { x: number; y: number }): { label: string; code: number } | null {
    const top = at.y - this.below.canvas.offsetTop;
    const row = this.counter.find(({ y }) => top >= y && top < y + this.counterHigh);
    const bins = this.shown;
    if (!row || !bins) return null;
    const x = (at.x - this.plot().left) * this.below.dots;
    let low = 0;
    let high = bins.edge.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (bins.edge[middle]! <= x) low = middle;
      else high = middle;
    }
    return { label: row.label, code: row.codes[low] ?? 0 };
  }

  private codeWords(code: number): string {
    if (code >= CORE_TASK) return this.run.name(code - CORE_TASK);
    if (code === CORE_PROGRAM) return "the program, but none of its tasks";
    return code === CORE_UNKNOWN ? "not known: records were lost" : "nothing of this program";
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

  private listen(): void {
    const { stage } = this;
    const touches = new Map<number, { x: number; y: number }>();
    let drag: { kind: "pan" | "select" | "over"; x: number; from: number; to: number; moved: boolean } | null = null;
    let pinch = 0;
    const spot = (event: PointerEvent | WheelEvent) => {
      const box = stage.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    stage.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      const at = spot(event);
      if (event.target === this.scroller) return; // its scroll bar
      touches.set(event.pointerId, at);
      if (touches.size === 2) {
        const [a, b] = [...touches.values()];
        pinch = Math.abs(a!.x - b!.x);
        drag = null;
        return;
      }
      const kind = at.y < this.scroller.offsetTop && event.target === this.over.canvas ? "over"
        : event.shiftKey || this.whole || event.target === this.below.canvas ? "select" : "pan";
      drag = { kind, x: at.x, from: this.from, to: this.to, moved: false };
      stage.setPointerCapture(event.pointerId);
    });
    stage.addEventListener("pointermove", (event) => {
      const at = spot(event);
      this.pointer = at;
      if (touches.has(event.pointerId)) touches.set(event.pointerId, at);
      if (touches.size === 2) {
        const [a, b] = [...touches.values()];
        const now = Math.max(8, Math.abs(a!.x - b!.x));
        if (pinch > 0) this.zoom(pinch / now, this.timeAt((a!.x + b!.x) / 2));
        pinch = now;
        return;
      }
      if (drag) this.dragged(drag, at.x);
      else this.hover();
    });
    const up = (event: PointerEvent) => {
      touches.delete(event.pointerId);
      const done = drag;
      drag = null;
      if (event.type === "pointerup" && done && !done.moved) this.clicked(spot(event));
    };
    stage.addEventListener("pointerup", up);
    stage.addEventListener("pointercancel", up);
    stage.addEventListener("pointerleave", () => {
      this.pointer = null;
      this.hover();
    });
    stage.addEventListener("wheel", (event) => this.wheel(event, spot(event)), { passive: false });
    stage.addEventListener("dblclick", (event) => this.zoom(0.4, this.timeAt(spot(event as PointerEvent).x)));
    this.scroller.addEventListener("scroll", () => this.invalidate(), { passive: true });
    new ResizeObserver(() => this.invalidate()).observe(stage);
  }

  private dragged(
    drag: { kind: string; x: number; from: number; to: number; moved: boolean }, x: number,
  ): void {
    if (!drag.moved && Math.abs(x - drag.x) < 4) return;
    drag.moved = true;
    const { left, width } = this.plot();
    if (drag.kind === "pan") {
      const by = ((drag.x - x) / width) * (drag.to - drag.from);
      this.show(drag.from + by, drag.to + by);
    } else if (drag.kind === "select") {
      const [a, b] = [this.timeAt(Math.min(drag.x, x)), this.timeAt(Math.max(drag.x, x))];
      this.select(this.seen.curves.snapped(a, b));
    } else {
      const [start, end] = this.run.json.window_s;
      const at = (px: number) => start + ((px - left) / width) * (end - start);
      if (this.whole || drag.to - drag.from >= (end - start) * 0.999) {
        this.show(at(Math.min(drag.x, x)), at(Math.max(drag.x, x)));
      } else {
        const by = at(x) - at(drag.x);
        this.show(drag.from + by, drag.to + by);
      }
    }
  }

  private clicked(at: { x: number; y: number }): void {
    const row = this.rowAt(at.y);
    const had = this.counterAt(at);
    if (had && had.code >= CORE_TASK) {
      this.hooks.story(had.code - CORE_TASK, this.timeAt(at.x));
    } else if (row && row.node >= 0) {
      this.rows.fold(row.node);
      this.invalidate();
    } else if (row) {
      this.hooks.story(row.task, this.timeAt(at.x));
    } else if (this.selection) {
      this.select(null);
    }
  }

  private wheel(event: WheelEvent, at: { x: number; y: number }): void {
    const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    const focused = this.stage.contains(document.activeElement);
    const scrolls = this.rowAt(at.y) && this.scroller.scrollHeight > this.scroller.clientHeight + 1;
    if (sideways) {
      event.preventDefault();
      this.pan((event.deltaX || event.deltaY) / this.plot().width);
    } else if (event.ctrlKey || event.metaKey || (focused && !scrolls)) {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 16 : 1;
      this.zoom(Math.exp(event.deltaY * lines * (event.ctrlKey ? 0.006 : 0.0016)), this.timeAt(at.x));
    }
  }
}
