// The figures of a tile: of one participant on the path that is shown, of us on all paths, and as rows for people.

import * as format from "./format.js";
import { pair, received, sent } from "./stats.js";

// Of `participant`, on the path that its tile shows. `found` are reports as `reports()` gives them, `before` the last ones by path.
export function theirs(found, before, participant, shown) {
  const report = found.find((one) => one.path === shown);
  if (!report) return null;
  const tracks = new Set(Object.keys(report.owners).filter((track) => report.owners[track] === participant));
  return { ...received(before.get(shown) ?? [], report.stats, tracks), topology: report.kind, pair: pair(report.stats) };
}

// All that we send: bitrates add up, of the rest the worst counts.
export function ours(found, before) {
  const each = found.map((report) => sent(before.get(report.path) ?? [], report.stats));
  const worst = (name) => each.reduce((most, one) => (one[name] === null ? most : Math.max(most ?? 0, one[name])), null);
  const rates = each.map((one) => one.bitrate).filter((value) => value !== null);
  const picture = each.find((one) => one.width) ?? {};
  return {
    roundTrip: worst("roundTrip"),
    jitter: worst("jitter"),
    loss: worst("loss"),
    bitrate: rates.length ? rates.reduce((total, value) => total + value, 0) : null,
    fps: picture.fps ?? null,
    width: picture.width ?? null,
    height: picture.height ?? null,
    codec: picture.codec ?? null,
  };
}

// [label, value, title] for a tile.
export function rows(figures, own) {
  const told = own ? "as the others tell by RTCP" : "as received here";
  const all = [
    ["RTT", format.milliseconds(figures.roundTrip), own ? "round trip of the media, by RTCP" : "round trip of the path, by STUN"],
    ["Jitter", format.milliseconds(figures.jitter), `of the video, ${told}`],
    ["Loss", format.percent(figures.loss), `of the packets, ${told}`],
    ["Bitrate", format.bits(figures.bitrate), own ? "sent on all paths, RTP headers included" : "received, RTP headers included"],
    ["Frames", format.frames(figures.fps), own ? "encoded per second" : "decoded per second"],
    ["Picture", `${format.size(figures.width, figures.height)}${figures.codec ? ` ${figures.codec}` : ""}`, "size and codec"],
  ];
  if (!own) all.push(["Freezes", format.freezes(figures.freezes, figures.frozen), "how often, and how long in all"]);
  return all;
}
