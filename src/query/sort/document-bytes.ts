/** About how much memory a document takes: what the language needs for its values, by rule of thumb. */

const OBJECT_BYTES = 32;
const SLOT_BYTES = 8;
const TEXT_BYTES = 24;
const BUFFER_BYTES = 128;
const BOXED_BYTES = 24;

/** HOT: bench/micro/planner. Once for each document that is sorted. */
export function documentBytes(value: unknown): number {
  switch (typeof value) {
    case "string":
      return SLOT_BYTES + TEXT_BYTES + value.length;
    case "bigint":
      return SLOT_BYTES + BOXED_BYTES;
    case "object":
      return value === null ? SLOT_BYTES : objectBytes(value);
    default:
      return SLOT_BYTES;
  }
}

function objectBytes(value: object): number {
  if (value instanceof Uint8Array) return SLOT_BYTES + BUFFER_BYTES + value.length;
  let bytes = SLOT_BYTES + OBJECT_BYTES;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) bytes += documentBytes(value[i]);
    return bytes;
  }
  for (const name in value) bytes += documentBytes((value as Record<string, unknown>)[name]);
  return bytes;
}
