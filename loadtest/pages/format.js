// Figures as people read them. In: SI units, or null where nothing was measured. Out: text; "–" for null.

export const UNKNOWN = "–";
const SIGNS = { ">=": "≥", "<=": "≤", ">": ">", "<": "<" };

function digits(value, significant) {
  if (value === 0) return "0";
  const beforePoint = Math.floor(Math.log10(Math.abs(value))) + 1;
  const text = value.toFixed(Math.min(Math.max(significant - beforePoint, 0), 12));
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

const known = (show) => (value) => (value === null || value === undefined ? UNKNOWN : show(value));

export const count = known((value) => Math.round(value).toLocaleString("en"));
export const seconds = known((value) =>
  Math.abs(value) < 1 ? `${digits(1000 * value, 3)} ms` : `${digits(value, 3)} s`,
);
export const percent = known((value) => {
  const nearAll = Math.abs(value) > 0.99 && Math.abs(value) < 1; // where 99.9 and 99.95 are different promises
  return `${digits(100 * value, nearAll ? 4 : 3)} %`;
});
export const bitrate = known((value) => {
  if (Math.abs(value) >= 1e6) return `${digits(value / 1e6, 3)} Mbit/s`;
  return Math.abs(value) >= 1e3 ? `${digits(value / 1e3, 3)} kbit/s` : `${digits(value, 3)} bit/s`;
});
export const score = known((value) => value.toFixed(2));

const BY_UNIT = {
  seconds,
  ratio: percent,
  bits_per_second: bitrate,
  mos: score,
  score,
  count,
  megabytes_per_hour: known((value) => `${digits(value, 4)} MB/h`),
  fps: known((value) => `${digits(value, 4)} fps`),
  dB: known((value) => `${digits(value, 4)} dB`),
  per_second: known((value) => `${digits(value, 4)} /s`),
};

export const quantity = (value, unit) => (BY_UNIT[unit] ?? known((one) => digits(one, 4)))(value);

export const target = (kpi) =>
  kpi.target === null ? UNKNOWN : `${SIGNS[kpi.comparison]} ${quantity(kpi.target, kpi.unit)}`;

export function interval(kpi) {
  const [low, high] = kpi.interval ?? [null, null];
  if (low === null && high === null) return "";
  if (low === null) return `at most ${quantity(high, kpi.unit)}`;
  if (high === null) return `at least ${quantity(low, kpi.unit)}`;
  return `${quantity(low, kpi.unit)} to ${quantity(high, kpi.unit)}`;
}

/** 75 → "1:15", 3675 → "1:01:15". */
export function clock(total) {
  const whole = Math.max(0, Math.round(total));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

export const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
