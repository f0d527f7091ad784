// The page of a dinner: four kitchens side by side, played by one clock.

import { KitchenJson, PageJson } from "../data";
import { el } from "../dom";
import { Surface } from "../paint";
import { Run } from "../run";
import { Theme, themeNow } from "../theme";
import { Place, chart } from "./chart";
import { Clock } from "./clock";
import { Plate } from "./plate";
import { Scene } from "./scene";

class Panel {
  readonly root: HTMLElement;
  private readonly total = el("strong", { class: "total" });
  private readonly now = el("span", { class: "now" });
  private readonly stage = el("div", { class: "kitchen-scene" });
  private readonly surface = new Surface(el("canvas", { role: "img" }));
  private readonly veil = el("div", { class: "veil" });
  private readonly head = el("div", { class: "head" });
  private scene: Scene | null = null;
  private place: Place = { left: 0, minute: 1, height: 0 };
  private wide = 0;

  constructor(readonly plate: Plate, private readonly longest: number, number: number) {
    const { json } = plate;
    this.surface.canvas.setAttribute("aria-label", `${json.title}: ${json.word}, ${json.minutes_text} minutes, ${json.numbers}`);
    const closer = el("button", { type: "button", class: "closer", "aria-label": `look closer: ${json.title}`, click: () => { location.hash = `run=${number}`; } }, "look closer");
    this.root = el("section", { class: "plate", "aria-label": json.title },
      el("div", { class: "plate-head" }, el("h2", {}, json.title), el("strong", { class: "word" }, json.word)),
      el("p", { class: "plate-numbers" }, this.total, this.now, closer),
      this.stage,
      el("div", { class: "lanes-box" }, this.surface.canvas, this.veil, this.head));
  }

  /** Draws what stands still; the panel must be in the page. */
  layout(theme: Theme): void {
    this.wide = this.veil.parentElement!.clientWidth;
    if (!this.wide) return;
    if (this.stage.clientWidth) { // on paper there is none
      this.scene = new Scene(this.plate, theme, this.wide);
      this.stage.replaceChildren(this.scene.root);
    }
    this.place = chart(this.surface, this.plate, theme, this.wide, this.longest);
  }

  /** What is the case at a minute, for who does not see it. */
  words(minute: number): string {
    const { plate } = this;
    const { title, minutes_text, word } = plate.json;
    if (minute >= plate.end) return `${title}: done after ${minutes_text} minutes, ${word}`;
    const [go, hands] = plate.counts(minute);
    return `${title}: ${go} on the go, ${hands} at work`;
  }

  show(minute: number, calm: boolean): void {
    const { plate } = this;
    const done = minute >= plate.end;
    this.scene?.show(minute, calm);
    this.root.classList.toggle("done", done);
    this.total.textContent = done ? `${plate.json.minutes_text} min` : `${Math.floor(minute)} min`;
    const x = this.place.left + Math.min(minute, plate.end) * this.place.minute;
    this.veil.style.left = `${x}px`;
    this.veil.hidden = this.head.hidden = done;
    this.head.style.transform = `translateX(${x}px)`;
    if (done) this.now.textContent = plate.json.numbers;
    else {
      const [go, hands] = plate.counts(minute);
      this.now.replaceChildren(`${go} on the go · `, el("b", { class: hands >= 2 ? "two" : "" }, `${hands} at work`));
    }
  }
}

function table(kitchen: KitchenJson): HTMLElement {
  const rows = kitchen.plates.map((plate) => el("tr", {}, el("th", { scope: "row" }, plate.title),
    ...plate.table.map(([before, after]) => el("td", {}, el("span", { class: "foretold" }, `${before} → `), after))));
  const head = el("tr", {}, el("th", { scope: "col" }, "predicted → measured"), ...kitchen.columns.map((title) => el("th", { scope: "col" }, title)));
  return el("div", { class: "scroll numbers", tabindex: "0", role: "region", "aria-label": "predicted and measured" },
    el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows)));
}

function words(kitchen: KitchenJson): HTMLElement {
  const list = el("dl", { class: "words" });
  const add = (title: string, ...texts: (Node | string)[]) => {
    if (texts.length) list.append(el("div", {}, el("dt", {}, title), ...texts.map((text) => el("dd", {}, text))));
  };
  add("What to see", ...kitchen.lessons, ...kitchen.burnt);
  const [ten, ...own] = kitchen.say;
  if (ten) add("Say it", el("q", {}, ten), ...own.filter((text) => text));
  add("Cook it yourself", ...kitchen.commands.map((text) => el("code", {}, text)));
  add("Not cooked", ...kitchen.refused);
  return list;
}

const LEGEND: [string, string][] = [
  ["hands", "hands on it"], ["wait", "on the stove"], ["line", "standing in line"],
];

export async function kitchen(json: PageJson, data: KitchenJson, box: HTMLElement): Promise<void> {
  const plates: Plate[] = [];
  for (const [i, plate] of data.plates.entries()) plates.push(new Plate(await Run.load(json.runs[i]!), plate, data));
  const longest = Math.max(...plates.map((plate) => plate.end), 1e-6);
  const panels = plates.map((plate, i) => new Panel(plate, longest, i));
  const clock: Clock = new Clock(longest, data.minute_s, (minute) => {
    for (const panel of panels) panel.show(minute, clock.calm);
  }, (minute) => panels.map((panel) => panel.words(minute)).join(". "));
  box.replaceChildren(
    el("header", { class: "kitchen-header" },
      el("h1", {}, data.headline),
      el("p", { class: "sentence" }, "Switching keeps several dishes ", el("b", {}, "on the go"), " with one pair of hands: that is ",
        el("b", {}, "concurrency"), ". A friend brings a second pair that moves ", el("b", {}, "at the same moment"), ": that is ",
        el("b", {}, "parallelism"), `. ${data.measured}`),
      ...data.changed.map((text) => el("p", { class: "sentence" }, text)),
      ...data.warnings.map((text) => el("p", { class: "warning", role: "note" }, text))),
    clock.root,
    el("div", { class: "plates" }, ...panels.map((panel) => panel.root)),
    el("div", { class: "legend" }, ...LEGEND.map(([name, text]) => el("span", {}, el("i", { class: `key ${name}` }), text)),
      el("span", {}, "Everything that moves follows the recording; only the steps from place to place are drawn.")),
    words(data),
    table(data),
    el("footer", {}, json.runs[0]?.numbers.slice(-3).join(" · ") ?? ""),
  );
  const layout = () => {
    const theme = themeNow();
    for (const panel of panels) panel.layout(theme);
    clock.go(clock.minute);
  };
  layout();
  clock.begin();
  let wide = box.clientWidth;
  new ResizeObserver(() => {
    if (box.clientWidth === wide) return;
    wide = box.clientWidth;
    layout();
  }).observe(box);
  for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", layout);
}
