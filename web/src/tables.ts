// The tables under the picture. Rows lead to their place in it.

import { el } from "./dom";
import { Run } from "./run";
import { FOR, count, seconds } from "./words";

const PAGE = 100;

export interface TableHooks {
  task(task: number): void;
  range(from: number, to: number): void;
  search(text: string): void;
}

interface Column<T> {
  title: string;
  right?: boolean;
  cell(row: T): Node | string;
  order?(row: T): number | string;
}

/** A table of which so many rows are shown; more on request. Its heads sort. */
function table<T>(rows: T[], columns: Column<T>[], name: string): HTMLElement {
  let shown = PAGE;
  let sorted = rows;
  let by = -1;
  let up = false;
  const body = el("tbody", {});
  const more = el("button", { type: "button", class: "more", click: () => { shown *= 4; draw(); } });
  const head = el("tr", {});
  const draw = () => {
    body.replaceChildren(
      ...sorted.slice(0, shown).map((row) =>
        el("tr", {}, ...columns.map((column) => {
          const cell = el("td", column.right ? { class: "right" } : {});
          cell.append(column.cell(row));
          return cell;
        }))),
    );
    more.hidden = shown >= rows.length;
    more.textContent = `show more of ${count(rows.length, "row")}`;
  };
  columns.forEach((column, i) => {
    const cell = el("th", { scope: "col", class: column.right ? "right" : "" });
    if (column.order) {
      const order = column.order;
      const sort = () => {
        up = by === i ? !up : !column.right;
        by = i;
        const sign = up ? 1 : -1;
        const keyed = rows.map((row, k) => ({ row, key: order(row), k }));
        keyed.sort((a, b) => (a.key < b.key ? -sign : a.key > b.key ? sign : a.k - b.k));
        sorted = keyed.map(({ row }) => row);
        for (const other of head.children) other.removeAttribute("aria-sort");
        cell.setAttribute("aria-sort", up ? "ascending" : "descending");
        draw();
      };
      cell.append(el("button", { type: "button", class: "sort", click: sort }, column.title));
    } else {
      cell.append(column.title);
    }
    head.append(cell);
  });
  draw();
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": name },
    el("table", {}, el("thead", {}, head), body), more);
}

function section(title: string, ...inside: (HTMLElement | null)[]): HTMLDetailsElement {
  const box = el("details", {}, el("summary", {}, title));
  // Made when somebody looks: a hundred thousand rows cost nothing before.
  for (const one of inside) if (one) box.append(one);
  return box;
}

function late(title: string, make: () => (HTMLElement | null)[]): HTMLDetailsElement {
  const box = section(title);
  box.addEventListener("toggle", () => {
    if (box.open && box.childElementCount === 1) for (const one of make()) if (one) box.append(one);
  });
  return box;
}

const code = (text: string) => el("code", {}, text || "–");
const link = (text: string, click: () => void) => el("button", { type: "button", class: "link", click }, text);

export function tables(run: Run, hooks: TableHooks): HTMLElement[] {
  const { tables: data, notes, numbers } = run.json;
  const out: HTMLElement[] = [];
  out.push(late(`All tasks (${run.taskCount.toLocaleString("en")})`, () => [tasksTable(run, hooks)]));
  if (data.waits.length) {
    out.push(late("Where they waited", () => [
      table(data.waits, [
        { title: "waited", right: true, cell: (r) => seconds(r.seconds), order: (r) => r.seconds },
        { title: "for", cell: (r) => FOR[r.reason] ?? r.reason, order: (r) => r.reason },
        { title: "line", cell: (r) => code(r.where), order: (r) => r.where },
        { title: "times", right: true, cell: (r) => r.count.toLocaleString("en"), order: (r) => r.count },
        { title: "longest", right: true, cell: (r) => seconds(r.longest_s), order: (r) => r.longest_s },
        { title: "tasks", right: true, cell: (r) => r.tasks.toLocaleString("en"), order: (r) => r.tasks },
      ], "where the tasks waited"),
      rest(data.more_waits),
    ]));
  }
  if (data.locks.length) {
    out.push(late("Locks, and who had them", () => [
      table(data.locks, [
        { title: "waited", right: true, cell: (r) => seconds(r.seconds), order: (r) => r.seconds },
        { title: "lock", cell: (r) => code(r.name || r.address), order: (r) => r.name },
        { title: "waited for at", cell: (r) => code(r.where.join(", ")) },
        { title: "who had it", cell: (r) => holders(r.holders ?? []) },
        { title: "times", right: true, cell: (r) => r.count.toLocaleString("en"), order: (r) => r.count },
      ], "locks"),
    ]));
  }
  if (data.deadlocks.length) {
    const list = el("ul", {});
    for (const ring of data.deadlocks) {
      const links = el("ul", {});
      for (const one of ring.links) {
        links.append(el("li", {}, el("bdi", {}, one.task), " waits at ", code(one.where), " for ", code(one.name || one.lock), ", which ", el("bdi", {}, one.held_by), " has"));
      }
      list.append(el("li", {}, `for ${seconds(ring.seconds)}${ring.to_the_end ? ", to the end" : ""}`, links));
    }
    out.push(section("Deadlocks: each waits for what the next one has", list));
  }
  if (data.loops.length) out.push(late("Event loops, and what held them", () => loops(run, hooks)));
  const known = el("ul", {});
  for (const text of [...numbers, ...notes]) known.append(el("li", {}, text));
  out.push(section("How do you know? What could not be seen", known));
  return out;
}

