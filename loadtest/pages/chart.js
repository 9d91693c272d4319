// A small line chart in SVG: axes with units, gaps where nothing was measured, the value under the pointer in the legend.
// All charts share one cursor, so that a moment can be read across them.

import { clock } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 180;
const MARGIN = { top: 10, right: 24, bottom: 27, left: 72 };
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
const MARK_HEADROOM = 3; // a target farther above the data than this would press the data flat: it is only named

const all = new Set();
let hovered = null; // seconds since the start, or null

function hover(time) {
  hovered = time;
  for (const chart of all) chart.showCursor();
}

export function element(name, attributes = {}, ...children) {
  const found = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) found.setAttribute(key, value);
  }
  found.append(...children);
  return found;
}

function shape(name, attributes, text) {
  const found = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) found.setAttribute(key, value);
  if (text !== undefined) found.textContent = text;
  return found;
}

/** Four or so round numbers from `low` to `high` or above. */
function ticks(low, high, whole) {
  const raw = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  let step = power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= raw * (1 - 1e-9));
  if (whole) step = Math.max(1, Math.ceil(step));
  const found = [];
  for (let value = low; value < high + step * 0.999; value += step) found.push(value);
  return found;
}

function timeTicks(start, end, width) {
  const most = Math.max(2, Math.floor(width / 70));
  const step = TIME_STEPS.find((one) => (end - start) / one <= most) ?? TIME_STEPS.at(-1);
  const found = [];
  for (let time = Math.ceil(start / step) * step; time <= end; time += step) found.push(time);
  return found;
}

/** Runs of neighbours that were measured: [[first, last], …]. */
function runs(values) {
  const found = [];
  values.forEach((value, index) => {
    if (value === null) return;
    if (index && values[index - 1] !== null) found.at(-1)[1] = index;
    else found.push([index, index]);
  });
  return found;
}

/**
 * `lines`: [{key, label}] of the live view's series; `show`: value → text; `best`: the end of the scale where
 * there is one, and the axis begins where the figures do; `smallest`: least top of the axis, so that noise around zero stays low; `whole`: counts, no fractions on the axis;
 * `bars`: what happened in each stretch of time, later lines before earlier ones.
 */
export class Chart {
  constructor(parent, { title, lines, show, best = null, smallest = 0, whole = false, bars = false }) {
    Object.assign(this, { title, lines, show, best, smallest, whole, bars, series: null, marks: [] });
    this.moment = element("span", { class: "moment" });
    this.legend = element("div", { class: "legend" });
    this.svg = shape("svg", { role: "img", height: HEIGHT });
    this.figure = element("figure", {}, element("figcaption", {}, element("h3", {}, title), this.moment), this.legend);
    this.figure.append(this.svg);
    parent.append(this.figure);
    all.add(this);
    this.svg.addEventListener("pointermove", (event) => hover(this.timeAt(event.offsetX)));
    this.svg.addEventListener("pointerleave", () => hover(null));
    new ResizeObserver(() => this.draw()).observe(this.figure);
  }

  /** `marks`: [{value, label}], lines across the chart: targets, limits. */
  update(series, marks = []) {
    this.series = series;
    this.marks = marks;
    this.draw();
  }

  values(line) {
    return this.series[line.key] ?? [];
  }

  scale() {
    const known = this.lines.flatMap((line) => this.values(line)).filter((value) => value !== null);
    const most = Math.max(this.smallest, ...known);
    this.shown = this.marks.filter(({ value }) => this.best || value <= Math.max(most, 1e-12) * MARK_HEADROOM);
    const marked = this.shown.map(({ value }) => value);
    const high = this.best ?? (Math.max(most, ...marked) || 1);
    const low = this.best ? Math.max(1, Math.floor(Math.min(this.best - 1, ...known, ...marked) * 2) / 2) : 0;
    this.ticks = ticks(low, high, this.whole);
    const span = (this.best ?? this.ticks.at(-1)) - low;
    const times = this.series.time;
    const [start, end] = [0, Math.max(times.at(-1) ?? 0, 1)];
    const width = Math.max(120, this.figure.clientWidth - parseFloat(getComputedStyle(this.figure).paddingLeft) * 2);
    const [inner, tall] = [width - MARGIN.left - MARGIN.right, HEIGHT - MARGIN.top - MARGIN.bottom];
    Object.assign(this, { width, inner, start, end });
    this.x = (time) => MARGIN.left + ((time - start) / (end - start)) * inner;
    this.y = (value) => MARGIN.top + tall * (1 - (value - low) / span);
  }

  draw() {
    if (!this.series || !this.figure.clientWidth) return;
    this.scale();
    this.svg.setAttribute("width", this.width);
    this.svg.replaceChildren(...this.axes(), ...this.markLines());
    this.lines.forEach((line, index) => this.svg.append(...(this.bars ? this.drawBars(line, index) : this.drawLine(line, index))));
    const empty = this.lines.every((line) => this.values(line).every((value) => value === null));
    if (empty) this.svg.append(this.note("nothing measured yet"));
    this.cursor = shape("line", { class: "cursor", y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom, visibility: "hidden" });
    this.svg.append(this.cursor);
    this.showCursor();
  }

