// Figures as people read them. null is "–": it was not measured.

const NONE = "–";

export const milliseconds = (seconds) => (seconds === null ? NONE : `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`);

export const percent = (ratio) => (ratio === null ? NONE : `${(ratio * 100).toFixed(ratio > 0 && ratio < 0.1 ? 2 : 1)} %`);

export function bits(perSecond) {
  if (perSecond === null) return NONE;
  return perSecond >= 1e6 ? `${(perSecond / 1e6).toFixed(2)} Mbit/s` : `${(perSecond / 1e3).toFixed(0)} kbit/s`;
}

export const frames = (perSecond) => (perSecond === null ? NONE : `${perSecond.toFixed(0)} fps`);

export const size = (width, height) => (width && height ? `${width}×${height}` : NONE);

export const freezes = (count, seconds) => (count === null ? NONE : count ? `${count} (${(seconds ?? 0).toFixed(1)} s)` : "0");

export const clock = (date) => date.toLocaleTimeString([], { hour12: false });

export const topology = (name) => ({ p2p: "P2P", sfu: "SFU" })[name] ?? "";
