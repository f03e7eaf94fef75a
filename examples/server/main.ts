import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { open } from "kotobadb";
import { postgres } from "kotobadb/postgres";
import { collections, routesOf } from "./contacts.ts";
import { serve } from "./serve.ts";

const folder = await mkdtemp(join(tmpdir(), "kotobadb-server-"));
// A folder of its own, or a server: postgres://…
const url = process.argv[2];
const openDatabase = () =>
  url === undefined
    ? open(folder, { collections, changeLog: true })
    : open({ engine: postgres({ url, changeLog: true }) }, { collections });
const db = await openDatabase();
// What is stored does not fit the program? Known before anybody asks.
await db.ready();
const server = await serve(routesOf(db));

// On a server others may run beside this one, with people of the same names: each has places and a domain of its own.
const own = url === undefined ? "" : `-${randomUUID().slice(0, 8)}`;
const [oslo, rome, domain] = [`Oslo${own}`, `Rome${own}`, `example${own}.org`];

/** Long ids and cursors are only noise here, and so is what makes names this program's own. */
const short = (text: string): string =>
  text.replaceAll(own, "").replace(/[\w-]{24,}/g, (word) => `${word.slice(0, 4)}…`);

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(1);
}

async function ask(line: string, body?: unknown) {
  const [method, path] = line.split(" ") as [string, string];
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const response = await fetch(`${server.origin}${path}`, {
    method,
    ...(sent === undefined ? {} : { body: sent }),
  });
  const text = await response.text();
  console.log(short(`${line} ${sent ?? ""}`).trimEnd());
  console.log(`  ${response.status} ${short(text)}`.trimEnd());
  return (text === "" ? undefined : JSON.parse(text)) as { id: string; next: string };
}

/** The first events of the stream that are about this program's people. */
async function follow(count: number, lastEventId?: string): Promise<readonly string[]> {
  const response = await fetch(`${server.origin}/contacts/changes`, {
    headers: lastEventId === undefined ? {} : { "last-event-id": lastEventId },
  });
  let text = "";
  for await (const bytes of response.body!) {
    text += Buffer.from(bytes).toString("utf8");
    // Behind the last end of an event is the beginning of the next one.
    const whole = text.split("\n\n").slice(0, -1);
    const events = whole.filter((event) => event.includes(domain)).slice(0, count);
    if (events.length === count) return events;
  }
  throw new Error("The stream ended.");
}

/** Prints each event as a line; gives the id of the last one. */
function show(events: readonly string[]): string {
  for (const event of events) console.log(short(`  event ${event.replaceAll("\n", " ")}`));
  return /^id: (.*)$/m.exec(events.at(-1)!)?.[1] ?? "";
}

const feed = follow(1);
await until(() => server.underWay === 1);
const ada = await ask("POST /contacts", { email: `ada@${domain}`, name: "Ada", city: "London" });
const seen = show(await feed);
await ask("POST /contacts", { email: `ada@${domain}`, name: "Eve", city: oslo });
await ask("POST /contacts", { email: "nobody", city: oslo, id: "mine" });
for (const name of ["Bob", "Cy", "Dot"])
  await ask("POST /contacts", { email: `${name}@${domain}`, name, city: oslo, tags: ["rowing"] });
console.log("GET /contacts/changes, again behind the last event");
show(await follow(3, seen));

const page = await ask(`GET /contacts?city=${oslo}&size=2`);
await ask(`GET /contacts?city=${oslo}&size=2&after=${page.next}`);
await ask(`GET /contacts?size=2&after=${page.next}`);
await ask("GET /contacts?size=1000");
await ask("POST /contacts/search", { city: oslo, tag: "rowing" });
await ask("POST /contacts/search", { city: { ne: "" }, tag: "rowing" });
await ask(`GET /contacts/${ada.id}`);
await ask(`PATCH /contacts/${ada.id}`, { city: "Paris" });
await ask(`PATCH /contacts/${ada.id}`, { email: `Bob@${domain}` });
await ask(`PATCH /contacts/${ada.id}`, { city: { inc: 1 } });
await ask(`DELETE /contacts/${ada.id}`);
await ask(`GET /contacts/${ada.id}`);
await ask("PUT /contacts", {});

// A request of which only half has arrived when the server is told to stop.
let sendTheRest = (): void => undefined;
const rest = new Promise<void>((resolve) => (sendTheRest = resolve));
async function* slowly() {
  yield `{"email":"late@${domain}","name":"Late",`;
  await rest;
  yield `"city":"${rome}"}`;
}
await until(() => server.underWay === 0);
const late = fetch(`${server.origin}/contacts`, {
  method: "POST",
  body: ReadableStream.from(slowly()).pipeThrough(new TextEncoderStream()),
  duplex: "half",
} as RequestInit);
await until(() => server.underWay === 1);
const stopped = server.stop();
const refused = await fetch(server.origin).then(
  () => "answered",
  () => "refused",
);
console.log(`Told to stop. A new request is ${refused}.`);
sendTheRest();
console.log(`The one that was under way is answered: ${(await late).status}.`);
await stopped;
await db.close();

const again = await openDatabase();
const left = await again.contacts.where({ city: { in: [oslo, rome] } }).count();
console.log(`Stopped and closed. Opened again, the database has ${left} contacts.`);
await again.close();
await rm(folder, { recursive: true });
