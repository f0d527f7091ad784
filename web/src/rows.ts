// Which rows the picture has: folding rows and tasks, as they are open, or what a search leaves.

import { Run } from "./run";

export interface Row {
  /** Number of a node, or -1: the row is a task's. */
  node: number;
  task: number;
  depth: number;
  label: string;
}

/** Opened at first, as long as all that is there can be looked at. */
const COMFORTABLE = 14;

export interface Filter {
  text: string;
  pid: number;
  reason: string;
}

export class Rows {
  readonly open = new Set<number>();
  filter: Filter = { text: "", pid: 0, reason: "" };
  list: Row[] = [];
  /** How many tasks the filter left. */
  found = 0;
  private readonly inside: number[][];
  private readonly below: number[][];
  private readonly top: { node: number; task: number }[] = [];

  constructor(private readonly run: Run) {
    const { nodes } = run.json;
    this.inside = nodes.map(() => []);
    this.below = nodes.map(() => []);
    const home = run.columns.get("task_home");
    const seen = new Set<number>();
    const reach = (node: number): void => {
      if (seen.has(node)) return;
      seen.add(node);
      const { parent } = nodes[node]!;
      if (parent < 0) {
        this.top.push({ node, task: -1 });
        return;
      }
      reach(parent);
      this.below[parent]!.push(node);
    };
    for (let task = 0; task < run.taskCount; task++) {
      const node = home[task]! - 1;
      if (node < 0) {
        this.top.push({ node: -1, task });
        continue;
      }
      reach(node);
      this.inside[node]!.push(task);
    }
    this.top.sort((a, b) => Number(this.small(a.node)) - Number(this.small(b.node)));
    this.openAsFits();
    this.refresh();
  }

  private small(node: number): boolean {
    return node >= 0 && this.run.json.nodes[node]!.kind === "small";
  }

  private size(node: number): number {
    return this.below[node]!.length + this.inside[node]!.length;
  }

  private openAsFits(): void {
    let rows = this.top.length;
    const queue = this.top.map((one) => one.node).filter((node) => node >= 0 && !this.small(node));
    for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
      if (rows + this.size(node) > COMFORTABLE) continue;
      this.open.add(node);
      rows += this.size(node);
      queue.push(...this.below[node]!);
    }
    // One crowd alone says nothing while it is folded: it scrolls.
    const crowds = this.top.filter(({ node }) => node >= 0 && !this.small(node));
    if (rows < COMFORTABLE / 2 && crowds.length === 1) this.open.add(crowds[0]!.node);
  }

  /** Opens all that a task lies in. */
  reveal(task: number): void {
    let node = this.run.columns.get("task_home")[task]! - 1;
    while (node >= 0) {
      this.open.add(node);
      node = this.run.json.nodes[node]!.parent;
    }
  }

  fold(node: number): void {
    if (!this.open.delete(node)) this.open.add(node);
    this.refresh();
  }

  get filtered(): boolean {
    const { text, pid, reason } = this.filter;
    return text !== "" || pid !== 0 || reason !== "";
  }

  refresh(): void {
    this.list = this.filtered ? this.matching() : this.unfolded();
  }

  private matching(): Row[] {
    const { run } = this;
    const { pid, reason } = this.filter;
    const { text } = this.filter;
    const matches = text ? run.matcher(text) : null;
    const out: Row[] = [];
    const pids = run.columns.get("task_pid");
    const why = `task_for_${reason}`;
    const spent = reason && run.columns.has(why) ? run.columns.get(why) : null;
    for (let task = 0; task < run.taskCount; task++) {
      if (pid && pids[task] !== pid) continue;
      if (reason && !(spent && spent[task]! > 0)) continue;
      if (matches && !matches(task)) continue;
      out.push({ node: -1, task, depth: 0, label: "" });
    }
    this.found = out.length;
    return out;
  }

  private unfolded(): Row[] {
    const out: Row[] = [];
    const { nodes } = this.run.json;
    const add = (node: number, depth: number): void => {
      const { label, tasks } = nodes[node]!;
      out.push({ node, task: -1, depth, label: `${label} ×${tasks.toLocaleString("en")}` });
      if (!this.open.has(node)) return;
      for (const inner of this.below[node]!) add(inner, depth + 1);
      for (const task of this.inside[node]!) out.push({ node: -1, task, depth: depth + 1, label: "" });
    };
    for (const { node, task } of this.top) {
      if (node >= 0) add(node, 0);
      else out.push({ node: -1, task, depth: 0, label: "" });
    }
    this.found = this.run.taskCount;
    return out;
  }

  label(row: Row): string {
    return row.task >= 0 ? this.run.name(row.task) : row.label;
  }
}
