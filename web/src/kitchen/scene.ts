// The kitchen of one dinner, drawn: stove behind, cooks in the middle, counter in front.

import { BLANK, STATE } from "../data";
import { draw } from "../dom";
import { Theme, css, mix, taskColour } from "../theme";
import { Dish, Plate } from "./plate";

const HIGH = 152;
const STOVE = 43;
const COUNTER = 120;
/** So high above the stove does a pot stand: the flame is under it. */
const LIFT = 6;
const SKIN = "#eebf92";
const FLAME = "#f28c28";

interface Pot {
  dish: Dish;
  x: number;
  group: SVGGElement;
  halo: SVGRectElement;
  line: SVGRectElement;
  body: SVGGElement;
  steam: SVGPathElement;
  flame: SVGPathElement;
  check: SVGPathElement;
}

interface Cook {
  group: SVGGElement;
  arms: SVGPathElement;
  hands: SVGCircleElement[];
}

let scenes = 0;

/** The colour of a cook's coat. */
export function coatOf(theme: Theme, cook: number): [number, number, number] {
  if (cook === 0) return mix(theme.ink, theme.panel, theme.dark ? 0.3 : 0.1);
  return mix(theme.go, theme.ink, Math.min(0.15 * (cook - 1), 0.8));
}

export class Scene {
  readonly root: SVGSVGElement;
  private readonly pots: Pot[];
  private readonly cooks: Cook[];
  private readonly gap: number;
  private readonly colours: Map<number, string>;

  constructor(private readonly plate: Plate, private readonly theme: Theme, private readonly wide: number) {
    const places = plate.dishes.length + (plate.more ? 1 : 0);
    const edge = Math.min(46, wide / 9);
    this.gap = (wide - 2 * edge) / Math.max(1, places);
    const name = `kitchen-${++scenes}`;
    const x = (place: number) => edge + (place + 0.5) * this.gap;
    this.root = draw("svg", { viewBox: `0 0 ${wide} ${HIGH}`, width: wide, height: HIGH, "aria-hidden": "true" });
    this.colours = new Map(plate.json.lanes.map(([task, dish]) => [task, css(taskColour(theme, dish))]));
    const steel = css(mix(theme.panel, theme.ink, 0.14));
    const wood = css(mix(theme.panel, theme.ink, theme.dark ? 0.2 : 0.1));
    this.root.append(draw("rect", { x: 6, y: STOVE, width: wide - 12, height: 6, rx: 3, fill: steel }));
    for (let i = 0; i < places; i++) {
      this.root.append(draw("ellipse", { cx: x(i), cy: STOVE + 1, rx: Math.min(15, this.gap / 3), ry: 2.2, fill: css(mix(theme.panel, theme.ink, 0.34)) }));
    }
    const behind = draw("g");
    const middle = draw("g");
    const front = draw("g");
    this.pots = plate.dishes.map((dish, i) => this.pot(dish, x(i), `${name}-${i}`));
    this.cooks = plate.json.staff.map((who, i) => this.cook(who, i));
    for (const pot of this.pots) behind.append(pot.flame);
    for (const cook of this.cooks) middle.append(cook.group);
    front.append(draw("rect", { x: 0, y: COUNTER, width: wide, height: 7, rx: 3, fill: css(mix(theme.panel, theme.ink, theme.dark ? 0.34 : 0.24)) }));
    front.append(draw("rect", { x: 6, y: COUNTER + 7, width: wide - 12, height: HIGH - COUNTER - 7, fill: wood }));
    for (const pot of this.pots) front.append(pot.group);
    this.pots.forEach((pot, i) => front.append(this.name(pot.dish, x(i))));
    if (plate.more) front.append(draw("text", { x: x(places - 1), y: HIGH - 8, class: "dish", fill: css(theme.dim) }, `${plate.more} more`));
    this.root.append(behind, middle, front);
  }

  private name(dish: Dish, x: number): SVGTextElement {
    const most = Math.max(1, Math.floor(this.gap / 7));
    const text = dish.name.length > most ? `${dish.name.slice(0, most - 1)}…` : dish.name;
    return draw("text", { x, y: HIGH - 8, class: "dish", fill: css(this.theme.ink) }, text);
  }

