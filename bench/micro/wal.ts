/**
 * How long a sync of the log takes, by how its file got its room: `npx tsx bench/micro/wal.ts [directory]`. Figures of the disk
 * below; the ways take turns, so that what else the machine does meets all of them. Nothing is asserted.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeHost } from "../../src/engine/lsm/host/index.ts";
import { WalWriter } from "../../src/engine/lsm/wal/index.ts";

const ROUNDS = 6;
const SYNCS = 400;
const MIB = 1_024 * 1_024;
const FILE_BYTES = 4 * MIB;
const value = new Uint8Array(100).map((_, i) => (i * 37 + 11) & 0xff);

const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), "kotobadb-wal-"));
const host = nodeHost();
const storeId = new Uint8Array(16);
let lastNumber = 0;

/** A file that was a log before, whole on the disk. */
function usedFile(): string {
  const path = join(directory, `${++lastNumber}.used`);
  const file = host.files.open(path, "create");
  file.write(new Uint8Array(FILE_BYTES).fill(7), 0, FILE_BYTES, 0);
  file.syncNow();
  file.close();
  return path;
}

function logOf(stepBytes: number, spare?: string): WalWriter {
  return WalWriter.create({ host, directory, storeId, stepBytes }, ++lastNumber, spare);
}

const ways: Readonly<Record<string, () => WalWriter>> = {
  "a file that grows with each commit": () => logOf(1),
  "room made in steps of 1 MiB": () => logOf(MIB),
  "a file used again": () => logOf(MIB, usedFile()),
};

async function syncsOf(wal: WalWriter, inBackground: boolean): Promise<readonly number[]> {
  const micros: number[] = [];
  for (let i = 1; i <= SYNCS; i++) {
    const start = performance.now();
    wal.append(i, [{ kind: 1, key: value.subarray(0, 16), value }]);
    wal.writePending();
    if (inBackground) await wal.sync();
    else wal.syncNow();
    micros.push((performance.now() - start) * 1_000);
  }
  wal.close();
  return micros;
}

const at = (sorted: readonly number[], share: number): string =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(0).padStart(6);

try {
  const all = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const inBackground of [false, true]) {
      for (const [way, make] of Object.entries(ways)) {
        const name = `${way}, ${inBackground ? "on the pool" : "blocking"}`;
        const micros = await syncsOf(make(), inBackground);
        all.set(name, [...(all.get(name) ?? []), ...micros]);
      }
    }
  }
  console.log(`${"µs for a commit of 100 bytes".padEnd(50)}    p50    p90    p99    max`);
  for (const [name, micros] of all) {
    const sorted = micros.toSorted((a, b) => a - b);
    console.log(
      `${name.padEnd(50)} ${at(sorted, 0.5)} ${at(sorted, 0.9)} ${at(sorted, 0.99)} ${at(sorted, 1)}`,
    );
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
