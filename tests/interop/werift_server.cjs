"use strict";
// A small WHIP and WHEP server on werift's peer connections, which share no code with ours. By paths:
//   POST /whip         takes a publisher's offer              POST /whep          answers a viewer's offer
//   POST /counter      refuses it by 406 with its own offer   POST /offers        makes the offer, 201 to an empty body
//   POST /moved        leads to /whip by 307                  GET  /stats         what was counted
// Says "listening PORT" once it does. The token is the first argument.
const http = require("node:http");
const { RTCPeerConnection, useOPUS, useVP8, useH264, MediaStreamTrack } = require("werift");

const TOKEN = process.argv[2];
const SDP = "application/sdp", FRAGMENT = "application/trickle-ice-sdpfrag";
const CORS = {  // pages of any origin may publish
  "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Location, ETag, Link",
  "Access-Control-Allow-Methods": "OPTIONS, POST, PATCH, DELETE", "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
};
const sessions = new Map();
const counted = { audio: 0, video: 0, keyframes_wanted: 0, trickled: 0, deleted: 0, refused: 0, waited: 0 };
let live = null; // the publisher: {tracks: {kind: {track, receiver}}}
let number = 0;

const connection = () => new RTCPeerConnection({
  iceServers: [], iceAdditionalHostAddresses: ["127.0.0.1"], iceUseIpv6: false,
  codecs: { audio: [useOPUS()], video: [useVP8(), useH264()] },
});

function opened(pc, kind) {
  const id = `s${++number}`;
  sessions.set(id, { pc, kind, etag: `"ice-${id}"` });
  return id;
}

function send(response, status, body, headers = {}) {
  response.writeHead(status, { ...CORS, ...headers });
  response.end(body);
}

const created = (response, id, status = 201) => send(response, status, sessions.get(id).pc.localDescription.sdp, {
  "Content-Type": SDP, "Location": `sessions/${id}`, "ETag": sessions.get(id).etag,
  // A viewer that waits for an offer gathers after this: it would ask the server that does not answer, for five seconds.
  ...(sessions.get(id).pc.localDescription.type === "answer" && { "Link": '<stun:127.0.0.1:9>; rel="ice-server"' }),
});

async function publish(offer, response) {
  const pc = connection();
  const tracks = {};
  pc.onTrack.subscribe((track) => {
    const receiver = pc.getTransceivers().find((one) => one.receiver.tracks.includes(track)).receiver;
    const entry = tracks[track.kind] = { track, receiver };
    track.onReceiveRtp.subscribe((packet) => { counted[track.kind]++; entry.ssrc = packet.header.ssrc; });
  });
  await pc.setRemoteDescription({ type: "offer", sdp: offer });
  await pc.setLocalDescription(await pc.createAnswer());
  live = { tracks };
  created(response, opened(pc, "publisher"));
}

// What is published goes out on a connection; keyframes that are wanted there are asked for at the source.
function forward(pc) {
  for (const [kind, { track, receiver }] of Object.entries(live.tracks)) {
    const out = new MediaStreamTrack({ kind });
    const transceiver = pc.addTransceiver(out, { direction: "sendonly" });
    transceiver.sender.onPictureLossIndication.subscribe(() => {
      counted.keyframes_wanted++;
      receiver.sendRtcpPLI(live.tracks[kind].ssrc);
    });
    track.onReceiveRtp.subscribe((packet) => out.writeRtp(packet.clone()));
  }
}

const nobody = (response) => {
  counted.waited++;
  send(response, 409, JSON.stringify({ title: "Conflict", detail: "nobody publishes" }),
    { "Content-Type": "application/problem+json", "Retry-After": "1" });
};

async function watch(offer, response) {
  const pc = connection();
  forward(pc);
  await pc.setRemoteDescription({ type: "offer", sdp: offer });
  await pc.setLocalDescription(await pc.createAnswer());
  created(response, opened(pc, "viewer"));
}

async function counter(response, status) {
  const pc = connection();
  forward(pc);
  await pc.setLocalDescription(await pc.createOffer());
  created(response, opened(pc, "viewer"), status);
}

async function patch(session, request, body, response) {
  if (request.headers["content-type"] === SDP) {
    await session.pc.setRemoteDescription({ type: "answer", sdp: body });
    return send(response, 204);
  }
  if (request.headers["content-type"] !== FRAGMENT) return send(response, 415);
  if (!request.headers["if-match"]) return send(response, 428);
  if (request.headers["if-match"] !== session.etag) return send(response, 412);
  counted.trickled += body.split("a=candidate:").length - 1;
  send(response, 204);
}

async function answer(request, body, response) {
  const path = request.url.split("?")[0];
  if (path === "/stats") return send(response, 200, JSON.stringify({ ...counted, sessions: sessions.size }));
  if (request.headers["access-control-request-method"]) return send(response, 204); // a page's, which carries no token
  if (request.headers.authorization !== `Bearer ${TOKEN}`) {
    counted.refused++;
    return send(response, 401);
  }
  if (request.method === "OPTIONS") return send(response, 204, "", { "Accept-Post": SDP });
  if (request.method === "POST") {
    if (path === "/moved") return send(response, 307, "", { Location: "whip" });
    if (path === "/whip") return publish(body, response);
    if (!live) return nobody(response);
    if (path === "/whep") return watch(body, response);
    if (path === "/counter") return counter(response, 406);
    if (path === "/offers") return counter(response, body ? 400 : 201);
  }
  const id = path.split("/").pop();
  const session = sessions.get(id);
  if (!session) return send(response, 404);
  if (request.method === "PATCH") return patch(session, request, body, response);
  if (request.method !== "DELETE") return send(response, 405);
  sessions.delete(id);
  counted.deleted++;
  if (session.kind === "publisher") live = null;
  await session.pc.close();
  send(response, 200);
}

const server = http.createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => answer(request, Buffer.concat(parts).toString(), response).catch((error) => {
    console.error(error);
    send(response, 500, String(error), { "Content-Type": "text/plain" });
  }));
});
server.listen(0, "127.0.0.1", () => console.log(`listening ${server.address().port}`));
process.stdin.on("end", () => process.exit(0)).resume(); // who started us is gone
