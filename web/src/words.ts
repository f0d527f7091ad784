// Words and numbers for people: the same as report/words.py says them.

import { REASON_STEP, SEEN_NATIVE, SEEN_PYTHON, STATE } from "./data";

export function seconds(value: number): string {
  const size = Math.abs(value);
  if (size < 0.5e-6) return "0 s";
  if (size < 0.9995e-3) return `${(value * 1e6).toFixed(0)} µs`;
  if (size < 0.0995) return `${(value * 1e3).toFixed(size < 0.00995 ? 1 : 0)} ms`;
  if (size < 9.95) return `${value.toFixed(size < 0.995 ? 2 : 1)} s`;
  if (size < 119.5) return `${value.toFixed(0)} s`;
  if (size < 7170) return `${(value / 60).toFixed(0)} min`;
  return `${(value / 3600).toFixed(1)} h`;
}

export function mean(value: number): string {
  return Math.abs(value - Math.round(value)) < 0.05 ? value.toFixed(0) : value.toFixed(1);
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** A point in time, fine enough for the range that is in view. */
export function moment(time: number, range: number): string {
  const unit = range < 2e-3 ? 1e-6 : range < 2 ? 1e-3 : 1;
  const digits = Math.min(9, Math.max(0, Math.ceil(-Math.log10((range / unit) / 300))));
  const name = unit === 1 ? "s" : unit === 1e-3 ? "ms" : "µs";
  return `${(time / unit).toFixed(digits)} ${name}`;
}

export const FOR: Record<string, string> = {
  gil: "the GIL",
  core: "a core",
  lock: "a lock",
  turn: "its turn",
  result: "another one’s result",
  io: "bytes (network, file, pipe)",
  sleep: "a timer",
  child: "a child process",
  fault: "the kernel (page fault, stopped)",
  short: "something, too short to be looked at",
  unknown: "something unknown",
};

export const DOES = [
  "not known: records were lost",
  "hands on it",
  "in line",
  "wants a tool",
  "waiting",
  "others do it",
];

/** What a look met in work, in words to stand behind it. */
export function met(code: number): string {
  if (code === STATE.working + REASON_STEP * SEEN_NATIVE) return "; native code, says a look near here";
  if (code === STATE.working + REASON_STEP * SEEN_PYTHON) return "; Python code, says a look near here";
  return "";
}

/** What a lane's code says, in words. */
export function doing(state: number, reason: string | undefined): string {
  const what = DOES[state];
  if (!what) return "not there";
  if (!reason || state === 0 || state === 1 || state === 5) return what;
  return `${what === "wants a tool" ? "wants a tool:" : `${what} for`} ${FOR[reason] ?? reason}`;
}
