import { el } from "./dom";

const KEYS: [string, string][] = [
  ["w s, + −, Ctrl + wheel, pinch", "closer, farther"],
  ["a d, ← →, drag", "earlier, later"],
  ["↑ ↓ Enter", "choose a row; open its story or fold it"],
  ["Shift + drag, drag on the strips", "select a range of time: its numbers"],
  ["drag on the small picture on top", "move the window, or draw a new one"],
  ["z", "look closer at the selection"],
  ["0, Home", "the whole run"],
  ["v", "by task, by core"],
  ["/", "search"],
  ["Esc", "close, clear, back"],
];

export function help(): void {
  const rows = KEYS.map(([key, text]) => el("tr", {}, el("th", { scope: "row" }, key), el("td", {}, text)));
  const box = el("dialog", { "aria-label": "help" });
  box.append(
    el("h2", {}, "Moving about"),
    el("table", {}, ...rows),
    el("p", {}, "Each column of the picture shows one moment: all lanes in it are of the same moment. Two lanes are solid side by side only if two tasks really had hands then. A low mark says: it worked here, for less than a column. Work with lines in it was native code where a look met it; plain work was Python code, or nobody looked."),
    el("form", { method: "dialog" }, el("button", {}, "close")),
  );
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
}
