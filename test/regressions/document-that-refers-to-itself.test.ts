/** msgpackr followed references inside of damaged bytes, to documents that contain themselves. */
import { expect, test } from "vitest";
import { CorruptionError } from "../../src/engine/contract/index.ts";
import { DocumentCodec } from "../../src/collections/document/document-codec.ts";
import { OPAQUE_SHAPE } from "../../src/collections/schema/field-shape.ts";

test("a document that says it is a part of itself is damage", () => {
  const codec = new DocumentCodec("things", OPAQUE_SHAPE, []);
  // { a: [ the array itself ] }, in the form that msgpackr has for clones of objects.
  const bytes = Uint8Array.of(
    ...[0x81, 0xa1, 0x61, 0xd6, 0x69, 0, 0, 0, 1],
    ...[0x91, 0xd6, 0x70, 0, 0, 0, 1],
  );
  expect(() => codec.decode(bytes, 0, bytes.length)).toThrow(CorruptionError);
});
