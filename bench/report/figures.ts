/** Figures as people read them: three digits that count. */
import type { Unit } from "../kit/index.ts";

export function figure(value: number, unit: Unit): string {
  switch (unit) {
    case "ops/s":
      return `${scaled(value, 1_000, ["", "k", "M", "G"])}/s`;
    case "bytes":
      return scaled(value, 1_000, [" B", " kB", " MB", " GB"]);
    case "MB/s":
      return value >= 1_000 ? `${digits(value / 1_000)} GB/s` : `${digits(value)} MB/s`;
    case "ms":
      return value >= 1_000 ? `${digits(value / 1_000)} s` : `${digits(value)} ms`;
    case "µs":
      return value >= 1_000 ? `${digits(value / 1_000)} ms` : `${digits(value)} µs`;
  }
}

/** 93 %; 0.4 %. */
export function percent(share: number): string {
  return `${share >= 0.0995 ? Math.round(share * 100) : digits(share * 100)} %`;
}

/** 1.24x; 13.0x. */
export function times(ratio: number): string {
  return `${digits(ratio)}x`;
}

function scaled(value: number, step: number, units: readonly string[]): string {
  let rest = value;
  let at = 0;
  while (rest >= step && at < units.length - 1) {
    rest /= step;
    at++;
  }
  return digits(rest) + units[at]!;
}

function digits(value: number): string {
  const size = Math.abs(value);
  if (size < 0.0995) return String(Number(value.toPrecision(2)));
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}
