// The numbers of a range of time, from the curves: exact where the selection says nothing else.

import { el, fill } from "./dom";
import { Run } from "./run";
import { mean, moment, seconds } from "./words";

export function rangeNumbers(run: Run, from: number, to: number): [string, string][] {
  const { curves } = run;
  const sum = (name: Parameters<typeof curves.between>[0]) => Math.max(0, curves.between(name, from, to));
  const length = to - from;
  const active = sum("on_the_go_1");
  const busy = sum("at_work_1");
  const rows: [string, string][] = [
    ["on the go", active > 0 ? `${mean(sum("on_the_go") / active)} on average` : "none"],
    ["two or more on the go", `${seconds(sum("on_the_go_2"))} of ${seconds(length)}`],
    ["at work", busy > 0 ? `${mean(sum("at_work") / busy)} on average, for ${seconds(busy)}` : "none"],
    ["two or more wanted hands", seconds(sum("wanted_2"))],
    ["two or more had them", seconds(sum("hands_2"))],
    ["on cores, all together", seconds(sum("cores_used"))],
  ];
  return rows;
}

/** What stands under the picture while a range is selected. */
export function rangePanel(
  box: HTMLElement, run: Run, range: [number, number] | null, zoom: () => void, clear: () => void,
): void {
  box.hidden = !range;
  if (!range) return;
  const [from, to] = range;
  const list = el("dl", { class: "facts" });
  for (const [name, value] of rangeNumbers(run, from, to)) {
    list.append(el("div", {}, el("dt", {}, name), el("dd", {}, value)));
  }
  const wide = to - from;
  fill(
    box,
    el(
      "div",
      { class: "bar" },
      el("strong", {}, `From ${moment(from, wide)} to ${moment(to, wide)}: ${seconds(wide)}`),
      el("button", { type: "button", click: zoom }, "look closer"),
      el("button", { type: "button", click: clear }, "clear"),
    ),
    list,
    run.curves.exact ? null : el("p", { class: "small" },
      "The ends of the selection stand on the page’s cells, so that its numbers are exact."),
  );
}
