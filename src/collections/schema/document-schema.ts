/**
 * A collection's schema, read and compiled once: what its documents look like, and how an input becomes one.
 *
 * Always true:
 * (1) What validate() gives can be stored and read back without loss; the caller's own objects are never changed.
 * (2) A schema that cannot be a collection's fails where it is defined, as InvalidDefinition.
 * (3) Validation is synchronous. A schema that is not is refused where it is defined, as far as it can be told there.
 * (4) A document goes through its own schema unchanged, since every change of a part of it goes through the whole. Where
 *     that does not follow from how the schema is built (a codec, an overwrite, another library), it is tried on each
 *     document: a transform that would be done once more with every update is refused before it is done twice.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import * as zod from "zod/v4/core";
import type { $ZodType } from "zod/v4/core";
import { InvalidDefinition, ValidationError } from "../collection-error.ts";
import type { ValidationIssue } from "../collection-error.ts";
import { OPAQUE_SHAPE } from "./field-shape.ts";
import type { ObjectShape } from "./field-shape.ts";
import { shapeText } from "./shape-text.ts";
import {
  differenceOf,
  inputIssues,
  isPlainObject,
  isSafeInput,
  isSameStorable,
  storableCopy,
} from "./storable.ts";
import { compileInputCheck, compileStorableCheck } from "./storable-check.ts";
import { UnfitSchema, readZodSchema } from "./zod-shape.ts";
import type { ZodReading } from "./zod-shape.ts";

export interface DocumentSchema {
  /** What the stored documents look like, without the id. Of a schema that is not zod's, nothing is known. */
  readonly shape: ObjectShape;
  /** The shape as stable text: equal texts, equal shapes. parseShape() reads it back. */
  readonly fingerprint: string;
  /**
   * Makes a document (without id) of what a caller wants to insert (without id).
   *
   * @throws ValidationError with every issue and its path; InvalidDefinition if the schema turns out to be asynchronous.
   */
  validate(input: unknown): Record<string, unknown>;
  /**
   * Checks a document (without id) that was stored, and changed since. Where the schema has codecs, it goes back to the
   * form of an input and through the schema again; else this is validate().
   */
  revalidate(document: Readonly<Record<string, unknown>>): Record<string, unknown>;
}

/** The words that filters use beside field names. */
const filterWords = ["AND", "OR", "NOT"];

/**
 * Reads and compiles a schema; costs some milliseconds, once for each collection.
 *
 * @throws InvalidDefinition if documents of this schema could not be stored.
 */
export function compileSchema(collection: string, schema: StandardSchemaV1): DocumentSchema {
  const standard = (schema as Partial<StandardSchemaV1> | undefined)?.["~standard"];
  if (standard === undefined) {
    throw new InvalidDefinition(collection, "its schema is not a zod or Standard Schema");
  }
  if (standard.vendor === "zod" && "_zod" in schema) {
    return compileZodSchema(collection, schema as unknown as $ZodType);
  }
  refuseAsynchronous(collection, schema);
  const validator = new Validator(collection, schema, {
    copies: true,
    isSafe: isSafeInput,
    // Its output may be changed by it in place, so what it is handed is never ours.
    wayBack: (document) => storableCopy(document, []),
  });
  const validate = (input: unknown): Record<string, unknown> => validator.validate(input);
  return {
    shape: OPAQUE_SHAPE,
    fingerprint: shapeText(OPAQUE_SHAPE),
    validate,
    revalidate: validate,
  };
}

/** Shown by what becomes of an empty object: of a schema that is not zod's nothing else is known. */
function refuseAsynchronous(collection: string, schema: StandardSchemaV1): void {
  let result: unknown;
  try {
    result = schema["~standard"].validate({});
  } catch {
    // Made for other inputs: what it says to those is seen when they come.
    return;
  }
  if (result instanceof Promise) throw asynchronous(collection, result);
}

function asynchronous(collection: string, running: Promise<unknown>): InvalidDefinition {
  // Its outcome is of no use: the definition is wrong whatever it is.
  running.catch(() => {});
  return new InvalidDefinition(
    collection,
    "its schema is asynchronous; check what needs waiting before the insert",
  );
}

function compileZodSchema(collection: string, schema: $ZodType): DocumentSchema {
  const { shape, hasCodec, hasOverwrite } = read(collection, schema);
  checkFieldNames(collection, shape);
  const back = hasCodec
    ? (document: unknown) => encode(collection, schema, document)
    : (document: unknown) => document;
  const validator = new Validator(collection, compiled(schema) as $ZodType & StandardSchemaV1, {
    shape,
    // The other side of a codec is of no known shape.
    isSafe: hasCodec ? isSafeInput : compileInputCheck(shape),
    ...(hasCodec || hasOverwrite ? { wayBack: back } : {}),
  });
  const validate = (input: unknown): Record<string, unknown> => validator.validate(input);
  return {
    shape,
    fingerprint: shapeText(shape),
    validate,
    revalidate: hasCodec
      ? (document) => {
          validator.look(document);
          return validator.validate(back(document));
        }
      : validate,
  };
}

