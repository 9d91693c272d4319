// The page: the door, the meeting, once a second the figures. `?name=…&auto=1` joins at once, `camera=1` with the camera;
// the room stands in the path (/meet/ROOM) or in `room=…`, a token in the fragment (#token=…), which no server log sees.

import { ours, rows, theirs } from "./figures.js";
import * as format from "./format.js";
import { mayBegin, openMedia } from "./media.js";
import { Room } from "./room.js";
import { Tiles } from "./tiles.js";

const LOOK_MILLISECONDS = 1000;
const TAIL_SECONDS = 1; // after a migration that still belong to it
const MOST_LINES = 200;

const $ = (id) => document.getElementById(id);
const seconds = () => performance.now() / 1000;
const query = new URLSearchParams(location.search);

let room = null;
let media = null;
let timer = null;
let phase = "door"; // door, joining, meeting
let names = {};
let before = new Map(); // path id -> its last report
let latest = {}; // participant -> its figures
const notes = []; // {time, level, text}

const tiles = new Tiles($("tiles"), { onGap: pictureCame, onSilenced: () => ($("hear").hidden = false) });

// the door

function atTheDoor() {
  const [, folder, name] = location.pathname.split("/");
  $("room").value = query.get("room") ?? (folder === "meet" ? decodeURIComponent(name) : "");
  $("name").value = query.get("name") ?? "";
  $("own").checked = query.get("camera") === "1";
  $("token").value = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
  if (location.hash) history.replaceState(null, "", location.pathname + location.search); // not for the next one to read
  $("door").addEventListener("submit", (event) => {
    event.preventDefault();
    join();
  });
  $("token").addEventListener("change", listRooms);
  listRooms();
  setInterval(listRooms, 3000);
  if (query.get("auto") === "1" && $("room").value) begin();
}

async function begin() {
  if (await mayBegin()) join();
  else notice("open", "This browser wants a click before a page may begin: press Join.");
}

async function ask(path) {
  const token = $("token").value;
  const answer = await fetch(path, { headers: token ? { Authorization: `Bearer ${token}` } : {} });
  return answer.ok ? answer.json() : null;
}

async function listRooms() {
  if (phase !== "door" || document.hidden) return;
  const found = await ask("/rooms").catch(() => null);
  const rooms = found?.rooms ?? [];
  $("rooms").hidden = !rooms.length;
  $("list").replaceChildren(
    ...rooms.map((one) => {
      const count = Object.keys(one.members).length;
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: one.room });
      button.addEventListener("click", () => {
        $("room").value = one.room;
        join();
      });
      const item = document.createElement("li");
      item.append(button, ` ${format.topology(one.topology)}, ${count} there`);
      return item;
    }),
  );
}

