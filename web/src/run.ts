// One run in memory: lanes that can be asked at any moment, counts that can be summed over any range.

import { Columns, Numbers, REASON_STEP, RunJson, SEEN_NATIVE, STATE, columnsOf } from "./data";
import { lastUpTo } from "./sorted";

/** Lanes as runs: the code of a lane holds from one start to the next. */
export class Lanes {
  readonly first: Uint32Array;
  readonly start: Uint32Array;

  constructor(
    each: Numbers,
    length: Numbers,
    readonly code: Numbers,
    readonly extra: Numbers | null,
  ) {
    const lanes = each.length;
    this.first = new Uint32Array(lanes + 1);
    this.start = new Uint32Array(length.length);
    this.stop = new Uint32Array(lanes);
    for (let lane = 0, i = 0; lane < lanes; lane++) {
      this.first[lane] = i;
      let now = 0;
      for (let left = each[lane]!; left > 0; left--, i++) {
        this.start[i] = now;
        now += length[i]!;
      }
      this.stop[lane] = now;
      this.first[lane + 1] = i;
    }
  }

  /** Where each lane's last run ends. */
  readonly stop: Uint32Array;

  get count(): number {
    return this.stop.length;
  }

  /** The run of a lane that holds at u, or -1. */
  at(lane: number, u: number): number {
    const first = this.first[lane]!;
    const after = this.first[lane + 1]!;
    if (first === after || u >= this.stop[lane]!) return -1;
    return lastUpTo(this.start, u, first, after);
  }

  /** Where a run ends. */
  end(lane: number, run: number): number {
    return run + 1 < this.first[lane + 1]! ? this.start[run + 1]! : this.stop[lane]!;
  }

  /** From where to where what a run shows lasts; work is one, whatever looks met in it. */
  stretch(lane: number, run: number): [number, number] {
    const state = stateOf(this.code[run]!);
    let [low, high] = [run, run];
    if (state === WORKING) {
      while (low > this.first[lane]! && stateOf(this.code[low - 1]!) === state) low--;
      while (high + 1 < this.first[lane + 1]! && stateOf(this.code[high + 1]!) === state) high++;
    }
    return [this.start[low]!, this.end(lane, high)];
  }

  /** The run of each of the moments, which ascend; -1 where there is none. */
  sample(lane: number, moments: Uint32Array, out: Int32Array): void {
    const last = this.first[lane + 1]! - 1;
    const stop = this.stop[lane]!;
    const { start } = this;
    let run = moments.length ? this.at(lane, moments[0]!) : -1;
    for (let i = 0; i < moments.length; i++) {
      const u = moments[i]!;
      if (run < 0 || u >= stop) {
        out[i] = -1;
        continue;
      }
      if (run < last && start[run + 1]! <= u) {
        let step = 1;
        run++;
        while (run + step <= last && start[run + step]! <= u) {
          run += step;
          step *= 2;
        }
        for (; step >= 1; step = step >>> 1) {
          if (run + step <= last && start[run + step]! <= u) run += step;
        }
      }
      out[i] = run;
    }
  }
}

export const COUNTS = ["on_the_go", "at_work", "hands", "wanted", "cores_used"] as const;
export const TIMES = ["on_the_go_1", "on_the_go_2", "at_work_1", "hands_2", "wanted_2"] as const;
export type Sum = (typeof COUNTS)[number] | (typeof TIMES)[number];

/** The counts over time, as running sums over cells. */
export class Curves {
  readonly edges: Float64Array;
  readonly exact: boolean;
  private readonly values = new Map<string, Numbers>();
  private readonly sums = new Map<Sum, Float64Array>();

