/**
 * `collection()`: a collection's name, schema and indexes, checked and compiled once. A definition is plain frozen data;
 * it belongs to no database and may be used in several.
 */
import { InvalidDefinition } from "./collection-error.ts";
import type {
  CollectionOptions,
  Def,
  Definition,
  InputOf,
  ObjectSchema,
  OutputOf,
} from "./collection-type.ts";
import { VERSION_MAX } from "./evolution/past-version.ts";
import type { PastVersion, UpgradeFunction } from "./evolution/past-version.ts";
import type { IndexDefinition } from "./index/index-definition.ts";
import type { IndexSpecs } from "./index/index-spec.ts";
import { compileSchema } from "./schema/document-schema.ts";
import type { DocumentSchema } from "./schema/document-schema.ts";
import type { WithId } from "./schema/document-type.ts";
import { parseIndexes } from "./tally/declared-indexes.ts";
import type { TallyDefinition } from "./tally/tally-definition.ts";

/** What the floors below the types know of a collection. */
export interface CollectionDefinition {
  readonly name: string;
  /** Of the newest version: what documents are to everyone above. */
  readonly schema: DocumentSchema;
  /** The versions before, oldest first. */
  readonly past: readonly PastVersion[];
  readonly indexes: readonly IndexDefinition[];
  /** Indexes that count or sum, which have no entries and are never scanned. */
  readonly tallies: readonly TallyDefinition[];
  /** Shapes and indexes as stable text: definitions with equal texts store, index and expire alike. */
  readonly fingerprint: string;
}

/**
 * The members of a database and of a transaction. A collection of such a name could not be reached as `db.name`, so the
 * name is refused, by the type and when the program runs.
 */
export const RESERVED_NAMES = [
  "__defineGetter__",
  "__defineSetter__",
  "__lookupGetter__",
  "__lookupSetter__",
  "__proto__",
  "attempt",
  "backup",
  "changes",
  "checkpoint",
  "close",
  "closed",
  "collection",
  "collections",
  "compact",
  "constructor",
  "expire",
  "hasOwnProperty",
  "isPrototypeOf",
  "onCommit",
  "path",
  "propertyIsEnumerable",
  "ready",
  "snapshot",
  "stats",
  "then",
  "toJSON",
  "toLocaleString",
  "toString",
  "transaction",
  "valueOf",
  "verify",
  "version",
] as const;
export type ReservedName = (typeof RESERVED_NAMES)[number];
/** The name N, or never where it belongs to the database itself. */
export type FreeName<N extends string> = N extends ReservedName ? never : N;

/** How long a collection's or an index's name may be, in characters: keys of the catalog stay short. */
const NAME_LENGTH_MAX = 64;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Defines a collection: documents of one schema under one name, with their indexes.
 *
 * `name` is a letter or underscore, then up to 63 letters, digits and underscores; it may not be a member of the
 * database such as `close`. `schema` describes objects without their `id`, which every document gets: zod 4, or another
 * library that speaks Standard Schema and validates at once. An index is a list of paths, or an object with `on`,
 * `unique`, `where`, `include` and `expire`; a mistake in a path is an error of the compiler.
 *
 * An index with `count: true`, or with `sum` and the path of a number or bigint, keeps the count or the exact sum of all
 * documents, or of each group with equal values of its `by` fields (and of those only that fit `where`). It is changed
 * in the commit that writes a document, without reading, so that writers of one group do not conflict. `count()` reads a
 * cell of it instead of documents where the filter asks for groups by their values; it cannot be scanned by index().
 *
 * An index over one date with `expire` deletes documents by it: `expire: "30d"` (s, m, h or d) so long after the date,
 * `expire: true` at the date itself. Documents without the date stay, and with `where` those that do not fit. Each is
 * deleted like by delete(), with its entries and what relations say, within a minute of its time while the database is
 * open; until then reads show it, and a filter such as `{ expiresAt: { gt: new Date() } }` leaves it out. A write that
 * moves the date in time keeps the document. See `db.expire()`.
 *
 * @throws InvalidDefinition naming what is wrong: a bad name, a schema that cannot be stored, an index over a field
 *   that is unknown, an object or an array, a sum of what is not always a number, `expire` where there is no date.
 *
 * @example
 * const Users = collection("users", z.object({ email: z.email(), tags: z.array(z.string()) }), {
 *   indexes: { byEmail: { on: ["email"], unique: true }, byTag: ["tags[]"], all: { count: true } },
 * });
 */
