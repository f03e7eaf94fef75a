import { describe, expect, test } from "vitest";
import { DocumentIds } from "../../../src/collections/document/document-id.ts";
import { isUlid } from "../../../src/collections/index.ts";

class World {
  millis = 1_700_000_000_000;
  fills = 0;
  byte: number | undefined;
  nowMillis(): number {
    return this.millis;
  }
  randomFill(target: Uint8Array): void {
    this.fills++;
    for (let i = 0; i < target.length; i++) target[i] = this.byte ?? (i * 197 + this.fills) & 0xff;
  }
}

function take(ids: DocumentIds, count: number): string[] {
  return Array.from({ length: count }, () => ids.next());
}

function expectRising(ids: readonly string[]): void {
  for (let i = 1; i < ids.length; i++) expect(ids[i]! > ids[i - 1]!).toBe(true);
}

describe("new ids", () => {
  test("are ULIDs that rise, within one millisecond and over many", () => {
    const world = new World();
    const ids = new DocumentIds(world);
    const all = take(ids, 1000);
    for (let i = 0; i < 100; i++) {
      world.millis++;
      all.push(...take(ids, 3));
    }
    expect(all.every(isUlid)).toBe(true);
    expectRising(all);
  });

  test("rise while the clock goes back, and follow it again when it has caught up", () => {
    const world = new World();
    const ids = new DocumentIds(world);
    const all = take(ids, 2);
    world.millis -= 3_600_000;
    all.push(...take(ids, 2));
    world.millis += 7_200_000;
    all.push(...take(ids, 2));
    expectRising(all);
    expect(all[3]!.slice(0, 10)).toBe(all[0]!.slice(0, 10));
    expect(all[4]!.slice(0, 10)).not.toBe(all[0]!.slice(0, 10));
  });

  test("go on in the next millisecond when the random part is used up", () => {
    const world = new World();
    world.byte = 0xff;
    const ids = new DocumentIds(world);
    const all = take(ids, 3);
    expect(all[0]!.slice(10)).toBe("Z".repeat(16));
    expectRising(all);
  });

  test("work at the beginning of time and between milliseconds", () => {
    const world = new World();
    world.millis = 0;
    const ids = new DocumentIds(world);
    const all = take(ids, 2);
    world.millis = 1.75;
    all.push(...take(ids, 2));
    expectRising(all);
    expect(all[0]!.slice(0, 9)).toBe("000000000");
  });

  test("ask for chance once in many ids", () => {
    const world = new World();
    const ids = new DocumentIds(world);
    for (let i = 0; i < 250; i++) {
      world.millis++;
      ids.next();
    }
    expect(world.fills).toBe(1);
  });

  test("come after the newest stored id, as long as that is not absurdly far ahead", () => {
    const world = new World();
    const stored = take(new DocumentIds(world), 5).at(-1)!;
    world.millis -= 3_600_000;
    const following = new DocumentIds(world);
    following.follow(stored);
    expect(following.next() > stored).toBe(true);

    const careful = new DocumentIds(world);
    careful.follow("7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    careful.follow("not a ulid");
    expect(careful.next() < stored).toBe(true);
  });
});
