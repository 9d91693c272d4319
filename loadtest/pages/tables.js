// Tables of the page. A cell is text, or an element.

import { element } from "./chart.js";
import { UNKNOWN, count, interval, percent, quantity, seconds, target } from "./format.js";

const WORDS = { pass: "✓ met", fail: "✗ missed", inconclusive: "? not proven yet", not_judged: "– not judged" };
const ORDER = ["fail", "inconclusive", "pass"];

export const chip = (status, words = WORDS[status]) => element("span", { class: `chip ${status}` }, words);

/** `columns`: [title, class]; `rows`: as many cells each. */
function table(columns, rows) {
  const head = columns.map(([title, kind]) => element("th", { scope: "col", class: kind }, title));
  const body = rows.map((cells) =>
    element("tr", {}, ...cells.map((cell, index) => element("td", { class: columns[index][1], "data-title": columns[index][0] }, cell))),
  );
  return element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body));
}

/** What was judged, what needs attention first. A reason that all rows share is told once, above them. */
export function scorecard(kpis) {
  const judged = kpis.filter((kpi) => kpi.status !== "not_judged");
  judged.sort((one, other) => ORDER.indexOf(one.status) - ORDER.indexOf(other.status));
  const shared = judged.length > 1 && judged.every((kpi) => kpi.evidence === judged[0].evidence);
  const columns = [["Target", "name"], ["Status"], ["Measured, 90 % interval", "number"], ["Must be", "number"]];
  const rows = judged.map((kpi) => {
    const cells = [element("span", { title: kpi.metric }, kpi.title), chip(kpi.status), measured(kpi), target(kpi)];
    return shared ? cells : [...cells, kpi.evidence];
  });
  if (shared) return element("div", {}, element("p", { class: "note" }, `None can be judged: ${judged[0].evidence}`), table(columns, rows));
  return table([...columns, ["What that rests on", "text"]], rows);
}

function measured(kpi) {
  const range = interval(kpi);
  const value = element("b", {}, quantity(kpi.value, kpi.unit));
  return range ? element("span", {}, value, element("small", {}, range)) : value;
}

/** What this campaign can't judge, and why. */
export function unjudged(kpis) {
  const rows = kpis
    .filter((kpi) => kpi.status === "not_judged")
    .map((kpi) => [kpi.title, quantity(kpi.value, kpi.unit), target(kpi), kpi.evidence]);
  return [rows.length, table([["Target", "name"], ["Measured", "number"], ["Must be", "number"], ["Why not", "text"]], rows)];
}

export function workers(list) {
  const columns = [
    ["Worker", "name"], ["Health"], ["Participants", "number"], ["Loop lag p99", "number"], ["Pacing p99", "number"],
    ["CPU, of a core", "number"], ["Why", "text"],
  ];
  const rows = list.map((worker) => [
    worker.name,
    worker.trustworthy ? chip("pass", "✓ trusted") : chip("fail", "✗ not trusted"),
    count(worker.participants),
    seconds(worker.loop_lag_p99_seconds),
    seconds(worker.pacing_error_p99_seconds),
    percent(worker.cpu),
    worker.reasons.join("; "),
  ]);
  return table(columns, rows);
}

export function errors(list) {
  const rows = list.map((error) => [error.message, error.phase || UNKNOWN, error.who || UNKNOWN, count(error.count)]);
  return table([["What was said", "name"], ["In"], ["Who"], ["How often", "number"]], rows);
}
