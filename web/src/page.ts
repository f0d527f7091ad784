// The page: words first, then the picture, then what is folded. Texts come ready from the run; the
// page computes no verdict. Hostile names only ever become text nodes.

import { RunJson, pageJson } from "./data";
import { el, fill } from "./dom";
import { Fragment, readFragment, runOf, writeFragment } from "./fragment";
import { help } from "./help";
import { keys } from "./keys";
import { kitchen } from "./kitchen/kitchen";
import { Live } from "./live";
import { legend } from "./legend";
import { rangePanel } from "./numbers";
import { Mode, Picture } from "./picture";
import { Run } from "./run";
import { story } from "./story";
import { tables } from "./tables";
import { FOR, count, seconds } from "./words";

function head(json: RunJson): HTMLElement {
  const { words, summary } = json;
  const by = summary.by && summary.by !== "task" ? `, by ${summary.by}` : "";
  const command = summary.command.join(" ");
  return el(
    "header",
    {},
    el("p", { class: "command" }, el("code", {}, el("bdi", {}, command || "a run"))),
    el("h1", {}, words.headline ?? ""),
    el("p", { class: "technical" }, `${words.technical ?? ""} `, el("span", {}, `in this run${by}`)),
    ...json.warnings.map((text) => el("p", { class: "warning", role: "note" }, text)),
    el("p", { class: "sentence" }, words.sentence ?? ""),
  );
}

/** Of which reason the tasks are that a finding is about; "" = the step that held a loop longest. */
const PLACE_OF: Record<string, string> = {
  "gil-bound": "gil", "gil-switched-on": "gil", "native-keeps-gil": "gil", lock: "lock",
  relay: "result", "no-free-core": "core", "loop-held": "",
};

function body(json: RunJson, lead: ((id: string) => void) | null = null): HTMLElement {
  const list = el("dl", { class: "words" });
  const add = (title: string, ...texts: (Node | string)[]) => {
    if (texts.length) list.append(el("div", {}, el("dt", {}, title), ...texts.map((text) => el("dd", {}, text))));
  };
  const { words, summary } = json;
  if (words.why) add("Why", words.why);
  if (words.so) add("So", words.so);
  const say = (words.say ?? "").replace(/^["“”]+|["“”]+$/g, "");
  if (say) add("Say it", el("q", {}, say));
  add("Levels", ...(summary.levels ?? []).map((level) => level.sentence));
  const also = summary.findings.filter((finding) => finding.id !== words.finding);
  const way = ({ id }: { id: string }) =>
    lead && id in PLACE_OF ? el("button", { type: "button", class: "link", click: () => lead(id) }, "show it") : null;
  if (words.why && words.finding) {
    const link = way({ id: words.finding });
    if (link) list.querySelector("dd")!.append(" ", link);
  }
  add("Also", ...also.map((finding) => el("span", {}, finding.sentence, finding.so ? ` ${finding.so} ` : " ", way(finding))));
  return list;
}

class Page {
  readonly picture: Picture;
  private readonly range = el("section", { class: "range", hidden: "", "aria-label": "the selected range" });
  private readonly story = el("section", { class: "story", hidden: "", "aria-label": "a task’s story" });
  private readonly said = el("p", { class: "visually-hidden", "aria-live": "polite" });
  readonly search = el("input", { type: "search", placeholder: "search tasks  /", "aria-label": "search tasks by name, function, file or process" });
  private readonly found = el("span", { class: "found", role: "status" });
  private readonly modes = new Map<Mode, HTMLButtonElement>();
  private reasons!: HTMLSelectElement;
  private asked = 0;

  private readonly live: Live | null = null;

