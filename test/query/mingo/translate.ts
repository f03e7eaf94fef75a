/**
 * Our filters and documents in the words of MongoDB, for mingo, which is an implementation of its queries by others.
 *
 * Where the two languages differ, the difference is here and nowhere else:
 * - null and missing. Equality is the same: null finds both. `exists` of ours asks for a value that is neither, which is
 *   `{ $ne: null }`. In an order both are one value, with us as in MongoDB; mingo puts missing values before nulls, so
 *   what is ordered is given to it with null for missing.
 * - Classes of values. A bound finds values of its own class only, in both. The order of the classes differs in places
 *   (booleans, dates), so no field here holds two of those; null, numbers and strings are in the same order.
 * - Arrays. A condition of MongoDB on a field that holds an array is one on the array or any of its elements; ours on
 *   elements are has, hasAny, hasAll and some, which are `$elemMatch`. `hasAll: []` is nothing asked, `$all: []` is never true.
 * - Strings are ordered by code points, as MongoDB does; mingo goes by UTF-16 units. So mingo gets, for each string, the
 *   text of its UTF-8 bytes, whose units are in the order of the code points, and whose prefixes are the same.
 * - Bytes: MongoDB orders by length first, we by the bytes alone. mingo gets the text of them.
 * - Bigints: MongoDB has 64 bits, mingo compares them as text. It gets the nearest number, which for those that are drawn
 *   keeps both equality and order.
 */
export type MongoFilter = Readonly<Record<string, unknown>>;

const operators: ReadonlySet<string> = new Set([
  "eq",
  "ne",
  "in",
  "notIn",
  "gt",
  "gte",
  "lt",
  "lte",
  "startsWith",
  "exists",
  "has",
  "hasAny",
  "hasAll",
  "size",
  "some",
]);

/** What where() takes, for mingo. */
export function mongoFilter(filter: object): MongoFilter {
  return both(conditions(filter, ""));
}

function both(parts: readonly MongoFilter[]): MongoFilter {
  const [first, ...others] = parts;
  if (first === undefined) return {};
  return others.length === 0 ? first : { $and: parts };
}

function conditions(filter: object, prefix: string): readonly MongoFilter[] {
  return Object.entries(filter).flatMap(([name, value]: [string, unknown]) => {
    if (name === "AND") return (value as readonly object[]).map(mongoFilter);
    if (name === "OR") return [{ $or: (value as readonly object[]).map(mongoFilter) }];
    if (name === "NOT") return [{ $nor: [mongoFilter(value as object)] }];
    return condition(prefix + name, value);
  });
}

function condition(path: string, value: unknown): readonly MongoFilter[] {
  if (!isPlainObject(value)) return [{ [path]: { $eq: mongoValue(value) } }];
  const entries: [string, unknown][] = Object.entries(value);
  if (!entries.every(([name]) => operators.has(name))) return conditions(value, `${path}.`);
  return entries.map(([name, operand]) => operation(path, name, operand));
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function operation(path: string, name: string, operand: unknown): MongoFilter {
  switch (name) {
    case "notIn":
      return { [path]: { $nin: mongoValue(operand) } };
    case "startsWith": {
      const prefix = mongoValue(operand) as string;
      return {
        [path]: { $regex: new RegExp(`^${prefix.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}`) },
      };
    }
    case "exists":
      return { [path]: operand === true ? { $ne: null } : { $eq: null } };
    case "has":
      return { [path]: { $elemMatch: { $eq: mongoValue(operand) } } };
    case "hasAny":
      return { [path]: { $elemMatch: { $in: mongoValue(operand) } } };
    case "hasAll":
      return both((operand as readonly unknown[]).map((one) => operation(path, "has", one)));
    case "size":
      return { [path]: { $size: operand } };
    case "some":
      return { [path]: { $elemMatch: mongoFilter(operand as object) } };
    default:
      return { [path]: { [`$${name}`]: mongoValue(operand) } };
  }
}

/** A value, a list or a document as mingo gets it. */
export function mongoValue(value: unknown): unknown {
  if (typeof value === "string") return Buffer.from(value).toString("latin1");
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  if (Array.isArray(value)) return value.map(mongoValue);
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]: [string, unknown]) => [name, mongoValue(inner)]),
  );
}
