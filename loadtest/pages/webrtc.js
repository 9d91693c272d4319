// The live page: asks for the campaign every two seconds and shows it. Only this file knows the page's elements.

import { Chart, element } from "./chart.js";
import { bitrate, clock, count, percent, plural, quantity, score, seconds, target } from "./format.js";
import * as tables from "./tables.js";

const EVERY = 2000;
const PATIENCE = 10000;
const find = (id) => document.getElementById(id);
const embedded = new URLSearchParams(location.search).has("embed");

const TILES = [
  ["Participants", "concurrent_participants_peak", (live) => [count(live.participants), `peak ${count(live.participants_peak)}, ${plural(live.meetings, "meeting")}`]],
  ["Joins", "join_success_ratio", (live) => [count(live.joins), `${count(live.joins_failed)} failed, ${count(live.join_retries)} tried again`, live.joins_failed]],
  ["Time to join, p95", "join_duration_seconds", (live) => [seconds(live.join_p95_seconds), `half within ${seconds(live.join_p50_seconds)}`]],
  ["Round trip", "round_trip_time_seconds", (live) => [seconds(live.round_trip_time_seconds), "mean, media"]],
  ["Packet loss", "packet_loss_ratio", (live) => [percent(live.packet_loss_ratio), "mean, before repair"]],
  ["Audio score", "audio_quality_score", (live) => [score(live.audio_quality_score), "mean, of 5"]],
  ["Video score", "video_quality_score", (live) => [score(live.video_quality_score), "mean, of 5, where rated"]],
  ["Migrations", "migration_success_ratio", (live) => [count(live.migrations), `${count(live.migrations_failed)} failed`, live.migrations_failed]],
  ["Dropped", "connection_stability_ratio", (live) => [count(live.drops), "participants who lost a meeting", live.drops]],
  ["Each receives", null, (live) => [bitrate(live.receive_bitrate_bps), `and sends ${bitrate(live.send_bitrate_bps)}, mean`]],
];

const CHARTS = [
  { title: "Participants", lines: [{ key: "participants", label: "in meetings" }], show: count, whole: true, smallest: 4 },
  { title: "Time to join", lines: [{ key: "join_p95_seconds", label: "p95" }, { key: "join_p50_seconds", label: "p50" }], show: seconds, marks: ["join_duration_seconds"] },
  { title: "Round trip", lines: [{ key: "round_trip_time_seconds", label: "mean" }], show: seconds, smallest: 0.001, marks: ["round_trip_time_seconds"] },
  { title: "Packet loss", lines: [{ key: "packet_loss_ratio", label: "mean" }], show: percent, smallest: 0.001, marks: ["packet_loss_ratio"] },
  { title: "Audio score, of 5", lines: [{ key: "audio_quality_score", label: "mean" }], show: score, best: 5, marks: ["audio_quality_score"] },
  { title: "Video score, of 5", lines: [{ key: "video_quality_score", label: "mean, where rated" }], show: score, best: 5, marks: ["video_quality_score"] },
  { title: "Bitrate of a participant", lines: [{ key: "send_bitrate_bps", label: "sends" }, { key: "receive_bitrate_bps", label: "receives" }], show: bitrate },
  { title: "Migrations and failures", lines: [{ key: "migrations", label: "migrations" }, { key: "failures", label: "failed joins and migrations" }], show: count, whole: true, bars: true, smallest: 1 },
  { title: "Generator: loop lag p99", lines: [{ key: "loop_lag_p99_seconds", label: "worst worker so far" }], show: seconds, smallest: 0.05, limit: "loop_lag_p99_seconds" },
];
let charts = null;

const judged = (kpis, metric) =>
  kpis.find((kpi) => kpi.status !== "not_judged" && kpi.metric?.split("{")[0] === metric) ?? null;

/** " (p2p)" where a target is about one topology only. */
function only(kpi) {
  const tag = kpi.metric.match(/\{\w+=(.+)\}/)?.[1];
  return tag ? ` (${tag})` : "";
}

