// Colours and textures. Tasks differ by colour, states by texture, and each says enough alone. The
// eight colours keep their distance for colour-blind eyes on dark and light grounds (after Okabe and
// Ito); they are those of the terminal report.

import { STATE } from "./data";

type Rgb = [number, number, number];

export const COLOURS = [
  "#d55e00", "#1f86cc", "#009e73", "#c79a00", "#cc79a7", "#56b4e9", "#8e6bd1", "#a0694b",
];
/** Of reasons, when waits are coloured by why. */
const REASON_COLOURS: Record<string, string> = {
  gil: "#d55e00", core: "#c79a00", lock: "#cc79a7", turn: "#a0694b", result: "#8e6bd1",
  io: "#1f86cc", sleep: "#009e73", child: "#56b4e9", fault: "#777777", short: "#999999",
  unknown: "#999999",
};

export interface Theme {
  dark: boolean;
  ground: Rgb;
  panel: Rgb;
  ink: Rgb;
  dim: Rgb;
  line: Rgb;
  track: Rgb;
  strong: Rgb;
  /** Rows that others fold into. */
  node: Rgb;
  go: Rgb;
}

function rgb(hex: string): Rgb {
  const n = parseInt(hex.slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}

export function mix(a: Rgb, b: Rgb, share: number): Rgb {
  return [0, 1, 2].map((i) => Math.round(a[i]! + (b[i]! - a[i]!) * share)) as Rgb;
}

export const css = (c: Rgb) => `rgb(${c[0]} ${c[1]} ${c[2]})`;

/** A pixel as ImageData has it (little-endian, as every machine with a browser is). */
export const pixel = ([r, g, b]: Rgb) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;

export function themeNow(): Theme {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => rgb(style.getPropertyValue(name).trim());
  const ground = read("--ground");
  return {
    dark: ground[0] < 128,
    ground,
    panel: read("--panel"),
    ink: read("--ink"),
    dim: read("--dim"),
    line: read("--line"),
    track: read("--track"),
    strong: read("--strong"),
    node: mix(read("--dim"), ground, 0.15),
    go: read("--go"),
  };
}

export function taskColour(theme: Theme, number: number): Rgb {
  const colour = rgb(COLOURS[number % COLOURS.length]!);
  return theme.dark ? mix(colour, [255, 255, 255], 0.12) : colour;
}

export function reasonColour(theme: Theme, reason: string): Rgb {
  const colour = rgb(REASON_COLOURS[reason] ?? "#999999");
  return theme.dark ? mix(colour, [255, 255, 255], 0.12) : colour;
}

/** Tiles repeat after so many pixels, as the textures do. */
export const TILE = 8;

/** The pixels of a lane in one state: height rows of TILE. */
export function texture(
  theme: Theme,
  state: number,
  colour: Rgb,
  height: number,
  dots: number,
  native = false,
): Uint32Array {
  const out = new Uint32Array(height * TILE).fill(pixel(theme.panel));
  const pad = Math.round(2.5 * dots);
  const middle = Math.floor(height / 2);
  const solid = pixel(colour);
  const pale = pixel(mix(theme.panel, colour, theme.dark ? 0.24 : 0.16));
  const faint = pixel(mix(theme.panel, colour, 0.4));
  const grey = pixel(theme.dim);
  const light = pixel(mix(colour, theme.panel, 0.62));
  const thick = Math.max(1, Math.round(dots));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < TILE; x++) {
      const inside = y >= pad && y < height - pad;
      const calm = y >= pad + 2 * thick && y < height - pad - 2 * thick;
      let value = out[y * TILE + x]!;
      if (state === STATE.working) {
        if (inside) value = native && Math.floor((y - pad) / thick) % 4 === 2 ? light : solid;
      } else if (state === STATE.inLine) {
        if (calm) value = (x + y) % TILE < 3 ? solid : pale;
      } else if (state === STATE.wantsTool) {
        if (calm) value = (x + y) % TILE < 2 || (x - y + 64 * TILE) % TILE < 2 ? solid : pale;
      } else if (state === STATE.waiting) {
        if (Math.abs(y - middle) <= 1.5 * thick) value = faint;
      } else if (state === STATE.delegated) {
        if (Math.abs(y - middle) <= thick / 2 && x < 3) value = solid;
      } else if (state === STATE.unknown) {
        if (calm) value = (x % 4 < 2) === (y % 4 < 2) ? grey : pixel(theme.track);
      }
      out[y * TILE + x] = value;
    }
  }
  return out;
}
