// One participant of a room, by the shim's signalling protocol (docs/signalling.md, version 1). Knows nothing of the page.
//
// Events (`detail`): "members", "topology", "path" (a path came, went or changed), "track" {path, participant, track},
// "migration" (one of `moves`, null for one that a newcomer was not told to follow), "note" {level, text}, "over" {reason, clean}.

const CLOSED = {
  1000: "left",
  1001: "the server shuts down",
  1013: "the server gave up: its messages were not read",
  4400: "the server did not understand this page",
  4401: "the server refused the token",
  4403: "the room or the server is full",
  4408: "the server waited too long for the join",
};
const JOIN_SECONDS = 10;
const LEAVE_SECONDS = 2;
const LOOK_MILLISECONDS = 100;
const MOST_MOVES = 50;
const MDNS = /\bcandidate:[^\r\n]*\.local /;

const seconds = () => performance.now() / 1000;

export class Room extends EventTarget {
  // `stream`: what we send, one video and one audio track.
  constructor({ url, room, name, token, stream }) {
    super();
    Object.assign(this, { url, room, name, token, stream });
    this.me = "";
    this.topology = null;
    this.members = new Set();
    this.paths = new Map(); // id -> {id, kind, peer, migration, pc, owners: track id -> participant, early, up}
    this.moves = []; // {id, source, target, members, begun, readyAt, endedAt, outcome, reason}
    this.marks = { begun: seconds() }; // of the join, monotonic seconds
    this.over = false;
    this._queue = Promise.resolve();
    this._reason = "";
  }

  // Enter. Resolves when we are in; rejects with an Error in words.
  async join() {
    const socket = (this.socket = new WebSocket(this.url, "meetprobe-shim.v1"));
    await new Promise((resolve, reject) => {
      this._entered = { resolve, reject };
      this._deadline = setTimeout(() => this._refuse(`no answer within ${JOIN_SECONDS} s`), JOIN_SECONDS * 1000);
      socket.onopen = () => {
        this.marks.signalling = seconds();
        this._say({ type: "join", room: this.room, token: this.token, name: this.name, v: 1 });
      };
      // One message after the other: an answer must not overtake the offer before it.
      socket.onmessage = ({ data }) => {
        this._queue = this._queue.then(() => this._receive(JSON.parse(data)));
      };
      socket.onclose = ({ code }) => this._closed(code);
    });
  }

  // Leave and close everything; ends within two seconds. Idempotent.
  async leave() {
    if (this.over) return;
    this._leaving = true;
    this._say({ type: "leave" });
    await new Promise((resolve) => {
      this.addEventListener("over", resolve, { once: true });
      setTimeout(resolve, LEAVE_SECONDS * 1000);
    });
    this._end("left", true);
  }

  // Pin the room to "p2p" or "sfu"; null gives it back to the server's policy.
  pin(topology) {
    this._say({ type: "force_topology", topology });
  }

  // The migration under way that we have to follow, or undefined.
  get move() {
    return this.moves.find((move) => !move.outcome);
  }

