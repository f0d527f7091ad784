// The clock that all four dinners share: play, pause, speed, a slider, a minute in the address.

import { el } from "../dom";

const SHOW_S = 20;
/** Where movement is not wanted, playing goes on in steps. */
const STEP_MS = 700;

export class Clock {
  readonly root: HTMLElement;
  minute: number;
  playing = false;
  readonly calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  private speed: number;
  private last = 0;
  private readonly play = el("button", { type: "button", class: "play", "aria-keyshortcuts": "Space" });
  private readonly slider: HTMLInputElement;
  private readonly said = el("span", { class: "minute", "aria-hidden": "true" });
  /** What a screen reader says: once where the clock stands, and never in between. */
  private readonly aloud = el("p", { class: "visually-hidden", role: "status" });

  /** ``words``: what is the case at a minute. */
  constructor(
    readonly end: number, minute_s: number, private readonly show: (minute: number) => void,
    private readonly words: (minute: number) => string,
  ) {
    this.minute = end;
    const base = nice(end / SHOW_S);
    this.speed = base;
    this.play.addEventListener("click", () => this.toggle());
    this.slider = el("input", { type: "range", min: "0", max: String(end), step: String(nice(end / 400)), "aria-label": "kitchen minute" });
    this.slider.addEventListener("input", () => { this.pause(); this.go(Number(this.slider.value)); });
    this.slider.addEventListener("change", () => this.label());
    const speeds = el("select", { "aria-label": "speed" });
    const options: [number, string][] = [0.25, 0.5, 1, 2].map((x) => [x * base, `${Number((x * base).toPrecision(3))} min a second`]);
    options.push([1 / minute_s, "as fast as it was"]);
    for (const [value, text] of options) speeds.append(el("option", { value: String(value) }, text));
    speeds.value = String(base);
    speeds.addEventListener("change", () => { this.speed = Number(speeds.value); });
    this.root = el("div", { class: "clock", role: "group", "aria-label": "play what was recorded" }, this.play, this.slider, this.said, speeds, this.aloud);
    document.addEventListener("keydown", (event) => this.key(event));
    let before: [number, boolean] | null = null;
    window.addEventListener("beforeprint", () => { before = [this.minute, this.playing]; this.pause(); this.go(this.end); });
    window.addEventListener("afterprint", () => { if (before) { this.go(before[0]); if (before[1]) this.start(); } });
  }

  /** Begins as the address says, or plays from the start where movement is welcome. */
  begin(): void {
    const words = new URLSearchParams(location.hash.slice(1));
    const asked = Number(words.get("at") ?? NaN);
    if (Number.isFinite(asked)) this.go(asked);
    else if (this.calm) this.go(this.end);
    else {
      this.go(0);
      this.start();
    }
    this.label();
  }

  go(minute: number): void {
    this.minute = Math.min(Math.max(minute, 0), this.end);
    this.slider.value = String(this.minute);
    const text = `minute ${this.minute.toFixed(1)}`;
    this.said.textContent = text;
    if (!this.playing) this.slider.setAttribute("aria-valuetext", `${text}. ${this.words(this.minute)}`);
    this.show(this.minute);
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.start();
  }

  start(): void {
    if (this.minute >= this.end) this.go(0);
    this.playing = true;
    this.last = 0;
    this.aloud.textContent = "";
    this.slider.setAttribute("aria-valuetext", "playing");
    this.label();
    if (this.calm) window.setTimeout(() => this.step(), STEP_MS);
    else requestAnimationFrame((now) => this.frame(now));
  }

  pause(): void {
    if (!this.playing) return;
    this.playing = false;
    this.go(this.minute);
    this.label();
    this.aloud.textContent = this.slider.getAttribute("aria-valuetext");
  }

  /** Goes there and stands, and says what is the case. */
  private walk(minute: number): void {
    this.pause();
    this.go(minute);
    this.label();
    this.aloud.textContent = this.slider.getAttribute("aria-valuetext");
  }

  private label(): void {
    this.play.textContent = this.playing ? "❚❚ pause" : this.minute >= this.end ? "▶ play again" : "▶ play";
    const words = new URLSearchParams(location.hash.slice(1));
    words.delete("at");
    if (!this.playing && this.minute > 0 && this.minute < this.end) words.set("at", this.minute.toFixed(2));
    const text = words.toString();
    if (text === location.hash.slice(1)) return;
    try {
      history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
    } catch {
      // Some viewers of files forbid it.
    }
  }

  private forward(by: number): void {
    this.go(this.minute + by);
    if (this.minute >= this.end) this.pause();
  }

  private frame(now: number): void {
    if (!this.playing) return;
    // A page that was hidden goes on where it was.
    if (this.last) this.forward(this.speed * Math.min(0.1, (now - this.last) / 1000));
    this.last = now;
    if (this.playing) requestAnimationFrame((next) => this.frame(next));
  }

  private step(): void {
    if (!this.playing) return;
    this.forward((this.speed * STEP_MS) / 1000);
    if (this.playing) window.setTimeout(() => this.step(), STEP_MS);
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    if (target !== document.body && target !== this.slider) return;
    const by = nice(this.end / 40);
    const ways: Record<string, number> = {
      ArrowRight: this.minute + by, ArrowLeft: this.minute - by, Home: 0, End: this.end,
    };
    if (event.key === " ") this.toggle();
    else if (target !== this.slider && event.key in ways) this.walk(ways[event.key]!);
    else return;
    event.preventDefault();
  }
}

/** The nearest of 1, 2, 5, 10, ... */
function nice(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-9)));
  const best = [1, 2, 5, 10].reduce((a, b) => (Math.abs(b * power - value) < Math.abs(a * power - value) ? b : a));
  return Number((best * power).toPrecision(6));
}
