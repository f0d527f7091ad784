// One way of cooking, as it was recorded, asked at any kitchen minute. Where a cook stands and where
// a dish is follows from the recorded pieces alone; only the steps between two places are drawn.

import { BLANK, CORE_TASK, KitchenJson, PlateJson, STATE } from "../data";
import { Lanes, Run, stateOf } from "../run";

export const MOST_DISHES = 12;
/** Shorter waits than this are no trip to the stove. */
const LEAST_TRIP = 0.15;
/** Minutes that a way from place to place takes, where there is time. */
const STEP = 0.3;

export interface Stint {
  from: number;
  to: number;
  place: number;
}

export interface Dish {
  task: number;
  /** Its number in the dinner: its colour. */
  dish: number;
  name: string;
  begun: number;
  done: number;
  /** When it stood on the stove. */
  stove: [number, number][];
}

export class Plate {
  readonly dishes: Dish[];
  readonly more: number;
  readonly cooks: Lanes;
  readonly stints: Stint[][];
  readonly end: number;
  private readonly start: number;

  constructor(readonly run: Run, readonly json: PlateJson, private readonly kitchen: KitchenJson) {
    const { columns } = run;
    [this.start] = json.span_s;
    this.end = (json.span_s[1] - this.start) / kitchen.minute_s;
    this.cooks = columns.has("cook_runs")
      ? new Lanes(columns.get("cook_runs"), columns.get("cook_length"), columns.get("cook_code"), null)
      : new Lanes(new Uint32Array(0), new Uint32Array(0), new Uint32Array(0), null);
    this.more = Math.max(0, json.lanes.length - MOST_DISHES);
    this.dishes = json.lanes.slice(0, MOST_DISHES).map(([task, dish]) => ({
      task, dish,
      name: kitchen.dishes[dish] ?? run.name(task),
      begun: this.minute(run.begun(task)),
      done: this.minute(run.done(task)),
      stove: this.trips(task),
    }));
    const place = new Map(json.lanes.map(([task], i) => [task, Math.min(i, this.dishes.length)]));
    this.stints = json.staff.map((_, cook) => this.stays(cook, place));
  }

  private minute(time: number): number {
    return (time - this.start) / this.kitchen.minute_s;
  }

  /** The number on the run's axis at a minute. */
  place(minute: number): number {
    return Math.max(0, Math.floor(this.run.place(this.start + minute * this.kitchen.minute_s)));
  }

  private at(u: number): number {
    return this.minute(this.run.time(u));
  }

  private trips(task: number): [number, number][] {
    const { tasks } = this.run;
    const out: [number, number][] = [];
    for (let run = tasks.first[task]!; run < tasks.first[task + 1]!; run++) {
      if (stateOf(tasks.code[run]!) !== STATE.waiting) continue;
      const [from, to] = [this.at(tasks.start[run]!), this.at(tasks.end(task, run))];
      const last = out[out.length - 1];
      if (last && from - last[1] < 0.02) last[1] = to;
      else out.push([from, to]);
    }
    return out.filter(([from, to]) => to - from > LEAST_TRIP);
  }

  private stays(cook: number, place: Map<number, number>): Stint[] {
    const { cooks } = this;
    const out: Stint[] = [];
    for (let run = cooks.first[cook]!; run < cooks.first[cook + 1]!; run++) {
      const at = place.get(cooks.code[run]! - CORE_TASK);
      if (at === undefined) continue;
      const [from, to] = [this.at(cooks.start[run]!), this.at(cooks.end(cook, run))];
      const last = out[out.length - 1];
      if (last && last.place === at) last.to = to;
      else out.push({ from, to, place: at });
    }
    // A look at a dish is no visit: he only put it into the line.
    const visits = out.filter((stint) => stint.to - stint.from > 0.02);
    return visits.filter((stint, i) => i === 0 || stint.place !== visits[i - 1]!.place);
  }

  /** What a dish is doing: its state, BLANK where it is not begun or done. */
  doing(dish: Dish, minute: number): number {
    const u = this.place(minute);
    const run = this.run.tasks.at(dish.task, u);
    return run < 0 ? BLANK : stateOf(this.run.tasks.code[run]!);
  }

  /** Which task a cook has his hands on, -1 = none. */
  hands(cook: number, minute: number): number {
    const run = this.cooks.at(cook, this.place(minute));
    const code = run < 0 ? 0 : this.cooks.code[run]!;
    return code >= CORE_TASK ? code - CORE_TASK : -1;
  }

  /** How many dishes are on the go and how many pairs of hands move. */
  counts(minute: number): [number, number] {
    if (minute >= this.end) return [0, 0];
    const time = this.start + minute * this.kitchen.minute_s;
    const { curves } = this.run;
    return [Math.round(curves.at("on_the_go", time)), Math.round(curves.at("hands", time))];
  }

  /** Where a cook stands: between two places while he walks; -1 = he has not come yet. */
  stands(cook: number, minute: number, calm: boolean): number {
    const all = this.stints[cook]!;
    let i = -1;
    while (i + 1 < all.length && all[i + 1]!.from <= minute) i++;
    const here = i < 0 ? -1 : all[i]!.place;
    if (calm) return here;
    const next = all[i + 1];
    if (next && i >= 0) {
      // He goes when nothing holds him at the last place, so as to be there in time.
      const walk = Math.min(STEP, next.from - all[i]!.to);
      if (minute > next.from - walk) return here + (next.place - here) * ease((minute - next.from + walk) / walk);
    }
    const before = all[i - 1];
    if (i >= 1 && before) {
      const late = STEP - (all[i]!.from - before.to); // no time to walk: he runs
      const run = Math.min(late, (all[i]!.to - all[i]!.from) / 3);
      const since = minute - all[i]!.from;
      if (late > STEP * 0.75 && since < run) return before.place + (here - before.place) * ease(since / run);
    }
    return here;
  }

  /** How far a dish is from the counter to the stove, 0 to 1. */
  lifted(dish: Dish, minute: number, calm: boolean): number {
    for (const [from, to] of dish.stove) {
      if (minute < from) return 0;
      if (calm) {
        if (minute < to) return 1;
        continue;
      }
      const step = Math.min(STEP, (to - from) / 3);
      if (minute < to) return ease((minute - from) / step);
      if (minute < to + step) return 1 - ease((minute - to) / step);
    }
    return 0;
  }
}

function ease(part: number): number {
  const x = Math.min(Math.max(part, 0), 1);
  return x * x * (3 - 2 * x);
}
