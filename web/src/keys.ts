// The keyboard.

import { help } from "./help";
import type { Page } from "./page";

export function keys(page: Page): void {
  const { picture } = page;
  const middle = () => (picture.from + picture.to) / 2;
  let row = -1;

  const choose = (by: number) => {
    const { list } = picture.rows;
    if (!list.length || picture.mode !== "task") return;
    row = Math.min(Math.max(row + by, 0), list.length - 1);
    picture.choose(row);
    page.say(picture.rowWords(list[row]!));
  };
  const act = () => {
    const chosen = picture.rows.list[row];
    if (!chosen) return false;
    if (chosen.task >= 0) page.tell(chosen.task, null);
    else {
      picture.rows.fold(chosen.node);
      picture.invalidate();
    }
    return true;
  };
  const does: Record<string, () => void> = {
    w: () => picture.zoom(0.7, middle()),
    "+": () => picture.zoom(0.7, middle()),
    "=": () => picture.zoom(0.7, middle()),
    s: () => picture.zoom(1 / 0.7, middle()),
    "-": () => picture.zoom(1 / 0.7, middle()),
    a: () => picture.pan(-0.15),
    ArrowLeft: () => picture.pan(-0.15),
    d: () => picture.pan(0.15),
    ArrowRight: () => picture.pan(0.15),
    ArrowUp: () => choose(-1),
    ArrowDown: () => choose(1),
    "0": () => picture.showAll(),
    Home: () => picture.showAll(),
    z: () => picture.selection && picture.show(...picture.selection),
    v: () => page.show(picture.mode === "task" ? "core" : "task"),
    "/": () => page.search.focus(),
    "?": help,
    Escape: () => page.escape(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    const target = event.target as HTMLElement;
    if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) {
      if (event.key === "Escape" || event.key === "Enter") {
        event.preventDefault();
        if (event.key === "Escape") page.filter("");
        picture.stage.focus({ preventScroll: true });
      }
      return;
    }
    // Arrows, Home and Enter belong to what is in focus, unless that is the picture or nothing.
    const free = target === document.body || picture.stage.contains(target);
    if (event.key.length > 1 && event.key !== "Escape" && !free) return;
    if (event.key === "Enter" && target === picture.stage) {
      if (act()) event.preventDefault();
      return;
    }
    const up = event.key === "ArrowUp" || event.key === "ArrowDown";
    if (up && target !== picture.stage) return;
    const action = does[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