  constructor(run: RunJson, columns: Columns) {
    const [start, end] = run.window_s;
    this.exact = run.curve_unit_s > 0;
    if (this.exact) {
      const length = columns.get("cell_length");
      this.edges = new Float64Array(length.length + 1);
      let units = 0;
      for (let i = 0; i < length.length; i++) {
        this.edges[i] = start + units * run.curve_unit_s;
        units += length[i]!;
      }
      this.edges[length.length] = end;
      for (const name of COUNTS) this.values.set(name, columns.get(name));
    } else {
      const cells = columns.get("sum_hands").length;
      this.edges = new Float64Array(cells + 1);
      for (let i = 0; i <= cells; i++) this.edges[i] = start + ((end - start) * i) / cells;
    }
    for (const name of COUNTS) this.sums.set(name, this.running(name, 0, columns));
    for (const name of TIMES) {
      const cut = name.lastIndexOf("_");
      this.sums.set(name, this.running(name.slice(0, cut), Number(name.slice(cut + 1)), columns));
    }
  }

  private running(name: string, level: number, columns: Columns): Float64Array {
    const cells = this.edges.length - 1;
    const out = new Float64Array(cells + 1);
    const known = this.exact ? this.values.get(name)! : null;
    const given = known ? null : columns.get(level ? `sum_${name}_${level}` : `sum_${name}`);
    for (let i = 0; i < cells; i++) {
      let more: number;
      if (known) {
        const width = this.edges[i + 1]! - this.edges[i]!;
        more = level ? (known[i]! >= level ? width : 0) : known[i]! * width;
      } else {
        more = given![i]!;
      }
      out[i + 1] = out[i]! + more;
    }
    return out;
  }

  /** The cell that a time lies in. */
  cell(time: number): number {
    return lastUpTo(this.edges, time, 0, this.edges.length - 1);
  }

  /** What is counted, summed from the window's start to a time. */
  before(name: Sum, time: number): number {
    const sums = this.sums.get(name)!;
    const cell = this.cell(time);
    const left = this.edges[cell]!;
    const width = this.edges[cell + 1]! - left;
    const part = width > 0 ? Math.min(Math.max((time - left) / width, 0), 1) : 0;
    return sums[cell]! + part * (sums[cell + 1]! - sums[cell]!);
  }

  between(name: Sum, from: number, to: number): number {
    return this.before(name, to) - this.before(name, from);
  }

  /** The value at one instant; in cells that are not exact, their mean. */
  at(name: (typeof COUNTS)[number], time: number): number {
    const cell = this.cell(time);
    const known = this.values.get(name);
    if (known) return known[cell]!;
    const sums = this.sums.get(name)!;
    return (sums[cell + 1]! - sums[cell]!) / (this.edges[cell + 1]! - this.edges[cell]!);
  }

  /** A range whose numbers are exact: where cells are not, it reaches from cell to cell. */
  snapped(from: number, to: number): [number, number] {
    if (this.exact) return [from, to];
    const low = this.cell(from);
    const high = this.cell(to);
    return [this.edges[low]!, this.edges[Math.max(high, low) + 1]!];
  }
}

/** One run: its words, its lanes, its counts. */
export class Run {
  readonly tasks: Lanes;
  readonly cores: Lanes;
  readonly nodes: Lanes;
  readonly curves: Curves;
  readonly taskCount: number;
  /** Stretches in which two are on cores only because one hands over to the other. */
  readonly overStart: Uint32Array;
  readonly overLength: Numbers;
  private texts: string[] | null = null;
  private lower: string | null = null;
  private begins: Uint32Array | null = null;
  private ranks: Uint32Array | null = null;

  constructor(
    readonly json: RunJson,
    readonly columns: Columns,
  ) {
    const lanes = (name: string, extra: string | null) =>
      new Lanes(
        columns.get(`${name}_runs`),
        columns.get(`${name}_length`),
        columns.get(`${name}_code`),
        extra ? columns.get(extra) : null,
      );
    this.tasks = lanes("task", null);
    this.cores = lanes("core", null);
    this.nodes = lanes("node", "node_hands");
    this.curves = new Curves(json, columns);
    this.taskCount = this.tasks.count;
    const delta = columns.get("over_start");
    this.overStart = new Uint32Array(delta.length);
    for (let i = 0, now = 0; i < delta.length; i++) this.overStart[i] = now += delta[i]!;
    this.overLength = columns.get("over_length");
  }

