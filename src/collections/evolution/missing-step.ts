/**
 * The call of evolve() that leads from one shape to another, as text to paste: what can be taken over is taken over, and
 * where a value is to be thought of stands a comment of its kind, which does not compile.
 *
 * Always true:
 * (1) Every field that does not fit is named in the text, at its own place where objects are nested.
 * (2) A field that is new and one that is gone, of one kind and the only ones of it, are taken for a new name: a guess,
 *     marked as such.
 */
import { shapeChange } from "../catalog/shape-change.ts";
import { membersOf, objectShape } from "../schema/field-shape.ts";
import type { FieldShape, LiteralValue, MemberShape, ObjectShape } from "../schema/field-shape.ts";

/** `version`: which version the step leads to. */
export function missingStep(stored: ObjectShape, defined: ObjectShape, version: number): string {
  const gone = namesOf(stored).filter((name) => !defined.fields.has(name) && !defined.open);
  const taken = renamed(stored, defined, gone);
  const fields = changedFields(stored, defined, "old", taken);
  const names = new Map(gone.map((name, i) => [name, isIdentifier(name) ? name : `gone${i + 1}`]));
  const parameter =
    gone.length === 0
      ? "old"
      : `{ ${[...names].map(([name, as]) => (name === as ? name : `${quoted(name)}: ${as}`)).join(", ")}, ...old }`;
  const body = ["...old", ...fields.map((field) => field(names))].join(", ");
  return `.evolve(Version${version}, (${parameter}) => ({ ${body} }))`;
}

/** A field of an object literal; told what the fields that are gone are called. */
type FieldText = (names: ReadonlyMap<string, string>) => string;

/** What must be written beside `...place`, because it is not as the defined shape says. */
function changedFields(
  stored: ObjectShape,
  defined: ObjectShape,
  place: string,
  taken: ReadonlyMap<string, string>,
): FieldText[] {
  const found: FieldText[] = [];
  for (const [name, wanted] of defined.fields) {
    const before = stored.fields.get(name);
    if (fits(name, before, wanted, defined)) continue;
    const former = taken.get(name);
    found.push((names) =>
      former === undefined
        ? `${quoted(name)}: ${valueText(before, wanted, member(place, name))}`
        : `${quoted(name)}: ${names.get(former)!} /* is it? */`,
    );
  }
  return found;
}

/** Is what was stored under this name a value for the defined field, be it by its default? */
function fits(
  name: string,
  before: FieldShape | undefined,
  wanted: FieldShape,
  { defaults }: ObjectShape,
): boolean {
  const stored = objectShape(before === undefined ? [] : [[name, before]]);
  const defined = objectShape([[name, wanted]], { defaults: defaults.has(name) ? [name] : [] });
  return shapeChange(stored, defined).difference === undefined;
}

function valueText(before: FieldShape | undefined, wanted: FieldShape, place: string): string {
  if (before === undefined) return `/* ${shown(wanted)} */`;
  const [was, is] = [present(before), present(wanted)];
  const [object, ...others] = was;
  if (object?.kind === "object" && others.length === 0 && is.length === 1) {
    const [target] = is;
    if (target?.kind === "object" && was.length === membersOf(before).length) {
      const inner = changedFields(object, target, place, new Map());
      const gone = namesOf(object).filter((name) => !target.fields.has(name) && !target.open);
      const without = gone.length === 0 ? "" : ` /* without ${gone.join(", ")} */`;
      return `{ ${[`...${place}${without}`, ...inner.map((field) => field(new Map()))].join(", ")} }`;
    }
  }
  const isOnlyMissing = fits("x", union(was), wanted, objectShape([]));
  if (isOnlyMissing) return `${place} ?? /* ${shown(wanted)} */`;
  return `/* ${shown(wanted)}, from ${place}: ${shown(before)} */`;
}

/** The shape's kinds but for `undefined` and `null`. */
function present(shape: FieldShape): readonly MemberShape[] {
  return membersOf(shape).filter(({ kind }) => kind !== "undefined" && kind !== "null");
}

function union(members: readonly MemberShape[]): FieldShape {
  const [first, second] = members;
  return first !== undefined && second === undefined ? first : { kind: "union", members };
}

/** New fields by the field that each may have been. */
function renamed(
  stored: ObjectShape,
  defined: ObjectShape,
  gone: readonly string[],
): ReadonlyMap<string, string> {
  const isNew = ([name, wanted]: readonly [string, FieldShape]): boolean =>
    !stored.fields.has(name) && !fits(name, undefined, wanted, defined);
  const added = [...defined.fields].filter(isNew);
  const found = new Map<string, string>();
  for (const [name, wanted] of added) {
    const fitting = gone.filter((old) =>
      fits("x", stored.fields.get(old), wanted, objectShape([])),
    );
    const [former] = fitting;
    const rivals = added.filter(([, other]) =>
      fits("x", stored.fields.get(former ?? ""), other, objectShape([])),
    );
    if (former !== undefined && fitting.length === 1 && rivals.length === 1)
      found.set(name, former);
  }
  return found;
}

function namesOf({ fields }: ObjectShape): string[] {
  return [...fields.keys()];
}

const IDENTIFIER = /^[A-Za-z_$][A-Za-z0-9_$]*$/;

function isIdentifier(name: string): boolean {
  return IDENTIFIER.test(name) && name !== "old";
}

function quoted(name: string): string {
  return IDENTIFIER.test(name) ? name : JSON.stringify(name);
}

function member(place: string, name: string): string {
  return IDENTIFIER.test(name) ? `${place}.${name}` : `${place}[${JSON.stringify(name)}]`;
}

/** A kind in words; what could end a comment cannot. */
function shown(shape: FieldShape): string {
  return membersOf(shape).map(shownMember).join(" or ").replaceAll("*/", "* /");
}

function shownMember(shape: MemberShape): string {
  if (shape.kind === "array") return `list of ${shown(shape.element)}`;
  if (shape.kind === "object") return `{ ${namesOf(shape).join(", ")} }`;
  if (shape.kind === "unknown") return "anything";
  if (shape.kind === "id") return `id of "${shape.collection ?? "any collection"}"`;
  if ("values" in shape && shape.values !== undefined)
    return shape.values.map(literal).join(" or ");
  return shape.kind;
}

function literal(value: LiteralValue): string {
  return typeof value === "bigint" ? `${value}n` : JSON.stringify(value);
}
