/** The errors of documents and collections. Each names the collection and what in it. */
import { KotobaError } from "../base/index.ts";

export interface ValidationIssue {
  /** Where in the document: property names and array positions, outermost first. */
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** A document, a patch or an id does not fit its schema. Nothing was written. */
export class ValidationError extends KotobaError<"ValidationError"> {
  readonly _tag = "ValidationError" as const;
  readonly collection: string;
  readonly issues: readonly ValidationIssue[];
  constructor(
    collection: string,
    issues: readonly ValidationIssue[],
    options: { readonly cause?: unknown } = {},
  ) {
    super({
      sentence: "A document, a patch or an id does not fit its collection.",
      remedy: "Correct what is named.",
      details: { collection, issues: shownIssues(issues) },
      cause: options.cause,
    });
    this.collection = collection;
    this.issues = issues;
  }

  /** The same of one document of a list: its position begins the paths. */
  of(position: number): ValidationError {
    const issues = this.issues.map(({ message, path }) => ({ message, path: [position, ...path] }));
    return new ValidationError(this.collection, issues, { cause: this });
  }
}

/** How much of the issues a message shows: all of them are in `issues`. */
const SHOWN_ISSUES_MAX = 10;
const SHOWN_PARTS_START = 6;
const SHOWN_PARTS_END = 2;
const SHOWN_NAME_MAX = 64;

function shownIssues(issues: readonly ValidationIssue[]): string {
  const shown = issues.slice(0, SHOWN_ISSUES_MAX).map(shownIssue);
  const more = issues.length - shown.length;
  if (more > 0) shown.push(`and ${more} more`);
  return shown.join("; ");
}

function shownIssue(issue: ValidationIssue): string {
  return issue.path.length === 0 ? issue.message : `${shownPath(issue.path)}: ${issue.message}`;
}

/** The parts with dots between them; of a path that a cycle made endless, its two ends. */
function shownPath(path: readonly PropertyKey[]): string {
  const parts = path.map(shownName);
  const left = parts.length - SHOWN_PARTS_START - SHOWN_PARTS_END;
  if (left <= 1) return parts.join(".");
  const ends = [...parts.slice(0, SHOWN_PARTS_START), "…", ...parts.slice(-SHOWN_PARTS_END)];
  return `${ends.join(".")} (${parts.length} deep)`;
}

function shownName(name: PropertyKey): string {
  const text = String(name);
  return text.length <= SHOWN_NAME_MAX ? text : `${text.slice(0, SHOWN_NAME_MAX)}…`;
}

/** Another document has the same key in a unique index. Nothing was written. */
export class UniqueViolation extends KotobaError<"UniqueViolation"> {
  readonly _tag = "UniqueViolation" as const;
  readonly collection: string;
  /** The index, or "id" where the document's own id is taken. */
  readonly index: string;
  readonly existingId: string;
  /**
   * The other document, where both are stored already: an index became unique, or is new. Undefined for one that was to be
   * written.
   */
  readonly id: string | undefined;
  constructor(collection: string, index: string, existingId: string, id?: string) {
    super({
      sentence: "A unique key is already taken.",
      remedy: "Change the value, or update the document that has it.",
      details: { collection, index, existingId, ...(id === undefined ? {} : { id }) },
    });
    this.collection = collection;
    this.index = index;
    this.existingId = existingId;
    this.id = id;
  }
}

/**
 * An index is asked for by name, or a document by its unique key, while the index is still being built: there is nothing
 * to read yet. Outside of transactions and snapshots such an operation waits instead; inside, what is seen does not
 * change any more. Also where the database was opened to be read only, and nobody builds.
 */
export class IndexNotReady extends KotobaError<"IndexNotReady"> {
  readonly _tag = "IndexNotReady" as const;
  readonly collection: string;
  readonly index: string;
  constructor(collection: string, index: string) {
    super({
      sentence: "An index is still being built.",
      remedy:
        "Wait with `await db.ready()`, then begin the transaction or take the snapshot; or ask with where(), which needs no index.",
      details: { collection, index },
    });
    this.collection = collection;
    this.index = index;
  }
}

/** A document that refers to another one, and the field in which it does. */
export interface Referrer {
  readonly collection: string;
  readonly id: string;
  readonly field: string;
}

/**
 * A relation with `onDelete` would be broken: a document refers to one that is not there, or one was to be deleted that
 * another one still refers to. Nothing was written.
 */
export class ReferenceViolation extends KotobaError<"ReferenceViolation"> {
  readonly _tag = "ReferenceViolation" as const;
  /** The collection that is referred to. */
  readonly collection: string;
  /** The document that is missing, or was to be deleted. */
  readonly id: string;
  /** Who refers to it; of many one. */
  readonly by: Referrer;
  /**
   * Of a load: the place of the document that refers among those that were handed in, from 0. Undefined for all else, and
   * where it refers to the collection that is loaded: that is looked at when all are stored.
   */
  readonly position: number | undefined;
  constructor(collection: string, id: string, by: Referrer, position?: number) {
    super({
      sentence: "A document would refer to one that is not there.",
      remedy: "Insert what is referred to first, or first delete or change what refers to it.",
      details: {
        collection,
        id,
        by: `${by.collection} ${by.id}`,
        field: by.field,
        ...(position === undefined ? {} : { position }),
      },
    });
    this.collection = collection;
    this.id = id;
    this.by = Object.freeze({ ...by });
    this.position = position;
  }

