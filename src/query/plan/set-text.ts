/** Value sets as text, for people and golden files: `18 <= age < 30`, `city = "Oslo"`, `name starts with "A"`. */
import { scalarText } from "../../collections/index.ts";
import { HIGHEST, LOWEST, isEverything, isPoint, pointOf } from "./value-set.ts";
import type { Cut, Interval, ValueSet } from "./value-set.ts";

export function setText(field: string, set: ValueSet): string {
  if (set.length === 0) return `${field} is nothing`;
  if (isEverything(set)) return `${field} is anything`;
  return set.map((interval) => intervalText(field, interval)).join(" or ");
}

export function intervalText(field: string, interval: Interval): string {
  const { start, end } = interval;
  if (isPoint(interval)) return `${field} = ${scalarText(pointOf(interval))}`;
  const from = start.place;
  const to = end.place;
  if (from.kind === "prefix" && to.kind === "prefix" && from.prefix === to.prefix)
    return `${field} starts with ${scalarText(from.prefix)}`;
  if (from.kind === "class" && to.kind === "class" && from.class === to.class)
    return `${field} is ${from.class}`;
  if (start === LOWEST || end === HIGHEST) return openText(field, interval);
  // A bound at the border of its type class is no bound to a reader.
  const lower = from.kind === "class" ? "" : `${lowerText(start)} `;
  const upper = to.kind === "class" ? "" : ` ${upperText(end)}`;
  if (lower === "") return `${field}${upper}`;
  return upper === "" ? `${field} ${flipped(start)}` : `${lower}${field}${upper}`;
}

/** Values of several type classes: what negations leave over. */
function openText(field: string, { start, end }: Interval): string {
  const lower = start === LOWEST ? "lowest" : cutText(start);
  const upper = end === HIGHEST ? "highest" : cutText(end);
  if (lower === "after null" && upper === "highest") return `${field} exists`;
  return `${field} from ${lower} to ${upper}`;
}

function lowerText(cut: Cut): string {
  return `${valueText(cut)} ${cut.side === "before" ? "<=" : "<"}`;
}
function upperText(cut: Cut): string {
  return `${cut.side === "after" ? "<=" : "<"} ${valueText(cut)}`;
}
function flipped(cut: Cut): string {
  return `${cut.side === "before" ? ">=" : ">"} ${valueText(cut)}`;
}
function cutText(cut: Cut): string {
  return `${cut.side} ${valueText(cut)}`;
}
function valueText({ place }: Cut): string {
  switch (place.kind) {
    case "value":
      return scalarText(place.value);
    case "class":
      return place.class;
    case "prefix":
      return `${scalarText(place.prefix)}…`;
  }
}