  _say(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  _tell(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  _note(level, text) {
    this._tell("note", { level, text });
  }

  _refuse(reason) {
    this._entered.reject(new Error(reason));
    this._end(reason, false);
  }

  _closed(code) {
    const reason = this._reason || CLOSED[code] || `the connection to the server broke (${code})`;
    if (!this.me) this._entered.reject(new Error(reason));
    this._end(reason, Boolean(this._leaving));
  }

  _end(reason, clean) {
    if (this.over) return;
    this.over = true;
    clearTimeout(this._deadline);
    clearInterval(this._watch);
    for (const path of this.paths.values()) path.pc.close();
    this.paths.clear();
    this.socket.close();
    this._tell("over", { reason, clean });
  }

  async _receive(message) {
    if (this.over) return;
    try {
      await this[`_on_${message.type}`]?.(message);
    } catch (error) {
      this._note("bad", `${message.type}: ${error.message}`);
      const path = this.paths.get(message.path);
      if (path) this._failed(path, error.message);
    }
  }

  // who is there

  _on_welcome({ participant, topology, members, ice_servers, p2p_limit }) {
    clearTimeout(this._deadline);
    this.marks.welcome = seconds();
    Object.assign(this, { me: participant, topology, members: new Set(members), limit: p2p_limit });
    // RTCIceServer: null is no string to a browser.
    this.servers = ice_servers.map(({ urls, username, credential }) => ({
      urls,
      ...(username === null ? {} : { username, credential }),
    }));
    this._watch = setInterval(() => this._look(), LOOK_MILLISECONDS);
    this._entered.resolve();
    this._tell("topology");
    this._tell("members");
  }

  _on_member_joined({ participant }) {
    this.members.add(participant);
    this._tell("members", { came: participant });
  }

  _on_member_left({ participant, reason }) {
    this.members.delete(participant);
    this._tell("members", { went: participant, reason });
  }

  _on_error({ code, message }) {
    this._reason = this._reason || message || code;
    this._note("bad", `the server says ${code}: ${message}`);
  }

  _on_left() {
    this._end("left", true);
  }

  // paths

  async _on_open({ path: id, kind, peer, role, migration = null }) {
    const pc = new RTCPeerConnection({ iceServers: this.servers });
    const path = { id, kind, peer, migration, pc, owners: new Map(), early: [], up: false, hidden: false };
    this.paths.set(id, path);
    pc.onicecandidate = ({ candidate }) => this._gathered(path, candidate);
    pc.onconnectionstatechange = () => this._changed(path);
    pc.ontrack = ({ track, streams }) => {
      const participant = peer ?? streams[0]?.id;
      if (!participant) return;
      path.owners.set(track.id, participant);
      this._tell("track", { path, participant, track });
    };
    if (role === "offer") {
      const direction = kind === "sfu" ? "sendonly" : "sendrecv";
      for (const track of this.stream.getTracks()) pc.addTransceiver(track, { direction, streams: [this.stream] });
      await this._describe(path, "offer");
    } else {
      for (const track of this.stream.getTracks()) pc.addTrack(track, this.stream);
    }
    this._tell("path", path);
  }

  // Addresses behind mDNS names may be beyond the other side: then our checks have to find the way. Until they have come, the
  // other side must not take the list of candidates for complete and give up (RFC 8863), so it is not told of the end.
  async _describe(path, type) {
    await path.pc.setLocalDescription();
    const { sdp } = path.pc.localDescription;
    path.hidden ||= MDNS.test(sdp);
    this._say({ type, path: path.id, sdp: path.hidden ? sdp.replaceAll("a=end-of-candidates\r\n", "") : sdp });
  }

  _gathered(path, candidate) {
    if (candidate?.candidate) {
      path.hidden ||= MDNS.test(candidate.candidate);
      this._say({ type: "candidate", path: path.id, candidate: candidate.candidate, mid: candidate.sdpMid });
    } else if (candidate === null && !path.hidden) this._say({ type: "candidate", path: path.id, candidate: null });
  }

  async _on_offer({ path: id, sdp }) {
    const path = this.paths.get(id);
    if (!path) return;
    await path.pc.setRemoteDescription({ type: "offer", sdp });
    await this._take_early(path);
    await this._describe(path, "answer");
  }

  async _on_answer({ path: id, sdp }) {
    const path = this.paths.get(id);
    if (!path) return;
    await path.pc.setRemoteDescription({ type: "answer", sdp });
    await this._take_early(path);
  }

  async _on_candidate({ path: id, candidate, mid }) {
    const path = this.paths.get(id);
    if (!path) return;
    const found = candidate === null ? { candidate: "", sdpMLineIndex: 0 } : { candidate, sdpMid: mid ?? null, sdpMLineIndex: 0 };
    if (path.pc.remoteDescription) await path.pc.addIceCandidate(found);
    else path.early.push(found);
  }

  async _take_early(path) {
    for (const candidate of path.early.splice(0)) await path.pc.addIceCandidate(candidate);
  }

  _on_close({ path: id }) {
    const path = this.paths.get(id);
    if (!path) return;
    this.paths.delete(id);
    path.pc.close();
    this._tell("path", path);
  }

  _changed(path) {
    if (!this.paths.has(path.id)) return;
    if (path.pc.connectionState === "connected" && !path.up) {
      path.up = true;
      this.marks.connected ??= seconds();
      this._say({ type: "connected", path: path.id });
    }
    if (path.pc.connectionState === "failed") this._failed(path, path.up ? "it broke" : `ICE or DTLS did not come up${hint()}`);
    this._tell("path", path);
  }

  _failed(path, reason) {
    this._note("bad", `the ${path.kind === "sfu" ? "path to the SFU" : "direct path"} failed: ${reason}`);
    if (path.migration !== null && path.migration === this.move?.id)
      this._say({ type: "failed", migration: path.migration, reason: reason.slice(0, 1000) });
  }

  // migrations: the old paths go on until the server closes them

  _on_migration({ migration, source, target, members, deadline_seconds }) {
    const move = { id: migration, source, target, members, deadline: deadline_seconds, begun: seconds(), outcome: "" };
    this.moves.push(move);
    this.moves.splice(0, this.moves.length - MOST_MOVES);
    this._tell("migration", move);
  }

  _on_committed({ migration, topology }) {
    this._moved(migration, "committed", "", topology);
  }

  _on_rolled_back({ migration, topology, reason }) {
    this._moved(migration, "rolled back", reason, topology);
  }

  _moved(id, outcome, reason, topology) {
    this.topology = topology;
    const move = this.moves.find((one) => one.id === id);
    if (move) Object.assign(move, { outcome, reason, endedAt: seconds() });
    this._tell("topology");
    this._tell("migration", move ?? null);
  }

  // Media of all members of the migration arrives on its paths: say so, once.
  async _look() {
    const move = this.move;
    if (!move || move.readyAt || this._looking) return;
    this._looking = true;
    try {
      const { before, after } = await this._flowing(move.id);
      const awaited = move.members.filter((member) => member !== this.me && this.members.has(member));
      if (this.move !== move || !awaited.length || !awaited.every((member) => carried(before.get(member), after.get(member)))) return;
      move.readyAt = seconds();
      this._say({ type: "ready", migration: move.id });
      this._tell("migration", move);
    } finally {
      this._looking = false;
    }
  }

  // Kinds of media that have come from each participant, on paths outside the migration (`before`) and of it (`after`).
  async _flowing(migration) {
    const before = new Map();
    const after = new Map();
    for (const path of [...this.paths.values()])
      for (const entry of (await path.pc.getStats()).values()) {
        if (entry.type !== "inbound-rtp") continue;
        if (!(entry.kind === "video" ? entry.framesDecoded : entry.packetsReceived)) continue;
        const side = path.migration === migration ? after : before;
        const member = path.owners.get(entry.trackIdentifier);
        side.set(member, (side.get(member) ?? new Set()).add(entry.kind));
      }
    return { before, after };
  }
}

// Firefox pairs no loopback addresses, unless told to.
function hint() {
  const here = ["127.0.0.1", "localhost", "[::1]"].includes(location.hostname);
  return here && navigator.userAgent.includes("Firefox")
    ? ". Firefox takes no way to 127.0.0.1: start the server with --media-address and this machine's own address, or use Chrome"
    : "";
}

// What came before comes now. From whom nothing came yet, anything will do.
function carried(before = new Set(), after = new Set()) {
  return after.size > 0 && [...before].every((kind) => after.has(kind));
}
