/** msgpackr followed references inside of damaged bytes, to documents that contain themselves. */
import { expect, test } from "vitest";
import { CorruptionError } from "../../src/engine/contract/index.ts";
import { DocumentCodec } from "../../src/collections/document/document-codec.ts";
import { OPAQUE_SHAPE } from "../../src/collections/schema/field-shape.ts";

test("a document that says it is a part of itself is damage", () => {
  const codec = new DocumentCodec("things", OPAQUE_SHAPE, []);
  // { a: [ the array itself ] }, in the form that msgpackr has for clones of objects.
  const bytes = Buffer.from("81a161d6690000000191d67000000001", "hex");
  expect(() => codec.decode(bytes, 0, bytes.length)).toThrow(CorruptionError);
});