export function collection<
  const N extends string,
  S extends ObjectSchema,
  const I extends IndexSpecs<WithId<N, OutputOf<S>>> = {},
>(
  name: N & FreeName<N>,
  schema: S,
  options?: CollectionOptions<I>,
): Definition<N, InputOf<S>, OutputOf<S>, I> {
  checkCollectionName(name);
  return defined(name, compileSchema(name, schema), [], options);
}

function defined<N extends string, In, Out, I>(
  name: N,
  schema: DocumentSchema,
  past: readonly PastVersion[],
  options: { readonly indexes?: object } | undefined,
): Definition<N, In, Out, I> {
  checkCollectionOptions(name, options);
  const specs = options?.indexes === undefined ? {} : options.indexes;
  const { indexes, tallies } = parseIndexes(name, schema.shape, specs);
  const definition: CollectionDefinition = Object.freeze({
    name,
    schema,
    past: Object.freeze(past),
    indexes,
    tallies,
    fingerprint: JSON.stringify([
      ...past.map((version) => version.schema.fingerprint),
      schema.fingerprint,
      ...indexes.map(({ name: index, fingerprint, expireMillis }) =>
        expireMillis === undefined ? [index, fingerprint] : [index, fingerprint, expireMillis],
      ),
      ...tallies.map((tally) => [tally.name, tally.fingerprint]),
    ]),
  });
  return Object.freeze({
    name,
    definition,
    evolve: (next: ObjectSchema, up: unknown, nextOptions?: { readonly indexes?: object }) => {
      checkUp(name, up);
      if (past.length + 2 > VERSION_MAX) {
        throw new InvalidDefinition(name, `it has more than ${VERSION_MAX} versions`);
      }
      return defined(name, compileSchema(name, next), [...past, { schema, up }], nextOptions);
    },
  } as unknown as Definition<N, In, Out, I>);
}

function checkUp(name: string, up: unknown): asserts up is UpgradeFunction {
  if (typeof up !== "function") {
    throw new InvalidDefinition(name, "the second argument of evolve() is no function");
  }
  if (up.constructor.name === "AsyncFunction") {
    throw new InvalidDefinition(
      name,
      "the function of evolve() is async; an upgrade is made at once",
    );
  }
}

function checkCollectionName(name: unknown): asserts name is string {
  if (isDefinition(name))
    throw new InvalidDefinition(
      name.name,
      "it is defined already: hand the definition to open(…, { collections: { … } }), or here a name and a schema",
    );
  if (typeof name !== "string")
    throw new InvalidDefinition(`a ${typeof name}`, "the name is no string");
  if (!isPlainName(name)) {
    throw new InvalidDefinition(
      name,
      "the name is not a letter or underscore, then at most 63 letters, digits and underscores",
    );
  }
  if ((RESERVED_NAMES as readonly string[]).includes(name)) {
    throw new InvalidDefinition(name, "the name is a member of the database itself");
  }
}

function isDefinition(value: unknown): value is Def {
  return typeof (value as Partial<Def> | null | undefined)?.definition?.name === "string";
}

/** A misspelt `indexes` would leave the collection without any. */
function checkCollectionOptions(collection: string, options: object = {}): void {
  if (typeof options !== "object" || options === null)
    throw new InvalidDefinition(collection, "its options are no object: { indexes }");
  for (const name of Object.keys(options))
    if (name !== "indexes")
      throw new InvalidDefinition(collection, `there is no option "${name}": there is indexes`);
}

/** May this be the name of a collection or of an index? */
function isPlainName(name: string): boolean {
  return name.length <= NAME_LENGTH_MAX && NAME.test(name);
}
