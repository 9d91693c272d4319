// From two getStats() reports of one path to the figures of a tile. Pure. Names are those of W3C webrtc-stats.

// What came from one participant in between: `tracks` are the ids of its tracks on the path. Seconds, bits/s, ratios; null: unknown.
export function received(before, now, tracks) {
  const streams = now.filter((entry) => entry.type === "inbound-rtp" && tracks.has(entry.trackIdentifier));
  const video = streams.find((entry) => entry.kind === "video");
  const audio = streams.find((entry) => entry.kind === "audio");
  return {
    roundTrip: roundTrip(now),
    jitter: video?.jitter ?? audio?.jitter ?? null,
    audioJitter: audio?.jitter ?? null,
    loss: lost(before, streams),
    bitrate: rate(before, streams, bytesReceived),
    fps: video ? framesPerSecond(before, video, "framesDecoded") : null,
    width: video?.frameWidth ?? null,
    height: video?.frameHeight ?? null,
    freezes: video?.freezeCount ?? null,
    frozen: video?.totalFreezesDuration ?? null,
    packets: sum(streams, (entry) => entry.packetsReceived),
    codec: codec(now, video),
  };
}

// What went out on one path in between; loss and round trip are as the other end tells by RTCP.
export function sent(before, now) {
  const streams = now.filter((entry) => entry.type === "outbound-rtp");
  const video = streams.find((entry) => entry.kind === "video");
  const told = now.filter((entry) => entry.type === "remote-inbound-rtp");
  const trips = told.map((entry) => entry.roundTripTime).filter((value) => value !== undefined);
  const losses = told.map((entry) => entry.fractionLost).filter((value) => value !== undefined);
  return {
    roundTrip: trips.length ? Math.max(...trips) : roundTrip(now),
    jitter: told.find((entry) => entry.kind === "video")?.jitter ?? null,
    loss: losses.length ? Math.max(...losses) : null,
    bitrate: rate(before, streams, bytesSent),
    fps: video ? framesPerSecond(before, video, "framesEncoded") : null,
    width: video?.frameWidth ?? null,
    height: video?.frameHeight ?? null,
    codec: codec(now, video),
    limited: video?.qualityLimitationReason ?? null,
  };
}

// The pair in use: candidate types of both ends ("host/prflx"), null before there is one.
export function pair(now) {
  const selected = selectedPair(now);
  if (!selected) return null;
  const type = (id) => now.find((entry) => entry.id === id)?.candidateType ?? "?";
  return `${type(selected.localCandidateId)}/${type(selected.remoteCandidateId)}`;
}

const bytesReceived = (entry) => entry.bytesReceived + (entry.headerBytesReceived ?? 0);
const bytesSent = (entry) => entry.bytesSent + (entry.headerBytesSent ?? 0);
const sum = (entries, value) => entries.reduce((total, entry) => total + (value(entry) ?? 0), 0);
const earlier = (before, entry) => before.find((one) => one.id === entry.id && one.ssrc === entry.ssrc);

// Firefox has no transport entries; its pair in use is `selected`.
function selectedPair(now) {
  const transport = now.find((entry) => entry.type === "transport" && entry.selectedCandidatePairId);
  return now.find((entry) =>
    entry.type === "candidate-pair" && (transport ? entry.id === transport.selectedCandidatePairId : entry.selected),
  );
}

function roundTrip(now) {
  return selectedPair(now)?.currentRoundTripTime ?? null;
}

function rate(before, streams, bytes) {
  let total = null;
  for (const entry of streams) {
    const old = earlier(before, entry);
    const elapsed = old ? (entry.timestamp - old.timestamp) / 1000 : 0;
    if (elapsed > 0) total = (total ?? 0) + (Math.max(0, bytes(entry) - bytes(old)) * 8) / elapsed;
  }
  return total;
}

function lost(before, streams) {
  let missing = 0;
  let expected = 0;
  for (const entry of streams) {
    const old = earlier(before, entry);
    if (!old) continue;
    const gone = entry.packetsLost - old.packetsLost;
    missing += gone;
    expected += gone + entry.packetsReceived - old.packetsReceived;
  }
  return expected > 0 ? Math.max(0, missing) / expected : null;
}

function framesPerSecond(before, entry, counter) {
  const old = earlier(before, entry);
  const elapsed = old ? (entry.timestamp - old.timestamp) / 1000 : 0;
  return elapsed > 0 ? Math.max(0, (entry[counter] ?? 0) - (old[counter] ?? 0)) / elapsed : null;
}

function codec(now, entry) {
  const mime = entry && now.find((one) => one.id === entry.codecId)?.mimeType;
  return mime ? mime.split("/")[1] : null;
}