function rest(more: number): HTMLElement | null {
  return more > 0 ? el("p", { class: "small" }, `${more.toLocaleString("en")} more, of less time each, are not in the page.`) : null;
}

function holders(all: { task: string; where: string; seconds: number }[]): HTMLElement {
  const box = el("span", {});
  all.slice(0, 3).forEach((one, i) => {
    box.append(i ? "; " : "", el("bdi", {}, one.task || "?"), ` ${seconds(one.seconds)} `, one.where ? code(one.where) : "");
  });
  return box;
}

function loops(run: Run, hooks: TableHooks): HTMLElement[] {
  const out: HTMLElement[] = [];
  for (const loop of run.json.tables.loops) {
    const slow = loop.lateness ? ` Ready tasks stood in line for ${seconds(loop.lateness.median_s)} in the median, ${seconds(loop.lateness.max_s)} at most.` : "";
    out.push(el("p", {}, el("strong", {}, el("bdi", {}, loop.thread)), ` (process ${loop.pid}): ${count(loop.steps, "step")} of ${count(loop.tasks, "task")}, busy for ${seconds(loop.busy_s)}.${slow}`));
    if (!loop.held.length) {
      out.push(el("p", { class: "small" }, `No step held it for ${seconds(loop.held_s)} or longer.`));
      continue;
    }
    out.push(table(loop.held, [
      { title: "at", right: true, cell: (r) => link(seconds(r.begun_s), () => hooks.range(r.begun_s, r.begun_s + r.seconds)), order: (r) => r.begun_s },
      { title: "held for", right: true, cell: (r) => seconds(r.seconds), order: (r) => r.seconds },
      { title: "by", cell: (r) => el("bdi", {}, r.task), order: (r) => r.task },
      { title: "line", cell: (r) => code(r.did.find((one) => one.where)?.where ?? r.where) },
      { title: "in line meanwhile", right: true, cell: (r) => count(r.in_line.tasks, "task"), order: (r) => r.in_line.tasks },
    ], "steps that held the loop"));
    const left = rest(loop.more_held);
    if (left) out.push(left);
  }
  return out;
}

function tasksTable(run: Run, hooks: TableHooks): HTMLElement {
  const ids = Array.from({ length: run.taskCount }, (_, i) => i);
  const work = run.columns.get("task_work_s");
  ids.sort((a, b) => work[b]! - work[a]!);
  const time = (title: string, value: (task: number) => number): Column<number> => ({
    title, right: true, cell: (i) => seconds(value(i)), order: value,
  });
  return table(ids, [
    { title: "task", cell: (i) => link(run.name(i), () => hooks.task(i)), order: (i) => run.name(i) },
    { title: "kind", cell: (i) => run.kind(i), order: (i) => run.kind(i) },
    { title: "process", right: true, cell: (i) => String(run.number("pid", i)), order: (i) => run.number("pid", i) },
    time("hands on", (i) => run.number("work_s", i)),
    time("in line", (i) => run.number("line_s", i)),
    time("waiting", (i) => run.number("wait_s", i)),
    time("begun", (i) => run.begun(i)),
    time("done", (i) => run.done(i)),
  ], "all tasks");
}
