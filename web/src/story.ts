// A task's story: what it did with its time, why it waited, who worked while it stood in line.

import { CORE_TASK, STATE } from "./data";
import { el, fill } from "./dom";
import { Run, reasonOf, stateOf } from "./run";
import { FOR, count, doing, met, moment, seconds } from "./words";

const MOST_STRETCHES = 20_000;
const MOST_MOMENTS = 2000;

export interface StoryHooks {
  close(): void;
  show(from: number, to: number): void;
  open(task: number): void;
  colour(task: number): string;
}

export function story(box: HTMLElement, run: Run, task: number, time: number | null, hooks: StoryHooks): void {
  const name = run.name(task);
  const [begun, done] = [run.begun(task), run.done(task)];
  const parent = run.number("parent", task) - 1;
  const where = run.text("where", task);
  const swatch = el("span", { class: "swatch" });
  swatch.style.background = hooks.colour(task);
  const margin = Math.max((done - begun) * 0.05, 1e-6);
  fill(
    box,
    el(
      "div",
      { class: "bar" },
      el("h2", {}, swatch, el("bdi", {}, name)),
      el("button", { type: "button", click: () => hooks.show(begun - margin, done + margin) }, "show all of it"),
      el("button", { type: "button", click: hooks.close, "aria-label": "close the story" }, "✕"),
    ),
    el(
      "p",
      { class: "small" },
      `${run.kind(task)} · process ${run.number("pid", task)} · thread ${run.number("tid", task)}`,
      where ? " · " : null,
      where ? el("code", {}, where) : null,
      parent >= 0 ? " · made by " : null,
      parent >= 0 && parent < run.taskCount
        ? el("button", { class: "link", type: "button", click: () => hooks.open(parent) }, run.name(parent))
        : null,
      run.counted(task) ? null : " · too small to count, or a helper",
    ),
    el("p", {}, `Begun at ${moment(begun, done)}, done at ${moment(done, done)}: ${seconds(done - begun)} on the go.`),
    sums(run, task),
    now(run, task, time, hooks),
    inTheWay(run, task, hooks),
  );
  box.hidden = false;
}

/** The sums as bars. */
function sums(run: Run, task: number): HTMLElement {
  const rows: [string, number][] = [["hands on it", run.number("work_s", task)]];
  for (const reason of run.json.reasons) {
    const value = run.number(`for_${reason}`, task);
    const line = reason === "gil" || reason === "core" || reason === "turn";
    if (value > 0) rows.push([`${line ? "in line for" : "waited for"} ${FOR[reason] ?? reason}`, value]);
  }
  rows.push(["others did it", run.number("delegated_s", task)]);
  rows.push(["not known", run.number("unknown_s", task)]);
  rows.push(["in the bag, not begun", run.number("queued_s", task)]);
  const most = Math.max(...rows.map(([, value]) => value), 1e-9);
  const table = el("table", { class: "sums" });
  for (const [label, value] of rows) {
    if (value <= 0 && label !== "hands on it") continue;
    const bar = el("span", { class: "meter" });
    bar.style.width = `${(100 * value) / most}%`;
    table.append(el("tr", {}, el("th", { scope: "row" }, label), el("td", {}, seconds(value)), el("td", { class: "wide" }, bar)));
  }
  const box = el("div", {}, table);
  const samples = run.number("samples", task);
  const python = run.number("python_samples", task);
  if (samples >= 10) {
    const share = Math.round((100 * python) / samples);
    box.append(el("p", { class: "small" }, `About ${share} % of its work was Python code, the rest native (${samples} looks).`));
  } else if (samples > 0) {
    box.append(el("p", { class: "small" },
      `${count(samples, "look")} at its work met Python code ${python} times and native code ${samples - python} times: too few for a share.`));
  }
  return box;
}

/** What it did at the time that was clicked, and the ways to its neighbours. */
function now(run: Run, task: number, time: number | null, hooks: StoryHooks): HTMLElement | null {
  if (time === null) return null;
  const { tasks } = run;
  const place = tasks.at(task, Math.floor(run.place(time)));
  if (place < 0) return null;
  const code = tasks.code[place]!;
  if (stateOf(code) === STATE.blank) return null;
  const [from, to] = tasks.stretch(task, place).map((u) => run.time(u)) as [number, number];
  const reason = run.json.reasons[reasonOf(code)];
  const wide = Math.max(to - from, run.json.grid.unit_s);
  return el(
    "p",
    {},
    `There: ${doing(stateOf(code), reason)}, from ${moment(from, wide * 100)} for ${run.json.grid.exact ? "" : "about "}${seconds(to - from)}${met(code)}. `,
    el("button", { type: "button", click: () => hooks.show(from - wide, to + wide) }, "look closer"),
  );
}

/** Who was at work while it stood in line or wanted a tool. */
function inTheWay(run: Run, task: number, hooks: StoryHooks): HTMLElement | null {
  const { tasks, cores } = run;
  const spans: [number, number][] = [];
  let total = 0;
  const last = Math.min(tasks.first[task + 1]!, tasks.first[task]! + MOST_STRETCHES);
  for (let i = tasks.first[task]!; i < last; i++) {
    const state = stateOf(tasks.code[i]!);
    if (state !== STATE.inLine && state !== STATE.wantsTool) continue;
    const span: [number, number] = [tasks.start[i]!, tasks.end(task, i)];
    spans.push(span);
    total += span[1] - span[0];
  }
  if (total === 0 || cores.count === 0) return null;
  // Moments spread evenly over all of its time in line.
  const count = Math.min(MOST_MOMENTS, total);
  const seen = new Map<number, number>();
  let span = 0;
  let before = 0;
  for (let i = 0; i < count; i++) {
    const at = ((i + 0.5) / count) * total;
    while (span < spans.length - 1 && before + spans[span]![1] - spans[span]![0] <= at) {
      before += spans[span]![1] - spans[span]![0];
      span++;
    }
    const u = Math.floor(spans[span]![0] + at - before);
    for (let core = 0; core < cores.count; core++) {
      const place = cores.at(core, u);
      const code = place < 0 ? 0 : cores.code[place]!;
      if (code >= CORE_TASK && code - CORE_TASK !== task) {
        seen.set(code - CORE_TASK, (seen.get(code - CORE_TASK) ?? 0) + 1);
      }
    }
  }
  if (!seen.size) return null;
  const unit = (total / count) * run.json.grid.unit_s;
  const list = el("ul", {});
  const top = [...seen].sort((a, b) => b[1] - a[1]).slice(0, 6);
  for (const [other, n] of top) {
    const link = el("button", { class: "link", type: "button", click: () => hooks.open(other) }, run.name(other));
    list.append(el("li", {}, link, ` about ${seconds(n * unit)}`));
  }
  return el("div", {}, el("h3", {}, `While it stood in line (${seconds(total * run.json.grid.unit_s)}), these were at work`), list);
}
