// The lanes of one dinner: dishes above, cooks below, each column of pixels one moment.

import { CORE_TASK, STATE } from "../data";
import { Bins, binsOf } from "../moments";
import { Surface } from "../paint";
import { Lanes, stateOf } from "../run";
import { ticks } from "../strips";
import { Theme, css, mix, taskColour } from "../theme";
import { Plate } from "./plate";
import { coatOf } from "./scene";

const ROW = 23;
const BAR = 15;
const HEAD = 14;
const AXIS = 20;
const FONT = "13px system-ui, sans-serif";

type Rgb = [number, number, number];

export interface Place {
  left: number;
  /** CSS pixels of a kitchen minute. */
  minute: number;
  height: number;
}

export function chart(
  surface: Surface, plate: Plate, theme: Theme, wide: number, longest: number,
): Place {
  const { context } = surface;
  const left = wide < 440 ? 74 : 92;
  const minute = Math.max(40, wide - left - 8) / Math.max(longest, 1e-6);
  const rows = plate.dishes.length + (plate.more ? 1 : 0);
  const height = rows * ROW + HEAD + plate.json.staff.length * ROW + AXIS;
  surface.resize(wide, height);
  surface.clear(css(theme.panel));
  const length = plate.end * minute;
  const bins = binsOf(plate.run, plate.place(0), plate.place(plate.end), Math.max(1, Math.round(length * surface.dots)));
  const paint = new Bars(surface, theme, bins, left);
  context.textBaseline = "middle";
  plate.dishes.forEach((dish, i) => {
    const y = i * ROW + ROW / 2;
    label(surface, theme, dish.name, left, y);
    const colour = taskColour(theme, dish.dish);
    paint.lane(plate.run.tasks, dish.task, y, (code) => [stateOf(code), colour]);
  });
  if (plate.more) label(surface, theme, `${plate.more} more`, left, plate.dishes.length * ROW + ROW / 2, true);
  label(surface, theme, "cooks", left, rows * ROW + HEAD / 2, true);
  const colours = new Map(plate.json.lanes.map(([task, dish]) => [task, taskColour(theme, dish)]));
  plate.json.staff.forEach((name, cook) => {
    const y = rows * ROW + HEAD + cook * ROW + ROW / 2;
    label(surface, theme, name, left, y);
    context.fillStyle = css(coatOf(theme, cook));
    bar(context, left - 6, y - BAR / 2, 3, BAR);
    context.fillStyle = css(theme.track);
    bar(context, left, y - BAR / 2, length, BAR);
    paint.lane(plate.cooks, cook, y, (code) => [
      code >= CORE_TASK ? STATE.working : STATE.blank, colours.get(code - CORE_TASK) ?? theme.dim,
    ]);
  });
  axis(surface, theme, left, minute, longest, height - AXIS);
  return { left, minute, height };
}

function label(surface: Surface, theme: Theme, text: string, left: number, y: number, small = false): void {
  const { context } = surface;
  context.font = small ? "11px system-ui, sans-serif" : FONT;
  context.fillStyle = css(small ? theme.dim : theme.ink);
  context.textAlign = "right";
  let shown = text;
  while (shown.length > 1 && context.measureText(shown).width > left - 14) shown = `${shown.slice(0, -2)}…`;
  context.fillText(shown, left - 10, y);
}

function bar(context: CanvasRenderingContext2D, x: number, y: number, w: number, h: number): void {
  context.beginPath();
  context.roundRect(x, y, w, h, Math.min(3, w / 2));
  context.fill();
}

/** Paints the stretches of lanes. */
class Bars {
  private readonly runs: Int32Array;

  constructor(
    private readonly surface: Surface,
    private readonly theme: Theme,
    private readonly bins: Bins,
    private readonly left: number,
  ) {
    this.runs = new Int32Array(bins.moment.length);
  }

  lane(lanes: Lanes, lane: number, y: number, look: (code: number) => [number, Rgb]): void {
    const { bins, runs, surface } = this;
    lanes.sample(lane, bins.moment, runs);
    const code = (i: number) => (runs[i]! < 0 ? -1 : lanes.code[runs[i]!]!);
    const same = (a: number, b: number) => {
      if (a === b) return true;
      if (a < 0 || b < 0) return false;
      const [x, y] = [look(a), look(b)];
      return x[0] === y[0] && x[1] === y[1];
    };
    for (let i = 0, j; i < runs.length; i = j) {
      const here = code(i);
      j = i + 1;
      while (j < runs.length && same(code(j), here)) j++;
      if (here < 0) continue;
      const [state, colour] = look(here);
      const x0 = this.left + bins.edge[i]! / surface.dots;
      const x1 = this.left + bins.edge[j]! / surface.dots;
      this.stretch(state, colour, x0, x1, y);
    }
  }

  private stretch(state: number, colour: Rgb, x0: number, x1: number, y: number): void {
    const { context } = this.surface;
    const gap = x1 - x0 > 4 ? 0.5 : 0;
    const [x, w] = [x0 + gap, x1 - x0 - 2 * gap];
    const pale = mix(this.theme.panel, colour, this.theme.dark ? 0.42 : 0.28);
    if (state === STATE.working) {
      context.fillStyle = css(colour);
      bar(context, x, y - BAR / 2, w, BAR);
    } else if (state === STATE.waiting) {
      context.fillStyle = css(pale);
      context.fillRect(x0, y - 2.5, x1 - x0, 5);
    } else if (state === STATE.inLine || state === STATE.wantsTool) {
      // A cook's hands are a tool, too: the recording shows both as a wait for one's turn.
      this.hatched(colour, x, w, y);
    } else if (state === STATE.delegated) {
      context.fillStyle = css(colour);
      for (let at = x; at < x + w; at += 8) context.fillRect(at, y - 0.75, Math.min(3, x + w - at), 1.5);
    } else if (state === STATE.unknown) {
      context.fillStyle = css(this.theme.dim);
      context.textAlign = "center";
      context.font = FONT;
      for (let at = x + 4; at < x + w; at += 9) context.fillText("?", at, y);
    }
  }

  private hatched(colour: Rgb, x: number, w: number, y: number): void {
    const { context } = this.surface;
    const [top, high] = [y - BAR / 2 + 2, BAR - 4];
    context.save();
    context.beginPath();
    context.rect(x, top, w, high);
    context.clip();
    context.fillStyle = css(mix(this.theme.panel, colour, 0.1));
    context.fillRect(x, top, w, high);
    context.strokeStyle = css(mix(this.theme.panel, colour, 0.8));
    context.lineWidth = 1.4;
    context.beginPath();
    for (let at = Math.floor((x - high) / 5) * 5; at < x + w; at += 5) {
      context.moveTo(at, top + high);
      context.lineTo(at + high, top);
    }
    context.stroke();
    context.restore();
  }
}

function axis(surface: Surface, theme: Theme, left: number, minute: number, longest: number, y: number): void {
  const { context } = surface;
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = css(theme.dim);
  context.strokeStyle = css(theme.line);
  context.lineWidth = 1;
  context.textBaseline = "top";
  const times = ticks(0, longest, (longest * minute) / 70);
  times.forEach((time, i) => {
    const x = Math.round(left + time * minute) + 0.5;
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x, y + 4);
    context.stroke();
    context.textAlign = i === 0 ? "left" : "center";
    context.fillText(i === 0 ? "0 min" : String(Number(time.toPrecision(6))), i === 0 ? x - 1 : x, y + 6);
  });
  context.textBaseline = "middle";
}
