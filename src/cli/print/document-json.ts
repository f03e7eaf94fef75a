/**
 * Documents as JSON, which knows fewer kinds of values than a document: a date is its ISO text, a bigint its digits in a
 * string, bytes are base64. So what is printed is for reading; it cannot be stored again without the schema.
 */
export function documentJson(document: unknown, spaces?: number): string {
  return JSON.stringify(plain(document), undefined, spaces);
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
}