  /** The same of the document at this place of a load. */
  of(position: number): ReferenceViolation {
    return new ReferenceViolation(this.collection, this.id, this.by, position);
  }
}

/**
 * include() came upon a required reference to a document that is not there: the relation has no `onDelete`, or the data
 * was written without it.
 */
export class DanglingReference extends KotobaError<"DanglingReference"> {
  readonly _tag = "DanglingReference" as const;
  /** The collection that is referred to. */
  readonly collection: string;
  /** The document that is missing. */
  readonly id: string;
  readonly by: Referrer;
  constructor(collection: string, id: string, by: Referrer) {
    super({
      sentence: "A required reference leads to a document that is not there.",
      remedy:
        "Correct the reference; give the relation an onDelete, so that none can break; or make the field optional, for which include() gives null.",
      details: { collection, id, by: `${by.collection} ${by.id}`, field: by.field },
    });
    this.collection = collection;
    this.id = id;
    this.by = Object.freeze({ ...by });
  }
}

/** There is no document with this id, or none that a query asked for. */
export class NotFound extends KotobaError<"NotFound"> {
  readonly _tag = "NotFound" as const;
  readonly collection: string;
  readonly id: string | undefined;
  constructor(collection: string, id?: string) {
    super({
      sentence: "There is no such document.",
      remedy: "Use get() or first() where it may be missing.",
      details: { collection, id },
    });
    this.collection = collection;
    this.id = id;
  }
}

/**
 * Why a stored collection does not fit its definition. fields: documents may have, or lack, what the schema does not
 * allow, and no step leads there. past: so it is with an earlier version. newer: the documents are of a version that the
 * program does not know. inUse: the name is in use in this database with another definition. changed: another program has
 * changed the collection while this one had it open.
 */
export type MismatchReason = "fields" | "past" | "newer" | "inUse" | "changed";

export interface SchemaDifference {
  readonly reason: MismatchReason;
  /** In words, naming the field. */
  readonly text: string;
  /** Of 'fields': the call that is missing, to be completed where it has comments. */
  readonly missingStep?: string;
}

const MISMATCH_REMEDIES: Readonly<Record<MismatchReason, string>> = {
  fields:
    "Keep the schema that the documents were stored with, and go on from it by the missing step; or use a new collection name.",
  past: "Give the named version the schema that its documents were stored with, and put the change into a step of its own.",
  newer: "Run the program that knows the stored version, or a later one. Nothing was changed.",
  inUse: "Use one definition of a name in one database.",
  changed:
    "Run the program that declares the collection as it is stored now. What this one wrote before is there.",
};

/** The stored collection was written with another schema or other indexes that do not fit. Nothing was changed. */
export class SchemaMismatch extends KotobaError<"SchemaMismatch"> {
  readonly _tag = "SchemaMismatch" as const;
  readonly collection: string;
  readonly reason: MismatchReason;
  /** What is missing between the stored schema and that of the program, as code; undefined where no step would help. */
  readonly missingStep: string | undefined;
  constructor(collection: string, { missingStep, reason, text }: SchemaDifference) {
    super({
      sentence: "The stored collection does not fit the definition in the program.",
      remedy: MISMATCH_REMEDIES[reason],
      details: { collection, difference: text, missingStep },
    });
    this.collection = collection;
    this.reason = reason;
    this.missingStep = missingStep;
  }
}

/** `what`, in words: what this program cannot go on with. */
export function changedElsewhere(collection: string, what: string): SchemaMismatch {
  const text = `another program has changed it while this one had it open: ${what}`;
  return new SchemaMismatch(collection, { reason: "changed", text });
}

/**
 * A stored document of an earlier version could not be brought to the next one: the function of evolve() threw, gave a
 * promise, or what it gave is refused by the next schema. Nothing was written. Other documents can be used.
 */
export class EvolutionFailed extends KotobaError<"EvolutionFailed"> {
  readonly _tag = "EvolutionFailed" as const;
  readonly collection: string;
  readonly id: string;
  /** The version from which the failing step leads, from 1. */
  readonly version: number;
  readonly issues: readonly ValidationIssue[];
  constructor(
    collection: string,
    id: string,
    version: number,
    issues: readonly ValidationIssue[],
    options: { readonly cause?: unknown } = {},
  ) {
    super({
      sentence: "A stored document could not be brought to the next version of its schema.",
      remedy:
        "Correct the function of evolve() for such documents; kotoba migrate --dry-run names all of them.",
      details: {
        collection,
        id,
        step: `${version} to ${version + 1}`,
        issues: shownIssues(issues),
      },
      cause: options.cause,
    });
    this.collection = collection;
    this.id = id;
    this.version = version;
    this.issues = issues;
  }
}

/** A collection definition or a query cannot be right, whatever the data: a mistake in the program. */
export class InvalidDefinition extends KotobaError<"InvalidDefinition"> {
  readonly _tag = "InvalidDefinition" as const;
  constructor(collection: string, problem: string) {
    super({
      sentence: "A collection is not well defined.",
      remedy: "Correct the definition.",
      details: { collection, problem },
    });
  }
}

/** A filter or another part of a query names an unknown field, an undefined value or a value of the wrong type. */
export class InvalidQuery extends KotobaError<"InvalidQuery"> {
  readonly _tag = "InvalidQuery" as const;
  readonly collection: string;
  constructor(collection: string, problem: string, path?: string) {
    super({
      sentence: "A query is not well formed.",
      remedy: "Correct the named part; nothing was read.",
      details: { collection, path, problem },
    });
    this.collection = collection;
  }
}
