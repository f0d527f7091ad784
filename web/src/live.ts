// Where the trace is at hand (twocooks view), the page asks for the window that it shows: the same
// columns as those of the whole run, on an axis of their own. What was asked for in vain changes
// nothing: the page goes on with what it has.

import { Columns, RunJson, unpacked } from "./data";
import { el } from "./dom";
import { Picture } from "./picture";
import { Run } from "./run";
import { count, mean, moment, seconds } from "./words";

type Detail = Pick<RunJson, "window_s" | "grid" | "curve_unit_s" | "columns"> & { block: string };

interface Numbers {
  from_s: number;
  to_s: number;
  headline: string;
  technical: string;
  sentence: string;
  why: string;
  warnings: string[];
  concurrency: { mean: number; max: number; two_or_more_s: number };
  parallelism: { mean: number; max: number; two_or_more_s: number };
  tasks: number;
}

/** So long must a view stand still before it is asked for. */
const STILL_MS = 140;

export class Live {
  private timer = 0;
  private asking: AbortController | null = null;
  private readonly known = new Map<string, HTMLElement>();
  readonly said = el("span", { class: "found", role: "status" });

  constructor(private readonly run: Run, private readonly picture: Picture) {}

  private get base(): boolean {
    return this.run.json.grid.exact && this.run.curves.exact;
  }

  /** The view is another one. */
  moved(): void {
    const { picture } = this;
    // What was about to be asked for is not what is shown any more.
    window.clearTimeout(this.timer);
    if (this.base) return;
    if (picture.whole) {
      this.asking?.abort();
      this.said.textContent = "";
      return;
    }
    const { fine } = picture;
    if (fine) {
      const [from, to] = fine.json.window_s;
      const exact = fine.json.grid.exact && fine.curves.exact;
      if (exact || picture.to - picture.from > (to - from) / 4) return;
    }
    this.timer = window.setTimeout(() => void this.ask(), STILL_MS);
  }

  private async ask(): Promise<void> {
    const { picture, run } = this;
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    const margin = (picture.to - picture.from) / 2;
    const [start, end] = run.json.window_s;
    const span = [Math.max(start, picture.from - margin), Math.min(end, picture.to + margin)];
    this.said.textContent = "looking closer…";
    try {
      const answer = await fetch(`data?from=${span[0]}&to=${span[1]}`, { signal: asking.signal });
      if (!answer.ok) throw new Error(await answer.text());
      const detail = (await answer.json()) as Detail;
      const columns = new Columns(detail.columns, await unpacked(detail.block), run.columns);
      const { window_s, grid, curve_unit_s } = detail;
      const fine = new Run({ ...run.json, window_s, grid, curve_unit_s }, columns);
      if (asking.signal.aborted) return;
      picture.use(fine);
      this.said.textContent = "";
    } catch {
      if (!asking.signal.aborted) this.said.textContent = "twocooks view has ended: no closer than this";
    }
  }

  /** What is true of the selected range alone, under its numbers. */
  range(box: HTMLElement, range: [number, number] | null): void {
    if (!range) return;
    const asked = range.join("-");
    let shown = this.known.get(asked);
    if (!shown) {
      shown = el("div", { class: "alone", "aria-live": "polite" });
      this.known.clear();
      this.known.set(asked, shown);
      void this.fillRange(shown, range);
    }
    box.append(shown);
  }

  private async fillRange(box: HTMLElement, [from, to]: [number, number]): Promise<void> {
    await new Promise((yes) => window.setTimeout(yes, STILL_MS));
    if (!box.isConnected) return; // the range is another one by now
    try {
      const answer = await fetch(`numbers?from=${from}&to=${to}`);
      if (!answer.ok) throw new Error(await answer.text());
      const n = (await answer.json()) as Numbers;
      const wide = n.to_s - n.from_s;
      box.replaceChildren(
        el("p", {}, el("strong", {}, n.headline), ` ${n.technical}`),
        ...n.warnings.map((text) => el("p", { class: "warning" }, text)),
        el("p", {}, n.sentence.replace(/^In this run/, "In this range"), n.why ? ` ${n.why}` : ""),
        el("p", { class: "small" },
          `Judged by itself, from ${moment(n.from_s, wide)} to ${moment(n.to_s, wide)}: ${count(n.tasks, "task")}, `
          + `${mean(n.concurrency.mean)} on the go on average, ${n.concurrency.max} at most; `
          + `two or more at work for ${seconds(n.parallelism.two_or_more_s)}, ${n.parallelism.max} at most.`));
    } catch {
      box.replaceChildren();
    }
  }
}
