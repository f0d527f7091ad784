// What is seen, in the address: a link to a page leads to the same view.

import { Mode } from "./picture";

export interface Fragment {
  view: [number, number] | null;
  selection: [number, number] | null;
  mode: Mode;
  task: number;
  text: string;
}

function range(text: string | null): [number, number] | null {
  const [a, b] = (text ?? "").split("-").map(Number);
  return a !== undefined && b !== undefined && Number.isFinite(a) && b > a ? [a, b] : null;
}

export function readFragment(): Fragment {
  const words = new URLSearchParams(location.hash.slice(1));
  const task = Number(words.get("task") ?? -1);
  return {
    view: range(words.get("view")),
    selection: range(words.get("select")),
    mode: words.get("by") === "core" ? "core" : "task",
    task: Number.isInteger(task) ? task : -1,
    text: words.get("find") ?? "",
  };
}

export function writeFragment(seen: Fragment): void {
  const words = new URLSearchParams();
  const said = ([a, b]: [number, number]) => `${Number(a.toFixed(9))}-${Number(b.toFixed(9))}`;
  if (seen.view) words.set("view", said(seen.view));
  if (seen.selection) words.set("select", said(seen.selection));
  if (seen.mode !== "task") words.set("by", seen.mode);
  if (seen.task >= 0) words.set("task", String(seen.task));
  if (seen.text) words.set("find", seen.text);
  // Which of several runs is looked at.
  const run = runOf();
  if (run) words.set("run", run);
  const text = words.toString();
  if (text === location.hash.slice(1)) return;
  try {
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  } catch {
    // Some viewers of files forbid it; nothing else depends on it.
  }
}

/** Which of several runs the address asks for; "" = none. */
export function runOf(): string {
  return new URLSearchParams(location.hash.slice(1)).get("run") ?? "";
}