  constructor(private readonly run: Run, box: HTMLElement, live = false) {
    this.picture = new Picture(run, {
      story: (task, time) => this.tell(task, time),
      moved: () => {
        this.later();
        this.live?.moved();
      },
    });
    if (live) this.live = new Live(run, this.picture);
    const { words } = run.json;
    this.picture.stage.setAttribute("aria-label", `The picture of the run. ${words.sentence ?? ""} Keys: press ? for help.`);
    fill(
      box,
      head(run.json),
      this.bar(),
      this.picture.root,
      this.range,
      this.story,
      this.detail(),
      body(run.json, (id) => this.lead(id)),
      el("section", { class: "tables" }, ...tables(run, {
        task: (task) => this.tell(task, null),
        range: (from, to) => this.closer(from, to),
        search: (text) => this.filter(text),
      })),
      el("footer", {}, run.json.numbers.join(" · ")),
      this.said,
    );
    keys(this);
    this.goTo(readFragment());
    window.addEventListener("hashchange", () => this.goTo(readFragment()));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.picture.restyle());
    const paper = (yes: boolean) => {
      document.documentElement.classList.toggle("paper", yes);
      this.picture.restyle(true);
    };
    window.addEventListener("beforeprint", () => paper(true));
    window.addEventListener("afterprint", () => paper(false));
  }

  private bar(): HTMLElement {
    const { run } = this;
    const mode = (name: Mode, text: string) => {
      const button = el("button", { type: "button", click: () => this.show(name) }, text);
      this.modes.set(name, button);
      return button;
    };
    const choice = (label: string, options: [string, string][], change: (value: string) => void) => {
      const box = el("select", { "aria-label": label });
      for (const [value, text] of options) box.append(el("option", { value }, text));
      box.addEventListener("change", () => change(box.value));
      return box;
    };
    this.search.addEventListener("input", () => this.filtered());
    const pids = [...new Set(run.columns.get("task_pid"))];
    const { filter } = this.picture.rows;
    const processes = pids.length > 1 && pids.length <= 500
      ? choice("only one process", [["0", "all processes"], ...pids.map((pid): [string, string] => [String(pid), `process ${pid}`])],
          (value) => { filter.pid = Number(value); this.filtered(); })
      : null;
    const reasons = this.reasons = choice("only tasks that waited for", [["", "waited for anything"], ...run.reasonsThere.map((one): [string, string] => [one, `waited for ${FOR[one] ?? one}`])],
      (value) => { filter.reason = value; this.filtered(); });
    const why = el("button", { type: "button", "aria-pressed": "false", title: "colour waits by what for" }, "why colours");
    why.addEventListener("click", () => {
      this.picture.colourByReason(!this.picture.byReason);
      why.setAttribute("aria-pressed", String(this.picture.byReason));
      fill(key, ...legend(this.picture.byReason, run.reasonsThere, run.looked));
    });
    const key = el("div", { class: "legend" }, ...legend(false, run.reasonsThere, run.looked));
    return el(
      "div",
      { class: "controls" },
      el("div", { class: "bar" },
        run.json.cpus.length
          ? el("div", { class: "switch", role: "group", "aria-label": "view" }, mode("task", "by task"), mode("core", "by core"))
          : null,
        this.search, this.found, this.live && this.live.said, reasons, processes, why,
        el("button", { type: "button", click: () => this.picture.showAll() }, "whole run"),
        el("button", { type: "button", click: () => help(), "aria-label": "help" }, "?")),
      key,
    );
  }

  /** How fine the page is, where that is not all there was. */
  private detail(): HTMLElement | null {
    const { exact, unit_s } = this.run.json.grid;
    if (exact) return null;
    return el("p", { class: "small" },
      `A long run: of its lanes this page keeps one moment every ${seconds(unit_s)}; the sums and both strips are exact.`);
  }

  show(mode: Mode): void {
    if (!this.run.json.cpus.length) mode = "task"; // by polling nobody knows which core it was
    this.picture.mode = mode;
    for (const [name, button] of this.modes) button.setAttribute("aria-pressed", String(name === mode));
    this.picture.invalidate();
    this.later();
  }

  filter(text: string): void {
    this.search.value = text;
    this.filtered();
  }

  private filtered(): void {
    const { rows } = this.picture;
    rows.filter.text = this.search.value.trim();
    rows.refresh();
    this.found.textContent = rows.filtered ? count(rows.found, "task") : "";
    this.picture.scroller.scrollTop = 0;
    this.picture.invalidate();
    this.later();
  }

  tell(task: number, time: number | null): void {
    this.picture.mark(task);
    story(this.story, this.run, task, time, {
      close: () => this.closeStory(),
      show: (from, to) => this.picture.show(from, to),
      open: (other) => this.tell(other, null),
      colour: (other) => this.picture.taskColour(other),
    });
    this.said.textContent = `The story of ${this.run.name(task)}`;
    this.later();
  }

  /** For who does not see the picture. */
  say(text: string): void {
    this.said.textContent = text;
  }

  closeStory(): void {
    this.story.hidden = true;
    this.picture.mark(-1);
    this.later();
  }

  /** Goes to what a finding is about: the longest hold of a loop, or the tasks kept for its reason. */
  private lead(id: string): void {
    const reason = PLACE_OF[id] ?? "";
    const held = this.run.json.tables.loops.flatMap((loop) => loop.held);
    if (reason) {
      this.picture.rows.filter.reason = reason;
      this.reasons.value = reason;
      this.filtered();
      this.picture.root.scrollIntoView({ block: "nearest" });
    } else if (held.length) {
      const longest = held.reduce((a, b) => (b.seconds > a.seconds ? b : a));
      this.closer(longest.begun_s, longest.begun_s + longest.seconds);
    }
  }

  closer(from: number, to: number): void {
    const margin = (to - from) * 0.5;
    this.picture.select(this.run.curves.snapped(from, to));
    this.picture.show(from - margin, to + margin);
    this.picture.root.scrollIntoView({ block: "nearest" });
  }

  /** Closes what is open, the last thing first. */
  escape(): void {
    if (this.picture.selection) this.picture.select(null);
    else if (!this.story.hidden) this.closeStory();
    else if (this.picture.rows.filtered && this.search.value) this.filter("");
    else this.picture.showAll();
  }

  /** Keeps what is seen in the address, and the numbers beside the selection. */
  private later(): void {
    if (this.asked) return;
    this.asked = window.setTimeout(() => {
      this.asked = 0;
      const { picture } = this;
      rangePanel(this.range, this.finest(picture.selection), picture.selection,
        () => picture.selection && picture.show(...picture.selection), () => picture.select(null));
      this.live?.range(this.range, picture.selection);
      writeFragment({
        view: picture.whole ? null : [picture.from, picture.to],
        selection: picture.selection,
        mode: picture.mode,
        task: picture.marked,
        text: this.search.value.trim(),
      });
    }, 60);
  }

  /** The run that knows a range best. */
  private finest(range: [number, number] | null): Run {
    const { fine } = this.picture;
    const inside = range && fine && fine.json.window_s[0] <= range[0] && range[1] <= fine.json.window_s[1];
    return inside ? fine : this.run;
  }

  private goTo(seen: Fragment): void {
    this.show(seen.mode);
    if (seen.text !== this.search.value.trim()) this.filter(seen.text);
    if (seen.view) this.picture.show(...seen.view);
    this.picture.select(seen.selection);
    if (seen.task >= 0 && seen.task < this.run.taskCount && seen.task !== this.picture.marked) {
      this.tell(seen.task, null);
    }
  }
}

export type { Page };

async function start(): Promise<void> {
  const json = pageJson();
  const box = document.getElementById("page")!;
  const asked = runOf();
  // Each view is made anew from the page's data: nothing of another one can be left over.
  window.addEventListener("hashchange", () => { if (runOf() !== asked) location.reload(); });
  const one = json.runs[Number(asked) || 0];
  if (!one) return;
  if (json.kitchen && !(asked in json.runs)) {
    await kitchen(json, json.kitchen, box);
  } else {
    box.replaceChildren(head(one), body(one));
    const run = await Run.load(one);
    const page = new Page(run, box, json.live);
    page.picture.draw();
    if (json.kitchen) box.prepend(back(one.title));
  }
  document.body.dataset.ready = "yes";
  performance.mark("twocooks-drawn");
}

function back(title: string): HTMLElement {
  const button = el("button", { type: "button", click: () => { location.hash = ""; } }, "← all dinners");
  return el("p", { class: "bar back" }, button, el("span", { class: "small" }, title));
}

void start();