/** Three times as fast as the schema itself, where zod can do it: from 4.6 on, and where code may be generated. */
function compiled(schema: $ZodType): $ZodType {
  const compile: typeof zod.compile | undefined = zod.compile;
  return compile === undefined ? schema : compile(schema);
}

function read(collection: string, schema: $ZodType): ZodReading & { readonly shape: ObjectShape } {
  try {
    const { shape, ...rest } = readZodSchema(schema);
    if (shape.kind === "object") return { shape, ...rest };
  } catch (error) {
    if (error instanceof UnfitSchema) throw new InvalidDefinition(collection, error.message);
    throw error;
  }
  throw new InvalidDefinition(collection, "its schema must give an object, whatever the input");
}

function checkFieldNames(collection: string, shape: ObjectShape): void {
  if (shape.fields.has("id")) {
    throw new InvalidDefinition(
      collection,
      "id: every document has an id; leave it out of the schema",
    );
  }
  const word = filterWords.find((name) => shape.fields.has(name));
  if (word !== undefined) {
    throw new InvalidDefinition(
      collection,
      `${word}: the word has a meaning of its own in filters`,
    );
  }
}

function encode(collection: string, schema: $ZodType, document: unknown): unknown {
  const encoded = zod.safeEncode(schema, document);
  if (encoded.success) return encoded.data;
  throw new ValidationError(collection, encoded.error.issues.map(issueOf));
}

interface ValidatorOptions {
  /** What the output is known to be; unknown where left out. */
  readonly shape?: ObjectShape;
  /** The output may be the caller's own object: a copy of it is given. */
  readonly copies?: boolean;
  /** Whether nothing in an input might vanish, or never end, in the schema; undefined where that cannot be. */
  readonly isSafe: ((input: unknown) => boolean) | undefined;
  /** Makes an input of a document again. Left out where it is known that a document is its own. */
  readonly wayBack?: (document: Record<string, unknown>) => unknown;
}

class Validator {
  readonly #collection: string;
  readonly #standard: StandardSchemaV1.Props;
  readonly #isStorable: (value: unknown, depth: number) => boolean;
  readonly #isSafe: ((input: unknown) => boolean) | undefined;
  readonly #wayBack: ((document: Record<string, unknown>) => unknown) | undefined;

  constructor(collection: string, schema: StandardSchemaV1, options: ValidatorOptions) {
    const { shape, copies = false, isSafe, wayBack } = options;
    this.#collection = collection;
    this.#wayBack = wayBack;
    this.#standard = schema["~standard"];
    this.#isSafe = isSafe;
    const check = shape && compileStorableCheck(shape);
    this.#isStorable = copies ? () => false : (check ?? (() => true));
  }

  /** Refuses what must not come before the schema. */
  look(input: unknown): void {
    if (this.#isSafe?.(input) === false) this.#refuse(inputIssues(input));
  }

  validate(input: unknown): Record<string, unknown> {
    this.look(input);
    const result = this.#standard.validate(input);
    if (result instanceof Promise) throw asynchronous(this.#collection, result);
    if (result.issues !== undefined) {
      throw new ValidationError(this.#collection, result.issues.map(issueOf));
    }
    const document = this.#stored(result.value);
    if (this.#wayBack !== undefined) this.#requireSettled(document, this.#wayBack(document));
    return document;
  }

  /** What came out of the schema must be what comes out of it again. */
  #requireSettled(document: Record<string, unknown>, input: unknown): void {
    const again = this.#standard.validate(input);
    if (again instanceof Promise) throw asynchronous(this.#collection, again);
    if (again.issues === undefined && isSameStorable(document, again.value)) return;
    const refused = again.issues?.[0];
    const verb = again.issues === undefined ? "changes" : "refuses";
    const place =
      again.issues === undefined
        ? differenceOf(document, again.value)
        : refused === undefined
          ? []
          : issueOf(refused).path;
    if (place === undefined) return;
    const where = place.length === 0 ? "" : `${place.map(String).join(".")}: `;
    throw new InvalidDefinition(
      this.#collection,
      `${where}the schema ${verb} what it gave, which comes again with every update; store what it takes, or write a codec of zod (z.codec), which has a way back`,
    );
  }

  /** HOT: bench/micro/validate. What the schema gave, if it can be stored as it is; else a copy, or every issue. */
  #stored(output: unknown): Record<string, unknown> {
    if (!isPlainObject(output)) {
      this.#refuse([{ path: [], message: "the schema gave no plain object" }]);
    }
    const document = output as Record<string, unknown>;
    if ("id" in document) {
      this.#refuse([{ path: ["id"], message: "the id is not a field of the schema" }]);
    }
    if (this.#isStorable(document, 0)) return document;
    const issues: ValidationIssue[] = [];
    const copy = storableCopy(document, issues) as Record<string, unknown>;
    this.#refuse(issues);
    return copy;
  }

  #refuse(issues: readonly ValidationIssue[]): void {
    if (issues.length > 0) throw new ValidationError(this.#collection, issues);
  }
}

function issueOf(issue: StandardSchemaV1.Issue): ValidationIssue {
  const path = (issue.path ?? []).map((part) => (typeof part === "object" ? part.key : part));
  return { path, message: issue.message };
}
