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

const NATIVE: [string, string] = ["native", "in native code (where a look met it)"];

/** ``looked``: some of the work was looked at. */
export function legend(byReason: boolean, reasons: string[], looked: boolean): HTMLElement[] {
  const shown = looked ? [STATES[0]!, NATIVE, ...STATES.slice(1)] : STATES;
  const states = shown.map(([name, text]) => el("span", {}, el("i", { class: `key ${name}` }), text));
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
