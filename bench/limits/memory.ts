/** What memory and the language give to one thread that does nothing else. */
import { Packr } from "msgpackr";
import type { Recorder } from "../kit/index.ts";
import { bandwidth } from "./bandwidth.ts";

const PIECE_BYTES = 1_024 * 1_024;
const SLAB_BYTES = 128 * 1_024 * 1_024;
const DOCUMENTS = 1_000;

export async function measureMemory(recorder: Recorder): Promise<void> {
  const slab = Buffer.alloc(SLAB_BYTES, "kotobadb");
  const piece = Buffer.alloc(PIECE_BYTES);
  const pieces = SLAB_BYTES / PIECE_BYTES;
  bandwidth(recorder, "copy of 1 MiB pieces of memory", SLAB_BYTES, () => {
    for (let at = 0; at < pieces; at++) {
      piece.set(slab.subarray(at * PIECE_BYTES, (at + 1) * PIECE_BYTES));
    }
  });
  let sum = 0;
  await recorder.rate("look into 128 MiB of memory", 2_000_000, () => {
    let at = 1;
    for (let i = 0; i < 2_000_000; i++) {
      // Where to look next depends on what was seen, as in any search.
      at = (Math.imul(at, 0x9e3779b1) + slab[at]!) & (SLAB_BYTES - 1);
      sum += at;
    }
  });
  if (sum === 0) throw new Error("nothing was looked at");
  await recorder.rate("await of a promise", 500_000, async () => {
    for (let i = 0; i < 500_000; i++) await Promise.resolve(i);
  });
  await measureDocuments(recorder);
}

/** A document of about 300 bytes of JSON, of known fields, as msgpackr packs it at its quickest. */
async function measureDocuments(recorder: Recorder): Promise<void> {
  const packr = new Packr({ structures: [] });
  const documents = Array.from({ length: DOCUMENTS }, (_, n) => documentOf(n));
  const packed = documents.map((document) => packr.pack(document));
  const rounds = 100;
  await recorder.rate("decode of a document", DOCUMENTS * rounds, () => {
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < DOCUMENTS; i++) {
        const { age } = packr.unpack(packed[i]!) as { readonly age: number };
        if (age !== i % 80) throw new Error(`document ${i} was not decoded`);
      }
    }
  });
  await recorder.rate("encode of a document", DOCUMENTS * rounds, () => {
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < DOCUMENTS; i++) {
        if (packr.pack(documents[i]).length < 100) throw new Error(`document ${i} is too short`);
      }
    }
  });
}

function documentOf(n: number): object {
  return {
    id: `01J9ZQ4Y8Q${String(n).padStart(16, "0")}`,
    email: `user${n}@example.org`,
    name: `Somebody With A Name ${n}`,
    city: `City ${n % 100}`,
    age: n % 80,
    tags: ["reader", "writer"],
    address: { street: `Long Street ${n}`, zip: String(10_000 + (n % 90_000)) },
    createdAt: "2026-01-01T00:00:00.000Z",
    bio: "A sentence or two about this person, of which nobody has ever read more than half.",
  };
}