function notice(level, text) {
  $("notice").className = `banner ${level}`;
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

// in and out

async function join() {
  if (phase !== "door") return;
  phase = "joining";
  notice("", "");
  $("join").disabled = true;
  const name = $("name").value || "visitor";
  try {
    media = await openMedia($("own").checked, name);
    room = new Room({
      url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`,
      room: $("room").value,
      name,
      token: $("token").value,
      stream: media.stream,
    });
    listen(room);
    await room.join();
  } catch (error) {
    leftMeeting(`Could not join: ${error.message}`);
    return;
  }
  if (phase === "joining") entered(name);
}

function entered(name) {
  phase = "meeting";
  $("door").hidden = true;
  $("meeting").hidden = $("controls").hidden = false;
  $("title").textContent = document.title = room.room;
  const own = tiles.get(room.me);
  own.name(`${name} (you)`);
  own.own(media.stream);
  names[room.me] = name;
  note("good", `You are in, with ${media.source === "camera" ? "camera and microphone" : "a drawn picture and silence"}.`);
  if (media.why) note("bad", `No camera: ${media.why}.`);
  turn($("camera"), "video", true);
  turn($("microphone"), "audio", true);
  $("pin").value = "";
  timer = setInterval(look, LOOK_MILLISECONDS);
  showWhere();
  learnNames();
}

function leftMeeting(reason, level = "bad") {
  phase = "door";
  clearInterval(timer);
  media?.stop();
  media = null;
  tiles.clear();
  before.clear();
  latest = {};
  names = {};
  $("join").disabled = false;
  $("door").hidden = false;
  $("meeting").hidden = $("controls").hidden = $("topology").hidden = $("hear").hidden = true;
  $("people").textContent = "";
  $("title").textContent = "Meeting";
  notice(level, reason);
  listRooms();
}

function listen(room) {
  const on = (type, listener) => room.addEventListener(type, ({ detail }) => listener(detail));
  on("members", membersChanged);
  on("topology", showWhere);
  on("path", (path) => {
    if (!room.paths.has(path.id)) tiles.pathGone(path.id);
    showWhere();
  });
  on("track", ({ path, participant, track }) => tiles.get(participant).track(path, track));
  on("migration", moved);
  on("note", ({ level, text }) => note(level, text));
  on("over", ({ reason, clean }) => leftMeeting(clean ? "You left." : `The meeting is over for you: ${reason}.`, clean ? "open" : "bad"));
}

// who is there, and how

async function membersChanged(change) {
  if (change?.went !== undefined) {
    note("", `${called(change.went)} ${change.reason}.`);
    tiles.remove(change.went);
  }
  for (const member of room.members) tiles.get(member);
  showWhere();
  await learnNames();
  if (change?.came !== undefined) note("", `${called(change.came)} joined.`);
}

async function learnNames() {
  const found = await ask(`/rooms/${encodeURIComponent(room.room)}`).catch(() => null);
  for (const [participant, name] of Object.entries(found?.members ?? {})) {
    names[participant] = name;
    if (participant !== room.me && room.members.has(participant)) tiles.get(participant).name(called(participant));
  }
}

const called = (participant) => names[participant] || participant;

function showWhere() {
  if (phase !== "meeting") return;
  const { move } = room;
  $("topology").hidden = false;
  $("topology").dataset.kind = move ? "moving" : room.topology;
  $("topology").textContent = move
    ? `${format.topology(move.source)} → ${format.topology(move.target)}`
    : format.topology(room.topology);
  const count = room.members.size + 1;
  $("people").textContent = `${count} ${count === 1 ? "participant" : "participants"}, ${room.paths.size} ${room.paths.size === 1 ? "path" : "paths"}`;
  tiles.arrange(room.topology);
}

function moved(move) {
  showWhere();
  if (!move) {
    note("", `The others moved; the meeting is on ${format.topology(room.topology)}.`);
    return;
  }
  const way = `${format.topology(move.source)} → ${format.topology(move.target)}`;
  const since = (time) => format.milliseconds(time - move.begun);
  if (move.outcome === "committed") {
    note("good", `Moved ${way} in ${since(move.endedAt)}.`);
    setTimeout(() => tellGap(move), TAIL_SECONDS * 1000 + 200);
  } else if (move.outcome) note("bad", `${way} was rolled back: ${move.reason}.`);
  else if (move.readyAt) note("", `${way}: everybody arrives on the new path after ${since(move.readyAt)}.`);
  else note("open", `The meeting moves: ${way}.`);
}

function tellGap(move) {
  if (phase === "meeting" && move.gap !== undefined)
    note("", `Longest time without a new picture across it: ${format.milliseconds(move.gap)}.`);
}

// `gap`: seconds since the picture before, null for a first one.
function pictureCame(participant, gap) {
  if (!room || room.over) return;
  if (gap === null) {
    room.marks.picture ??= seconds();
    tiles.arrange(room.topology);
    return;
  }
  const now = seconds();
  for (const move of room.moves)
    if (!move.endedAt || now < move.endedAt + TAIL_SECONDS) move.gap = Math.max(move.gap ?? 0, gap);
}

function note(level, text) {
  const time = new Date();
  notes.push({ time: seconds(), level, text });
  notes.splice(0, notes.length - MOST_LINES);
  const line = Object.assign(document.createElement("li"), { className: level });
  const stamp = Object.assign(document.createElement("time"), { textContent: format.clock(time), dateTime: time.toISOString() });
  line.append(stamp, ` ${text}`);
  $("log").prepend(line);
  while ($("log").children.length > MOST_LINES) $("log").lastChild.remove();
}

// once a second

async function reports() {
  if (!room) return [];
  return Promise.all(
    [...room.paths.values()].map(async (path) => ({
      path: path.id,
      kind: path.kind,
      peer: path.peer,
      migration: path.migration,
      owners: Object.fromEntries(path.owners),
      stats: [...(await path.pc.getStats()).values()],
    })),
  );
}

async function look() {
  const found = await reports();
  if (phase !== "meeting") return;
  for (const [participant, tile] of tiles.tiles) {
    const figures = participant === room.me ? ours(found, before) : theirs(found, before, participant, tile.shown);
    latest[participant] = figures;
    tile.figures(figures ? rows(figures, participant === room.me) : []);
  }
  before = new Map(found.map((report) => [report.path, report.stats]));
}

// the controls

function turn(button, kind, on) {
  button.setAttribute("aria-pressed", String(on));
  button.textContent = `${kind === "video" ? "Picture" : "Sound"} ${on ? "on" : "off"}`;
  for (const track of media?.stream.getTracks() ?? []) if (track.kind === kind) track.enabled = on;
}

for (const [id, kind] of [["camera", "video"], ["microphone", "audio"]])
  $(id).addEventListener("click", ({ target }) => turn(target, kind, target.getAttribute("aria-pressed") !== "true"));
$("leave").addEventListener("click", () => room.leave());
$("pin").addEventListener("change", () => room.pin($("pin").value || null));
$("hear").addEventListener("click", () => {
  $("hear").hidden = true;
  tiles.hear();
});
addEventListener("pagehide", () => room?.leave());

// For whoever drives the page: nothing here that a person could not see or do.
globalThis.meetprobe = {
  state: () => ({
    phase,
    time: seconds(),
    notice: $("notice").hidden ? "" : $("notice").textContent,
    me: room?.me ?? "",
    room: room?.room ?? "",
    topology: room?.topology ?? null,
    members: [...(room?.members ?? [])],
    names,
    source: media?.source ?? null,
    paths: [...(room?.paths.values() ?? [])].map(({ id, kind, peer, migration, up }) => ({ id, kind, peer, migration, up })),
    moves: room?.moves ?? [],
    marks: room?.marks ?? {},
    figures: latest,
    notes,
  }),
  reports: async () => ({ time: seconds(), reports: await reports() }),
  leave: () => room?.leave(),
  pin: (topology) => room?.pin(topology),
};

atTheDoor();
