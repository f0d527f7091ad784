// Mouse, pen, fingers and wheel on the picture: what they mean.

import { CORE_TASK } from "./data";
import type { Picture } from "./picture";

interface Spot {
  x: number;
  y: number;
}

interface Drag {
  kind: "pan" | "select" | "over";
  x: number;
  from: number;
  to: number;
  moved: boolean;
}

export class Pointer {
  constructor(private readonly picture: Picture) {
    this.listen();
  }

  private listen(): void {
    const { picture } = this;
    const { stage } = picture;
    const touches = new Map<number, Spot>();
    let drag: Drag | null = null;
    let pinch = 0;
    const spot = (event: PointerEvent | WheelEvent) => {
      const box = stage.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    stage.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      const at = spot(event);
      if (event.target === picture.scroller) return; // its scroll bar
      touches.set(event.pointerId, at);
      if (touches.size === 2) {
        const [a, b] = [...touches.values()];
        pinch = Math.abs(a!.x - b!.x);
        drag = null;
        return;
      }
      const kind = at.y < picture.scroller.offsetTop && event.target === picture.over.canvas ? "over"
        : event.shiftKey || picture.whole || event.target === picture.counter.surface.canvas ? "select" : "pan";
      drag = { kind, x: at.x, from: picture.from, to: picture.to, moved: false };
      stage.setPointerCapture(event.pointerId);
    });
    stage.addEventListener("pointermove", (event) => {
      const at = spot(event);
      picture.pointer = at;
      if (touches.has(event.pointerId)) touches.set(event.pointerId, at);
      if (touches.size === 2) {
        const [a, b] = [...touches.values()];
        const now = Math.max(8, Math.abs(a!.x - b!.x));
        if (pinch > 0) picture.zoom(pinch / now, picture.timeAt((a!.x + b!.x) / 2));
        pinch = now;
        return;
      }
      if (drag) this.dragged(drag, at.x);
      else picture.hover();
    });
    const up = (event: PointerEvent) => {
      touches.delete(event.pointerId);
      const done = drag;
      drag = null;
      if (event.type === "pointerup" && done && !done.moved) this.clicked(spot(event));
    };
    stage.addEventListener("pointerup", up);
    stage.addEventListener("pointercancel", up);
    stage.addEventListener("pointerleave", () => {
      picture.pointer = null;
      picture.hover();
    });
    stage.addEventListener("wheel", (event) => this.wheel(event, spot(event)), { passive: false });
    stage.addEventListener("dblclick", (event) => picture.zoom(0.4, picture.timeAt(spot(event as PointerEvent).x)));
    picture.scroller.addEventListener("scroll", () => picture.invalidate(), { passive: true });
    new ResizeObserver(() => picture.invalidate()).observe(stage);
  }

  private dragged(drag: Drag, x: number): void {
    const { picture } = this;
    if (!drag.moved && Math.abs(x - drag.x) < 4) return;
    drag.moved = true;
    const { left, width } = picture.plot();
    if (drag.kind === "pan") {
      const by = ((drag.x - x) / width) * (drag.to - drag.from);
      picture.show(drag.from + by, drag.to + by);
    } else if (drag.kind === "select") {
      const [a, b] = [picture.timeAt(Math.min(drag.x, x)), picture.timeAt(Math.max(drag.x, x))];
      picture.select(picture.seen.curves.snapped(a, b));
    } else {
      const [start, end] = picture.run.json.window_s;
      const at = (px: number) => start + ((px - left) / width) * (end - start);
      if (picture.whole || drag.to - drag.from >= (end - start) * 0.999) {
        picture.show(at(Math.min(drag.x, x)), at(Math.max(drag.x, x)));
      } else {
        const by = at(x) - at(drag.x);
        picture.show(drag.from + by, drag.to + by);
      }
    }
  }

  private clicked(at: Spot): void {
    const { picture } = this;
    const row = picture.rowAt(at.y);
    const had = picture.counter.at(at);
    if (had && had.code >= CORE_TASK) {
      picture.hooks.story(had.code - CORE_TASK, picture.timeAt(at.x));
    } else if (row && row.node >= 0) {
      picture.rows.fold(row.node);
      picture.invalidate();
    } else if (row) {
      picture.hooks.story(row.task, picture.timeAt(at.x));
    } else if (picture.selection) {
      picture.select(null);
    }
  }

  private wheel(event: WheelEvent, at: Spot): void {
    const { picture } = this;
    const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    const focused = picture.stage.contains(document.activeElement);
    const scrolls = picture.rowAt(at.y) && picture.scroller.scrollHeight > picture.scroller.clientHeight + 1;
    if (sideways) {
      event.preventDefault();
      picture.pan((event.deltaX || event.deltaY) / picture.plot().width);
    } else if (event.ctrlKey || event.metaKey || (focused && !scrolls)) {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 16 : 1;
      picture.zoom(Math.exp(event.deltaY * lines * (event.ctrlKey ? 0.006 : 0.0016)), picture.timeAt(at.x));
    }
  }
}