function tile(live, [title, metric, read]) {
  const [value, beside, bad] = read(live);
  const kpi = metric && judged(live.kpis, metric);
  const parts = [element("h3", {}, title), element("p", { class: "figure" }, value), element("p", { class: bad ? "beside bad" : "beside" }, beside)];
  if (kpi) parts.push(element("p", { class: "goal" }, tables.chip(kpi.status), ` ${target(kpi)}${only(kpi)}`));
  return element("div", { class: "tile" }, ...parts);
}

function marksOf(live, { marks = [], limit }) {
  const found = marks
    .map((metric) => judged(live.kpis, metric))
    .filter((kpi) => kpi !== null && kpi.target !== null)
    .map((kpi) => ({ value: kpi.target, label: `${kpi.aggregate}${only(kpi)} must be ${target(kpi)}` }));
  if (limit) found.push({ value: live.limits[limit], label: `limit ${quantity(live.limits[limit], "seconds")}` });
  return found;
}

function showVerdict(live) {
  const { status, sentence } = live.headline;
  const distrusted = live.workers.filter((worker) => !worker.trustworthy);
  const why = distrusted.map((worker) => `${worker.name}: ${worker.reasons.join("; ")}`).join(". ");
  find("verdict").className = `banner ${status}`;
  const so = live.state === "finished" ? "" : " (so far)";
  find("verdict").textContent = `${sentence}${so}${why ? `. ${why}` : ""}`;
  find("limit").hidden = !live.limit;
  find("limit").textContent = live.limit ? `Limit: ${live.limit.sentence}` : "";
}

function showContext(live) {
  find("state").textContent = live.state;
  find("state").dataset.state = live.state;
  find("context").textContent = `${clock(live.elapsed_seconds)} · ${live.target} · ${live.campaign}`;
  document.title = `WebRTC campaign, ${live.state}`;
}

function showTables(live) {
  find("scorecard").replaceChildren(tables.scorecard(live.kpis));
  const [left, table] = tables.unjudged(live.kpis);
  find("unjudged").hidden = !left;
  find("unjudged").querySelector("summary").textContent = `${plural(left, "target")} that this campaign does not judge`;
  find("unjudged").querySelector("div").replaceChildren(table);
  find("workers").replaceChildren(tables.workers(live.workers));
  find("notes-section").hidden = !live.notes.length;
  find("notes").replaceChildren(...live.notes.map((note) => element("li", {}, note)));
  find("errors-section").hidden = !live.errors.length;
  find("errors").replaceChildren(tables.errors(live.errors));
}

function show(live) {
  const none = live.campaign === null;
  find("empty").hidden = !none;
  for (const id of ["campaign", "downloads"]) find(id).hidden = none;
  if (none) return;
  showContext(live);
  showVerdict(live);
  find("tiles").replaceChildren(...TILES.map((entry) => tile(live, entry)));
  charts ??= CHARTS.map((entry) => new Chart(find("charts"), entry));
  charts.forEach((chart, index) => chart.update(live.series, marksOf(live, CHARTS[index])));
  showTables(live);
}

let latest = null;

async function ask() {
  const response = await fetch("webrtc/live", { signal: AbortSignal.timeout(PATIENCE), headers: { Accept: "application/json" } });
  if (response.redirected) throw new Error("you are signed out: reload this page");
  if (!response.ok) throw new Error(`Locust answered ${response.status}`);
  return response.json();
}

async function round() {
  try {
    show(await ask());
    latest = new Date();
    find("lost").hidden = true;
  } catch (error) {
    const since = latest ? `These figures are from ${latest.toLocaleTimeString()}.` : "";
    find("lost").textContent = `No answer from Locust (${error.message}). ${since} Asking again every two seconds.`;
    find("lost").hidden = false;
  }
  setTimeout(round, EVERY);
}

document.documentElement.classList.toggle("embedded", embedded);
find("alone").hidden = !embedded;
round();
