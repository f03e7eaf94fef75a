/**
 * Do stored documents fit a newer schema? Pure: from the shape they were written with and the shape of the program to
 * what must be done, or to the words that say why it cannot be.
 *
 * Always true:
 * (1) A difference is refused unless every document of the stored shape is, perhaps after its missing defaults are filled
 *     in, a document of the defined one. So a field may be added that is optional or has a default, a field may become
 *     optional, an enum may grow; nothing may be taken away, renamed or narrowed.
 * (2) Rules that shapes do not show (a longest length, a refinement) are not looked at: stored documents keep what they
 *     have until they are written again.
 */
import { membersOf } from "../schema/field-shape.ts";
import type {
  ArrayShape,
  FieldShape,
  LeafShape,
  MemberShape,
  ObjectShape,
} from "../schema/field-shape.ts";

export interface ShapeChange {
  /** Why stored documents do not fit, naming the field; undefined if they do. */
  readonly difference: string | undefined;
  /** Stored documents may lack fields that have a default now: they must be filled in. */
  readonly fill: boolean;
}

export function shapeChange(stored: ObjectShape, defined: ObjectShape): ShapeChange {
  const comparison = new Comparison();
  comparison.objects(stored, defined, "");
  return { difference: comparison.difference, fill: comparison.fill };
}

class Comparison {
  difference: string | undefined;
  fill = false;

  objects(stored: ObjectShape, defined: ObjectShape, at: string): void {
    if (stored.open && !defined.open) {
      this.#refuse(at, "may have fields that the definition does not name");
    }
    for (const [name, shape] of stored.fields) {
      const place = at === "" ? name : `${at}.${name}`;
      const wanted = fieldOf(defined, name);
      if (wanted === undefined) this.#refuse(place, "is stored, but the definition lacks it");
      else this.#field(shape, wanted, defined.defaults.has(name), place);
    }
    for (const [name, shape] of defined.fields) {
      if (stored.fields.has(name)) continue;
      const place = at === "" ? name : `${at}.${name}`;
      this.#added(stored, shape, defined.defaults.has(name), place);
    }
    if (stored.open && defined.open) {
      this.#shapes(stored.rest ?? ANYTHING, defined.rest ?? ANYTHING, `${at}[*]`);
    }
  }

  #added(stored: ObjectShape, wanted: FieldShape, hasDefault: boolean, place: string): void {
    if (stored.open) this.#field(stored.rest ?? ANYTHING, wanted, hasDefault, place);
    if (membersOf(wanted).some((member) => member.kind === "undefined")) return;
    if (wanted.kind === "unknown") return;
    if (hasDefault) this.fill = true;
    else
      this.#refuse(
        place,
        "is required, but stored documents lack it; make it optional or give it a default",
      );
  }

  #field(stored: FieldShape, wanted: FieldShape, hasDefault: boolean, place: string): void {
    if (!hasDefault || accepts(wanted, "undefined")) return this.#shapes(stored, wanted, place);
    const present = membersOf(stored).filter((member) => member.kind !== "undefined");
    if (present.length < membersOf(stored).length) this.fill = true;
    for (const member of present) this.#member(member, wanted, place);
  }

  #shapes(stored: FieldShape, wanted: FieldShape, place: string): void {
    for (const member of membersOf(stored)) this.#member(member, wanted, place);
  }

  /** `stored` is no union. */
  #member(stored: MemberShape, wanted: FieldShape, place: string): void {
    if (wanted.kind === "unknown") return;
    if (stored.kind === "unknown") return this.#refuse(place, "may hold anything");
    const same = membersOf(wanted).find((member) => fits(stored, member));
    if (same === undefined) return this.#refuse(place, `may hold ${shownKind(stored)}`);
    if (stored.kind === "object") this.objects(stored, same as ObjectShape, place);
    else if (stored.kind === "array") {
      this.#shapes(stored.element, (same as ArrayShape).element, `${place}[]`);
    } else this.#leaves(stored, same as LeafShape, place);
  }

  #leaves(stored: LeafShape, wanted: LeafShape, place: string): void {
    if (wanted.kind === "id" && wanted.collection !== stored.collection) {
      this.#refuse(place, `refers to documents of "${stored.collection ?? "any collection"}"`);
    }
    if (wanted.values === undefined) return;
    if (stored.values === undefined) return this.#refuse(place, `may hold any ${stored.kind}`);
    const lost = stored.values.find((value) => !wanted.values!.includes(value));
    if (lost !== undefined) this.#refuse(place, `may hold ${shownLiteral(lost)}`);
  }

  /** The first difference is told: it is the one to be mended first. */
  #refuse(place: string, what: string): void {
    this.difference ??= place === "" ? `a document ${what}` : `the field "${place}" ${what}`;
  }
}

const ANYTHING: FieldShape = { kind: "unknown" };

function fieldOf(shape: ObjectShape, name: string): FieldShape | undefined {
  const named = shape.fields.get(name);
  return named ?? (shape.open ? (shape.rest ?? ANYTHING) : undefined);
}

function accepts(shape: FieldShape, kind: MemberShape["kind"]): boolean {
  return membersOf(shape).some((member) => member.kind === kind || member.kind === "unknown");
}

/** An id is a string, so a field of strings may hold what was an id. */
function fits(stored: MemberShape, wanted: MemberShape): boolean {
  return stored.kind === wanted.kind || (stored.kind === "id" && wanted.kind === "string");
}

function shownKind(shape: MemberShape): string {
  return shape.kind === "undefined" ? "nothing" : `a value of the kind ${shape.kind}`;
}

function shownLiteral(value: unknown): string {
  return typeof value === "bigint" ? `${value}n` : JSON.stringify(value);
}
