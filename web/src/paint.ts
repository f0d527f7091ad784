// Painting lanes into pixels. Each row is written as pixels of a texture, so a frame costs the same
// whatever happens in it: a hundred thousand turns or one.

import { CORE_PROGRAM, CORE_TASK, CORE_UNKNOWN, REASON_STEP, SEEN_NATIVE, STATE } from "./data";
import { Bins } from "./moments";
import { Lanes, Run, reasonOf, stateOf } from "./run";
import { Row } from "./rows";
import { TILE, Theme, pixel, reasonColour, taskColour, texture } from "./theme";

const PROGRAM = -1;
const NODE = -2;
const UNKNOWN_CORE = -3;

export const FONT = "12px system-ui, sans-serif";

/** A text that fits; long ones lose their end. */
export function cut(context: CanvasRenderingContext2D, text: string, width: number): string {
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

/** A canvas in device pixels, of which the middle is the plot. */
export class Surface {
  readonly context: CanvasRenderingContext2D;
  width = 0;
  height = 0;
  dots = 1;

  constructor(readonly canvas: HTMLCanvasElement) {
    this.context = canvas.getContext("2d", { alpha: false })!;
  }

  resize(width: number, height: number): void {
    const dots = window.devicePixelRatio || 1;
    const w = Math.round(width * dots);
    const h = Math.round(height * dots);
    this.width = width;
    this.height = height;
    this.dots = dots;
    if (this.canvas.width !== w) this.canvas.width = w;
    if (this.canvas.height !== h) this.canvas.height = h;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
  }

  /** Empties it and sets lengths to CSS pixels. */
  clear(colour: string): void {
    const { context } = this;
    context.setTransform(this.dots, 0, 0, this.dots, 0, 0);
    context.fillStyle = colour;
    context.fillRect(0, 0, this.width, this.height);
  }
}

/** The pixels of a plot. */
export class Pixels {
  readonly image: ImageData;
  private readonly data: Uint32Array;

  constructor(
    readonly width: number,
    readonly height: number,
    ground: number,
  ) {
    this.image = new ImageData(Math.max(width, 1), Math.max(height, 1));
    this.data = new Uint32Array(this.image.data.buffer);
    this.data.fill(ground);
  }

  /** Fills a part of a row with a texture. */
  put(x0: number, x1: number, y0: number, height: number, tile: Uint32Array): void {
    const y1 = Math.min(y0 + height, this.height);
    for (let y = Math.max(y0, 0); y < y1; y++) {
      const from = y * this.width;
      const row = (y - y0) * TILE;
      for (let x = x0; x < x1; x++) this.data[from + x] = tile[row + (x % TILE)]!;
    }
  }
}

export class Painter {
  private readonly tiles = new Map<number, Uint32Array>();
  private runs = new Int32Array(0);
  byReason = false;

  constructor(
    private readonly run: Run,
    readonly theme: Theme,
    private readonly dots: number,
  ) {}

  colour(task: number): [number, number, number] {
    if (task < 0 || !this.run.counted(task)) return this.theme.dim;
    return taskColour(this.theme, this.run.rank(task));
  }

  private tile(who: number, code: number, height: number): Uint32Array {
    const colours = 8;
    const counted = who < 0 || this.run.counted(who);
    const slot = who < 0 ? colours - who : counted ? this.run.rank(who) % colours : colours;
    const key = ((slot * 256 + code) * 2 + Number(this.byReason)) * 256 + height;
    let made = this.tiles.get(key);
    if (!made) {
      const state = stateOf(code);
      const reason = this.run.json.reasons[reasonOf(code)];
      let colour = who === NODE ? this.theme.node : this.colour(who);
      if (who === PROGRAM) colour = this.theme.line;
      if (this.byReason && reason && state >= STATE.inLine) colour = reasonColour(this.theme, reason);
      const native = code === STATE.working + REASON_STEP * SEEN_NATIVE;
      made = texture(this.theme, state, colour, height, this.dots, native);
      this.tiles.set(key, made);
    }
    return made;
  }

  private sampled(lanes: Lanes, lane: number, bins: Bins): Int32Array {
    const n = bins.moment.length;
    if (this.runs.length < n) this.runs = new Int32Array(n);
    const out = this.runs.subarray(0, n);
    lanes.sample(lane, bins.moment, out);
    return out;
  }

  /** Paints a row's lane: each column of pixels shows one moment. */
  row(pixels: Pixels, row: Row, bins: Bins, y: number, height: number): void {
    const lanes = row.task >= 0 ? this.run.tasks : this.run.nodes;
    const lane = row.task >= 0 ? row.task : row.node;
    const who = row.task >= 0 ? row.task : NODE;
    const runs = this.sampled(lanes, lane, bins);
    const { edge } = bins;
    let worked = false;
    for (let i = 0, j; i < runs.length; i = j) {
      const code = runs[i]! < 0 ? STATE.blank : lanes.code[runs[i]!]!;
      j = i + 1;
      while (j < runs.length && (runs[j]! < 0 ? STATE.blank : lanes.code[runs[j]!]!) === code) j++;
      const state = stateOf(code);
      if (state === STATE.blank) continue;
      if (state === STATE.working) worked = true;
      pixels.put(edge[i]!, edge[j]!, y, height, this.tile(who, code, height));
    }
    if (!worked) this.glimpse(pixels, lanes, lane, who, bins, y, height);
  }

  /** A lane that worked in this view, but at no moment that is shown, gets a low mark: it can be
   * told from hands, which are as high as the lane. */
  private glimpse(
    pixels: Pixels, lanes: Lanes, lane: number, who: number, bins: Bins, y: number, height: number,
  ): void {
    const last = lanes.first[lane + 1]!;
    const stop = bins.from + bins.moment.length * bins.width;
    let run = lanes.at(lane, bins.from);
    if (run < 0) return;
    for (let steps = 0; run < last && steps < 5000; run++, steps++) {
      const start = lanes.start[run]!;
      if (start >= stop) return;
      if (stateOf(lanes.code[run]!) !== STATE.working) continue;
      const bin = Math.max(0, Math.floor((start - bins.from) / bins.width));
      const x = bins.edge[Math.min(bin, bins.edge.length - 2)]!;
      const low = Math.round(height * 0.6);
      const wide = Math.max(1, Math.round(this.dots));
      const tile = this.tile(who, STATE.working + 15 * REASON_STEP, height);
      const part = tile.subarray(low * TILE);
      pixels.put(x, Math.min(x + wide, pixels.width), y + low, height - low, part);
      return;
    }
  }

  /** What each core has at each moment: its codes, a row of columns a core. */
  cores(bins: Bins): Uint32Array[] {
    const { cores } = this.run;
    return this.run.json.cpus.map((_, core) => {
      const runs = this.sampled(cores, core, bins);
      const codes = new Uint32Array(runs.length);
      for (let i = 0; i < runs.length; i++) codes[i] = runs[i]! < 0 ? 0 : cores.code[runs[i]!]!;
      return codes;
    });
  }

  /** Paints what a core or a pair of hands has. Gives the stretches wide enough for a name. */
  codes(
    pixels: Pixels, codes: Uint32Array, bins: Bins, y: number, height: number, named: number,
  ): { task: number; x0: number; x1: number }[] {
    const wide: { task: number; x0: number; x1: number }[] = [];
    for (let i = 0, j; i < codes.length; i = j) {
      const code = codes[i]!;
      j = i + 1;
      while (j < codes.length && codes[j] === code) j++;
      if (code === 0) continue;
      const x0 = bins.edge[i]!;
      const x1 = bins.edge[j]!;
      pixels.put(x0, x1, y, height, this.coreTile(code, height));
      if (code >= CORE_TASK && x1 - x0 >= named) wide.push({ task: code - CORE_TASK, x0, x1 });
    }
    return wide;
  }

  private coreTile(code: number, height: number): Uint32Array {
    const working = STATE.working + 15 * REASON_STEP;
    if (code === CORE_PROGRAM) return this.tile(PROGRAM, working, height);
    if (code === CORE_UNKNOWN) return this.tile(UNKNOWN_CORE, STATE.unknown, height);
    return this.tile(code - CORE_TASK, working, height);
  }

  get ground(): number {
    return pixel(this.theme.panel);
  }
}

/** The cores' codes as pairs of hands: at each moment those at work stand in the first rows, and who
 * goes on keeps the row. Turns are one row of changing colours, whatever core each was on. */
export function stacked(cores: Uint32Array[], most: number): Uint32Array[] {
  const columns = cores[0]?.length ?? 0;
  const rows = Array.from({ length: most }, () => new Uint32Array(columns));
  const now: number[] = [];
  for (let i = 0; i < columns; i++) {
    now.length = 0;
    for (const core of cores) if (core[i]) now.push(core[i]!);
    const room = Math.min(now.length, most);
    for (let r = 0; r < room && i > 0; r++) {
      const place = now.indexOf(rows[r]![i - 1]!);
      if (rows[r]![i - 1] && place >= 0) {
        rows[r]![i] = now[place]!;
        now.splice(place, 1);
      }
    }
    for (let r = 0; r < room; r++) if (!rows[r]![i]) rows[r]![i] = now.shift() ?? 0;
  }
  return rows;
}