  private pot(dish: Dish, x: number, name: string): Pot {
    const colour = css(taskColour(this.theme, dish.dish));
    const size = Math.min(1, this.gap / 52);
    const hatch = draw("pattern", { id: name, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(-45)" },
      draw("rect", { width: 5, height: 2, fill: colour }));
    const line = draw("rect", { x: -24, y: -30, width: 48, height: 34, rx: 7, fill: `url(#${name})`, opacity: 0.75 });
    const halo = draw("rect", { x: -25, y: -31, width: 50, height: 36, rx: 9, fill: colour, opacity: 0.28 });
    const dark = css(mix(taskColour(this.theme, dish.dish), [0, 0, 0], 0.25));
    const body = draw("g", {},
      draw("rect", { x: -22, y: -16, width: 44, height: 4.5, rx: 2.2, fill: dark }),
      draw("path", { d: "M-17 -19H17V-4Q17 0 13 0H-13Q-17 0 -17 -4Z", fill: colour }),
      draw("ellipse", { cx: 0, cy: -19, rx: 17, ry: 4.2, fill: dark }),
      draw("ellipse", { cx: 0, cy: -19.3, rx: 13.6, ry: 2.8, fill: css(mix(taskColour(this.theme, dish.dish), [255, 255, 255], 0.45)) }));
    const steam = draw("path", { d: "M-7 -25q-3 -3 0 -6t0 -6M0 -26q-3 -3 0 -6t0 -6M7 -25q-3 -3 0 -6t0 -6", class: "steam", stroke: css(this.theme.dim) });
    const flame = draw("path", { d: "M-10 0q-4 -4 0 -8q4 4 0 8M0 0q-5 -5 0 -9q5 4 0 9M10 0q-4 -4 0 -8q4 4 0 8", fill: FLAME, transform: `translate(${x} ${STOVE + 1}) scale(${size})` });
    const check = draw("path", { d: "M-7 -9l5 5l9 -10", class: "check" });
    const inner = draw("g", { transform: `scale(${size})` }, draw("defs", {}, hatch), halo, line, steam, body, check);
    return { dish, x, group: draw("g", {}, inner), halo, line, body, steam, flame, check };
  }

  private cook(who: string, i: number): Cook {
    const { theme } = this;
    const coat = css(coatOf(theme, i));
    const white = theme.dark ? "#f3f1ec" : "#ffffff";
    const edge = css(mix(theme.panel, theme.ink, 0.45));
    const arms = draw("path", { class: "arms", stroke: coat, d: "" });
    const hands = [draw("circle", { r: 4 }), draw("circle", { r: 4 })];
    const group = draw("g", {},
      draw("path", { d: "M-13 46V12Q-13 2 -4 2H4Q13 2 13 12V46Z", fill: coat }),
      draw("path", { d: "M-7 46V16H7V46Z", fill: white, opacity: 0.92 }),
      draw("circle", { cx: 0, cy: -7, r: 8.5, fill: SKIN }),
      draw("path", { d: "M-8 -12V-19Q-15 -21 -12 -27Q-9 -32 -3.5 -29.5Q0 -34 3.5 -29.5Q9 -32 12 -27Q15 -21 8 -19V-12Z", fill: white, stroke: edge, "stroke-width": 1.2 }),
      draw("circle", { cx: -3, cy: -6.5, r: 1.1, fill: "#3a2a1c" }),
      draw("circle", { cx: 3, cy: -6.5, r: 1.1, fill: "#3a2a1c" }),
      arms, ...hands,
      this.gap >= 64 ? draw("text", { x: 14, y: -6, class: "who", fill: css(theme.dim) }, who.length > 12 ? `${who.slice(0, 11)}…` : who) : null);
    return { group, arms, hands };
  }

  /** Shows a minute of the recording. */
  show(minute: number, calm: boolean): void {
    for (const pot of this.pots) this.showPot(pot, minute, calm);
    this.cooks.forEach((cook, i) => this.showCook(cook, i, minute, calm));
  }

  private showPot(pot: Pot, minute: number, calm: boolean): void {
    const { dish } = pot;
    const state = this.plate.doing(dish, minute);
    const up = this.plate.lifted(dish, minute, calm);
    const done = minute >= dish.done || minute >= this.plate.end;
    const y = COUNTER + 3 + (STOVE - LIFT - COUNTER - 3) * up;
    pot.group.setAttribute("transform", `translate(${pot.x} ${y.toFixed(1)})`);
    const seen = (element: SVGElement, yes: boolean) => element.setAttribute("visibility", yes ? "visible" : "hidden");
    seen(pot.halo, state === STATE.working && !done);
    seen(pot.line, (state === STATE.inLine || state === STATE.wantsTool) && !done);
    const cooking = state === STATE.waiting && up > 0.9;
    seen(pot.flame, cooking);
    seen(pot.steam, cooking);
    seen(pot.check, done);
    pot.body.setAttribute("opacity", state === BLANK && !done ? "0.3" : "1");
    if (cooking && !calm) {
      pot.steam.setAttribute("transform", `translate(0 ${(-2 * Math.abs(Math.sin(minute * 5))).toFixed(1)})`);
    }
  }

  private showCook(cook: Cook, i: number, minute: number, calm: boolean): void {
    const { plate } = this;
    const edge = Math.min(46, this.wide / 9);
    const place = plate.stands(i, minute, calm);
    const many = plate.json.staff.length;
    // Two at one dish stand side by side.
    const beside = (i - (many - 1) / 2) * Math.min(18, this.gap / 3);
    const home = i === 0 ? edge / 2 : this.wide - edge / 2 - (i - 1) * 14;
    const x = place < 0 ? home : edge + (place + 0.5) * this.gap + (many > 1 ? beside : 0);
    const walking = place >= 0 && Math.abs(place - Math.round(place)) > 0.02;
    const task = minute < plate.end ? plate.hands(i, minute) : -1;
    const works = task >= 0;
    const beat = calm ? 0 : Math.sin(minute * 16);
    const bob = walking ? -2.5 * Math.abs(Math.sin(minute * 12)) : works ? -0.7 * Math.abs(beat) : 0;
    cook.group.setAttribute("transform", `translate(${x.toFixed(1)} ${(74 + bob).toFixed(1)})`);
    // Hands reach for the pot on the counter in front of him, or hang down.
    const dx = works ? -(many > 1 ? beside : 0) : 0;
    const left = works ? [dx - 10, 28 + 3 * beat] : [-16, 30];
    const right = works ? [dx + 10, 28 - 3 * beat] : [16, 30];
    cook.arms.setAttribute("d", `M-11 11L${left[0]!.toFixed(1)} ${left[1]!.toFixed(1)}M11 11L${right[0]!.toFixed(1)} ${right[1]!.toFixed(1)}`);
    cook.hands.forEach((hand, side) => {
      const at = side ? right : left;
      hand.setAttribute("cx", at[0]!.toFixed(1));
      hand.setAttribute("cy", at[1]!.toFixed(1));
      hand.setAttribute("fill", works ? this.colours.get(task) ?? SKIN : SKIN);
    });
  }
}
