// Which moment of the run each column of pixels shows.
//
// A column is a bin of 2^k numbers of the axis, the smallest power that is no narrower than a pixel,
// counted from the run's start: while one drags the picture, bins and moments stay the same, and
// nothing flickers. The moment of a bin is that of one of its two halves, chosen by a hash; so the
// moments of a wider bin are a subset of those of narrower ones, and what was visible from afar is
// still there when one looks closer. Each column is true of one moment: see report/html/grid.py.

import { Run } from "./run";
import { lastUpTo } from "./sorted";

export interface Bins {
  /** Bin i covers the pixels from edge[i] to edge[i + 1]. */
  edge: Int32Array;
  moment: Uint32Array;
  /** Numbers of the axis in one bin. */
  width: number;
  /** The number at which bin 0 begins. */
  from: number;
}

const HAND_OVER_S = 50e-6;

function half(level: number, bin: number): number {
  let h = Math.imul(bin + 1, 0x9e3779b1) ^ Math.imul(level, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return (h >>> 13) & 1;
}

/** The bins of a view from u0 to u1 over so many pixels. */
export function binsOf(run: Run, u0: number, u1: number, pixels: number): Bins {
  const { count, unit_s } = run.json.grid;
  const scale = pixels / (u1 - u0);
  let level = 0;
  while (level < 30 && 2 ** level * scale < 1) level++;
  const width = 2 ** level;
  const first = Math.max(0, Math.floor(u0 / width));
  const last = Math.min(Math.ceil(count / width), Math.ceil(u1 / width)) - 1;
  const bins = Math.max(0, last - first + 1);
  const edge = new Int32Array(bins + 1);
  const moment = new Uint32Array(bins);
  for (let i = 0; i <= bins; i++) {
    const x = Math.round(((first + i) * width - u0) * scale);
    edge[i] = Math.min(Math.max(x, 0), pixels);
  }
  const away = run.json.grid.exact && width * unit_s > HAND_OVER_S && run.overStart.length > 0;
  for (let i = 0; i < bins; i++) {
    let j = first + i;
    for (let k = level; k > 0; k--) j = 2 * j + half(k, j);
    j = Math.min(j, count - 1);
    moment[i] = away ? outOfHandOver(run, j, (first + i) * width, width) : j;
  }
  return { edge, moment, width, from: first * width };
}

function outOfHandOver(run: Run, u: number, low: number, width: number): number {
  const { overStart, overLength } = run;
  const row = lastUpTo(overStart, u);
  const start = overStart[row]!;
  const end = start + overLength[row]!;
  if (u < start || u >= end) return u;
  if (start - 1 >= low) return start - 1;
  return end < low + width ? end : u;
}
