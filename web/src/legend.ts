// What the textures and colours mean.

import { el } from "./dom";
import { reasonColour, css, themeNow } from "./theme";
import { FOR } from "./words";

const STATES: [string, string][] = [
  ["hands", "hands on it"],
  ["wait", "waiting"],
  ["line", "in line"],
  ["tool", "wants a tool (lock)"],
  ["others", "others do it"],
  ["lost", "not known"],
];

export function legend(byReason: boolean, reasons: string[]): HTMLElement[] {
  const states = STATES.map(([name, text]) => el("span", {}, el("i", { class: `key ${name}` }), text));
  if (!byReason) return states;
  const theme = themeNow();
  return [
    ...states,
    ...reasons.map((reason) => {
      const spot = el("i", { class: "key spot" });
      spot.style.background = css(reasonColour(theme, reason));
      return el("span", {}, spot, FOR[reason] ?? reason);
    }),
  ];
}