  note(text) {
    const middle = { x: MARGIN.left + this.inner / 2, y: HEIGHT / 2, "text-anchor": "middle", class: "tick" };
    return shape("text", middle, text);
  }

  axes() {
    const right = this.width - MARGIN.right;
    const found = [];
    for (const value of this.ticks) {
      const y = Math.round(this.y(value)) + 0.5;
      if (y < MARGIN.top - 1) continue; // a tick beyond the end of the scale
      found.push(shape("line", { class: "grid", x1: MARGIN.left, x2: right, y1: y, y2: y }));
      found.push(shape("text", { class: "tick", x: MARGIN.left - 8, y: y + 4, "text-anchor": "end" }, this.show(value)));
    }
    for (const time of timeTicks(this.start, this.end, this.inner)) {
      const place = { class: "tick", x: this.x(time), y: HEIGHT - 5, "text-anchor": "middle" };
      found.push(shape("text", place, clock(time)));
    }
    return found;
  }

  markLines() {
    return this.shown.map(({ value }) => {
      const y = this.y(value);
      return shape("line", { class: "mark", x1: MARGIN.left, x2: this.width - MARGIN.right, y1: y, y2: y });
    });
  }

  drawLine(line, index) {
    const values = this.values(line);
    const point = (at) => `${this.x(this.series.time[at]).toFixed(1)},${this.y(values[at]).toFixed(1)}`;
    return runs(values).map(([first, last]) => {
      if (first === last) {
        const [cx, cy] = point(first).split(",");
        return shape("circle", { class: `dot line-${index}`, cx, cy, r: 2.5 });
      }
      const points = Array.from({ length: last - first + 1 }, (_, step) => point(first + step)).join(" ");
      return shape("polyline", { class: `line line-${index}`, points });
    });
  }

  drawBars(line, index) {
    const width = Math.max(1, Math.min(10, (0.8 * this.inner) / Math.max(this.series.time.length, 1)));
    const found = [];
    this.values(line).forEach((value, at) => {
      if (!value) return;
      const x = this.x(this.series.time[at]) - width / 2;
      const y = this.y(value);
      found.push(shape("rect", { class: `bar line-${index}`, x, y, width, height: this.y(0) - y }));
    });
    return found;
  }

  timeAt(x) {
    return this.start + ((x - MARGIN.left) / this.inner) * (this.end - this.start);
  }

  /** The point of time nearest to the cursor, or the last one. */
  place() {
    const times = this.series.time;
    if (hovered === null || !times.length) return times.length - 1;
    let best = 0;
    times.forEach((time, index) => {
      if (Math.abs(time - hovered) < Math.abs(times[best] - hovered)) best = index;
    });
    return best;
  }

  /** Under the cursor, or else the last that was measured; a bar counts its own stretch of time, so all are added up. */
  reading(line, at) {
    if (hovered !== null) return this.values(line)[at] ?? null;
    const known = this.values(line).filter((value) => value !== null);
    return this.bars ? known.reduce((sum, value) => sum + value, 0) : (known.at(-1) ?? null);
  }

  showCursor() {
    if (!this.series || !this.cursor) return;
    const at = this.place();
    const time = this.series.time[at];
    const showing = hovered !== null && time !== undefined;
    this.cursor.setAttribute("visibility", showing ? "visible" : "hidden");
    if (showing) {
      this.cursor.setAttribute("x1", this.x(time));
      this.cursor.setAttribute("x2", this.x(time));
    }
    this.moment.textContent = showing ? `at ${clock(time)}` : "";
    this.showLegend(at);
  }

  showLegend(at) {
    const entries = this.lines.map((line, index) => {
      const value = this.reading(line, at);
      const swatch = shape("svg", { width: 22, height: 8, "aria-hidden": "true" });
      swatch.append(
        this.bars
          ? shape("rect", { class: `bar line-${index}`, x: 7, y: 0, width: 8, height: 8 })
          : shape("line", { class: `line line-${index}`, x1: 1, x2: 21, y1: 4, y2: 4 }),
      );
      return element("span", {}, swatch, ` ${line.label} `, element("b", {}, this.show(value)), this.bars && hovered === null ? " in all" : "");
    });
    const marks = this.marks.map((mark) => {
      const text = this.shown.includes(mark) ? mark.label : `${mark.label}, beyond this axis`;
      const swatch = shape("svg", { width: 22, height: 8, "aria-hidden": "true" });
      swatch.append(shape("line", { class: "mark", x1: 1, x2: 21, y1: 4, y2: 4 }));
      return element("span", { class: "quiet" }, swatch, ` ${text}`);
    });
    this.legend.replaceChildren(...entries, ...marks);
    const words = this.lines.map((line) => `${line.label} ${this.show(this.reading(line, at))}`);
    this.svg.setAttribute("aria-label", `${this.title}: ${words.join(", ")}`);
  }
}
