/** A database that is the same each time, and a terminal that keeps what was printed. */
import { collection, open } from "kotobadb";
import type { Id } from "kotobadb";
import { openLsmEngine } from "kotobadb/engine";
import type { Host } from "kotobadb/engine";
import { SimulatedHost } from "kotobadb/testing";
import { z } from "zod";
import { runCommand } from "../../src/cli/index.ts";
import type { ExitCode, UrlEngines } from "../../src/cli/index.ts";

const Cities = collection(
  "cities",
  z.object({
    name: z.string(),
    people: z.bigint(),
    founded: z.date(),
    flag: z.instanceof(Uint8Array).optional(),
    place: z.object({ latitude: z.number(), longitude: z.number() }),
  }),
  { indexes: { byName: { on: ["name"], unique: true }, byPlace: ["place.latitude"] } },
);
const Roads = collection("roads", z.object({ from: z.string(), to: z.string() }), { indexes: {} });

/** What modules of programs export, by their paths. */
export const modules: Record<string, object> = {
  "collections.js": {
    Cities,
    CitiesOfToday: Cities.evolve(
      z.object({ name: z.string(), people: z.bigint(), at: z.tuple([z.number(), z.number()]) }),
      ({ name, people, place }) => ({ name, people, at: [place.latitude, place.longitude] }),
      { indexes: { byName: { on: ["name"], unique: true } } },
    ),
    Roads: collection("roads", z.object({ from: z.string(), to: z.string() }), {
      indexes: { byFrom: ["from"] },
    }),
    Rivers: collection("rivers", z.object({ name: z.string() })),
  },
  "wrong.js": {
    collections: {
      cities: Cities.evolve(z.object({ name: z.string().max(4) }), ({ name }) => ({ name })),
      roads: collection("roads", z.object({ from: z.string(), over: z.string(), km: z.number() })),
    },
  },
};

async function load(path: string): Promise<object> {
  const found = modules[path];
  if (found === undefined) throw new Error(`Cannot find module '${path}'`);
  return found;
}

const named = ["Oslo", "Bergen", "Kyoto", "Lima"] as const;

/** Writes cities and roads to the folder; the tables and the log hold a part each. */
export async function makeDatabase(host: Host, path: string): Promise<void> {
  const engine = await openLsmEngine({ path, host, closeFlushBytesMax: 0 });
  await using db = await open({ engine }, { collections: { cities: Cities, roads: Roads } });
  for (const [i, name] of named.entries()) {
    await db.cities.insert({
      id: name.toLowerCase() as Id<"cities">,
      name,
      people: 10n ** 18n + BigInt(i),
      founded: new Date(Date.UTC(1048 + i, 0, 1)),
      ...(i === 0 ? { flag: Uint8Array.of(1, 2, 254) } : {}),
      place: { latitude: i * 10.5, longitude: -i },
    });
  }
  await engine.flush();
  await db.roads.insert({ id: "e16" as Id<"roads">, from: "oslo", to: "bergen" });
  await db.cities.delete("lima" as Id<"cities">);
  await engine.flush();
  await db.roads.insert({ id: "e18" as Id<"roads">, from: "oslo", to: "kyoto" });
}

export async function memoryDatabase(path = "/data"): Promise<SimulatedHost> {
  const host = new SimulatedHost();
  await makeDatabase(host, path);
  return host;
}

/** A file with this text. */
export function writeText(host: SimulatedHost, path: string, text: string): void {
  const file = host.files.open(path, "create");
  const bytes = new TextEncoder().encode(text);
  file.write(bytes, 0, bytes.length, 0);
  file.close();
}

export interface Ran {
  readonly exit: ExitCode;
  readonly out: string;
  readonly err: string;
}

/** Runs `kotoba` with a line of arguments in this process; `input` are the chunks of the standard input. */
export async function kotoba(
  host: Host,
  line: string,
  input: readonly string[] = [],
  urlEngines?: UrlEngines,
): Promise<Ran> {
  let out = "";
  let err = "";
  const exit = await runCommand(
    line.split(" ").filter((word) => word !== ""),
    {
      host,
      load,
      ...(urlEngines === undefined ? {} : { urlEngines }),
      version: "1.2.3",
      terminal: {
        out: (text) => {
          out += text;
          return undefined;
        },
        err: (text) => {
          err += text;
        },
        input: (async function* () {
          for (const chunk of input) yield new TextEncoder().encode(chunk);
        })(),
        progress: undefined,
        isClosed: false,
      },
    },
  );
  return { exit, out, err };
}
