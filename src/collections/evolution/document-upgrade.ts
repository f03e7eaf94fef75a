/**
 * Brings a stored document of an earlier version to the newest one, by the functions of the program. Above here nobody
 * knows that there were earlier versions.
 *
 * Always true:
 * (1) The result is what a get would give if it had been stored: it went through the newest schema, and to bytes and back.
 * (2) Between two steps the document goes through the schema between them, so that each function gets what its types say.
 * (3) Whatever a step throws, or gives wrongly, is an EvolutionFailed that names the document and the step.
 */
import { isPromise } from "../../base/index.ts";
import { EvolutionFailed, ValidationError } from "../collection-error.ts";
import type { ValidationIssue } from "../collection-error.ts";
import type { CollectionDefinition } from "../collection-definition.ts";
import { decodeValueBytes, encodeValue } from "../document/document-codec.ts";
import type { DocumentSchema } from "../schema/document-schema.ts";
import { schemasOf, versionOf } from "./past-version.ts";
import type { PastVersion } from "./past-version.ts";

type Fields = Record<string, unknown>;

export class DocumentUpgrade {
  readonly #collection: string;
  readonly #past: readonly PastVersion[];
  readonly #schemas: readonly DocumentSchema[];
  /** For version n at n - 1: documents of it may lack fields that have a default. */
  readonly #fills: readonly boolean[];
  /** Documents of versions below this one are not as the definition says. */
  readonly #wholeFrom: number;

  constructor(definition: CollectionDefinition, fills: readonly boolean[]) {
    this.#collection = definition.name;
    this.#past = definition.past;
    this.#schemas = schemasOf(definition);
    this.#fills = fills;
    const newest = versionOf(definition);
    this.#wholeFrom = fills[newest - 1] === true ? newest + 1 : newest;
  }

  /** Is a document of this version to be brought up before anyone sees it? HOT: bench/micro/collections.ts. */
  concerns(version: number): boolean {
    return version < this.#wholeFrom;
  }

  /** @throws EvolutionFailed. */
  upgraded(id: string, record: Fields, version: number): Fields {
    let fields = this.#filled(id, record, version);
    for (let from = version; from <= this.#past.length; from++) {
      fields = this.#step(id, fields, from);
    }
    return this.#guarded(id, this.#past.length, () => asStored(fields)) as Fields;
  }

  #step(id: string, fields: Fields, from: number): Fields {
    return this.#guarded(id, from, () => {
      const next = this.#past[from - 1]!.up(fields, id);
      if (!isPromise(next)) return this.#schemas[from]!.validate(next);
      // Its outcome is of no use, whatever it is.
      next.then(undefined, () => undefined);
      throw new ValidationError(this.#collection, [
        { path: [], message: "the function gave a promise; an upgrade is made at once" },
      ]);
    });
  }

  /** The document with the defaults that its own version has by now. */
  #filled(id: string, fields: Fields, version: number): Fields {
    if (this.#fills[version - 1] !== true) return fields;
    return this.#guarded(id, version, () => this.#schemas[version - 1]!.revalidate(fields));
  }

  #guarded<A>(id: string, from: number, work: () => A): A {
    try {
      return work();
    } catch (cause) {
      throw new EvolutionFailed(this.#collection, id, from, issuesOf(cause), { cause });
    }
  }
}

function asStored(fields: Fields): unknown {
  const bytes = encodeValue(fields);
  return decodeValueBytes(bytes, 0, bytes.length, "upgraded document");
}

function issuesOf(cause: unknown): readonly ValidationIssue[] {
  // By its tag: where a tool reads the definitions of a program, the class may be that of the program's own copy.
  if (isTagged(cause)) return cause.issues;
  if (cause instanceof Error) return [{ path: [], message: `${cause.name}: ${cause.message}` }];
  const shown = typeof cause === "string" ? cause : `a value of the type ${typeof cause}`;
  return [{ path: [], message: `it threw no Error: ${shown}` }];
}

function isTagged(cause: unknown): cause is Pick<ValidationError, "issues"> {
  const { _tag, issues } = (cause ?? {}) as Partial<ValidationError>;
  return _tag === "ValidationError" && Array.isArray(issues);
}
