// Only what can be done without: tables sort by a click on a column's head, charts tell what is under the pointer.
(() => {
  "use strict";

  const key = (row, column) => {
    const cell = row.cells[column];
    const told = cell.dataset.sort ?? cell.textContent.trim();
    return told !== "" && Number.isFinite(Number(told)) ? Number(told) : told;
  };
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });

  function sort(table, column, head) {
    const down = head.getAttribute("aria-sort") === "ascending";
    const rows = [...table.tBodies[0].rows].map((row) => [key(row, column), row]);
    rows.sort(([a], [b]) => (a === "") - (b === "") || (down ? compare(b, a) : compare(a, b)));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    table.tBodies[0].append(...rows.map(([, row]) => row));
  }

  for (const table of document.querySelectorAll("table.sorts")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent || "how";
      button.title = "sort";
      button.addEventListener("click", () => sort(table, column, head));
      head.replaceChildren(button);
    });
  }
  for (const table of document.querySelectorAll("table")) {
    const first = table.tBodies[0].rows[0];
    [...table.tHead.rows[0].cells].forEach((head, column) =>
      head.classList.toggle("number", first.cells[column].classList.contains("number")));
  }

  const digits = (value) => String(Number(value.toPrecision(3)));
  function show(value, unit) {
    if (unit === "ratio") return `${digits(100 * value)} %`;
    if (unit === "seconds") return Math.abs(value) < 1 ? `${digits(1000 * value)} ms` : `${digits(value)} s`;
    if (unit === "bits_per_second") return value >= 1e6 ? `${digits(value / 1e6)} Mbit/s` : `${digits(value / 1e3)} kbit/s`;
    if (unit === "fps") return `${digits(value)} fps`;
    return unit === "score" || unit === "mos" ? value.toFixed(2) : digits(value);
  }

  function nearest(times, lines, at) {
    let best = -1;
    times.forEach((time, place) => {
      const known = lines.some(([, values]) => values[place] !== null);
      if (known && (best < 0 || Math.abs(time - at) < Math.abs(times[best] - at))) best = place;
    });
    return best;
  }

  for (const chart of document.querySelectorAll("svg[data-chart]")) {
    const { unit, times, lines } = JSON.parse(chart.dataset.chart);
    const [low, high, left, right] = chart.dataset.span.split(",").map(Number);
    const rule = document.createElementNS("http://www.w3.org/2000/svg", "line");
    const tip = document.createElement("div");
    rule.classList.add("pointer");
    tip.className = "tip";
    const leave = () => { rule.remove(); tip.remove(); };
    chart.addEventListener("pointerleave", leave);
    chart.addEventListener("pointermove", (event) => {
      const box = chart.getBoundingClientRect();
      const scale = box.width / chart.viewBox.baseVal.width;
      const at = low + ((event.clientX - box.left) / scale - left) / (right - left) * (high - low);
      const place = nearest(times, lines, at);
      if (place < 0) return leave();
      const x = left + (times[place] - low) / (high - low) * (right - left);
      for (const [name, value] of Object.entries({ x1: x, x2: x, y1: 10, y2: 128 })) rule.setAttribute(name, value);
      const told = lines.filter(([, values]) => values[place] !== null)
        .map(([label, values]) => `${label ? `${label}: ` : ""}${show(values[place], unit)}`);
      tip.textContent = [`${times[place].toFixed(1)} s`, ...told].join(" · ");
      chart.append(rule);
      chart.parentElement.append(tip);
      const room = box.width - tip.offsetWidth;
      tip.style.left = `${Math.max(0, Math.min(room, x * scale - tip.offsetWidth / 2))}px`;
      tip.style.top = `${box.top - chart.parentElement.getBoundingClientRect().top}px`;
    });
  }
})();