  static async load(json: RunJson): Promise<Run> {
    return new Run(json, await columnsOf(json));
  }

  /** Seconds of a number on the axis, and back. */
  time(u: number): number {
    return this.json.grid.start_s + u * this.json.grid.unit_s;
  }

  place(time: number): number {
    return (time - this.json.grid.start_s) / this.json.grid.unit_s;
  }

  /** The texts that columns refer to by their number. */
  get strings(): string[] {
    this.texts ??= new TextDecoder().decode(this.columns.get("strings") as Uint8Array).split("\n");
    return this.texts;
  }

  text(column: string, task: number): string {
    return this.strings[this.columns.get(`task_${column}`)[task]!] ?? "";
  }

  /** When a task began, in seconds since the start of the run. */
  begun(task: number): number {
    if (!this.begins) {
      this.begins = new Uint32Array(this.taskCount);
      const more = this.columns.get("task_begun");
      for (let i = 0, now = 0; i < this.taskCount; i++) this.begins[i] = now = (now + more[i]!) >>> 0;
    }
    return this.begins[task]! * this.json.begun_unit_s;
  }

  done(task: number): number {
    return this.begun(task) + this.number("go_s", task);
  }

  number(column: string, task: number): number {
    const name = `task_${column}`;
    return this.columns.has(name) ? this.columns.get(name)[task]! : 0;
  }

  name(task: number): string {
    return this.text("name", task) || "(no name)";
  }

  kind(task: number): string {
    return this.json.kinds[this.number("kind", task)] ?? "";
  }

  counted(task: number): boolean {
    return this.number("counted", task) > 0;
  }

  /** Tasks that count are numbered in order of first touch: that is their colour. */
  rank(task: number): number {
    if (!this.ranks) {
      this.ranks = new Uint32Array(this.taskCount);
      for (let i = 0, next = 0; i < this.taskCount; i++) {
        this.ranks[i] = next;
        if (this.counted(i)) next++;
      }
    }
    return this.ranks[task]!;
  }

  /** Whether native code was met somewhere in its lanes. */
  get looked(): boolean {
    return (this.tasks.code as Uint8Array).includes(WORKING + REASON_STEP * SEEN_NATIVE);
  }

  /** Reasons for which some task was kept, in the order of the model. */
  get reasonsThere(): string[] {
    return this.json.reasons.filter((reason) => this.columns.has(`task_for_${reason}`));
  }

  /** Tells of each task whether its name, group, place or process has a text in it. */
  matcher(text: string): (task: number) => boolean {
    this.lower ??= this.strings.join("\n").toLowerCase();
    const { lower } = this;
    const wanted = text.toLowerCase();
    // All texts are one: each is asked once, however many tasks have it, and so is each process.
    const has = new Uint8Array(this.strings.length);
    for (let at = lower.indexOf(wanted), line = 0, start = 0; at >= 0; ) {
      for (let end = lower.indexOf("\n", start); end >= 0 && end < at; end = lower.indexOf("\n", start)) {
        start = end + 1;
        line++;
      }
      has[line] = 1;
      const end = lower.indexOf("\n", at);
      at = end < 0 ? -1 : lower.indexOf(wanted, end);
    }
    const [name, group, where, pid] = ["name", "group", "where", "pid"].map((one) => this.columns.get(`task_${one}`));
    const pids = new Map<number, boolean>();
    return (task) => {
      if (has[name![task]!] || has[group![task]!] || has[where![task]!]) return true;
      const own = pid![task]!;
      let known = pids.get(own);
      if (known === undefined) pids.set(own, (known = String(own).includes(wanted)));
      return known;
    };
  }
}

export const stateOf = (code: number) => code % REASON_STEP;
export const reasonOf = (code: number) => Math.floor(code / REASON_STEP);
export const WORKING = STATE.working;
