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

/** Long ids and cursors are only noise here. */
const short = (text: string): string =>
  text.replace(/[\w-]{24,}/g, (word) => `${word.slice(0, 4)}…`);

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

/** The first events of the stream, told as one line each. */
async function follow(count: number, lastEventId?: string): Promise<string> {
  const response = await fetch(`${server.origin}/contacts/changes`, {
    headers: lastEventId === undefined ? {} : { "last-event-id": lastEventId },
  });
  let text = "";
  let seen = "";
  for await (const bytes of response.body!) {
    text += Buffer.from(bytes).toString("utf8");
    const events = text.split("\n\n");
    if (events.length <= count) continue;
    for (const event of events.slice(0, count)) {
      console.log(short(`  event ${event.replaceAll("\n", " ")}`));
      seen = /^id: (.*)$/m.exec(event)?.[1] ?? seen;
    }
    break;
  }
  return seen;
}

const feed = follow(1);
await until(() => server.underWay === 1);
const ada = await ask("POST /contacts", { email: "ada@example.org", name: "Ada", city: "London" });
const seen = await feed;
await ask("POST /contacts", { email: "ada@example.org", name: "Eve", city: "Oslo" });
await ask("POST /contacts", { email: "nobody", city: "Oslo", id: "mine" });
for (const name of ["Bob", "Cy", "Dot"])
  await ask("POST /contacts", {
    email: `${name}@example.org`,
    name,
    city: "Oslo",
    tags: ["rowing"],
  });
console.log("GET /contacts/changes, again behind the last event");
await follow(3, seen);

const page = await ask("GET /contacts?city=Oslo&size=2");
await ask(`GET /contacts?city=Oslo&size=2&after=${page.next}`);
await ask(`GET /contacts?size=2&after=${page.next}`);
await ask("GET /contacts?size=1000");
await ask("POST /contacts/search", { city: "Oslo", tag: "rowing" });
await ask("POST /contacts/search", { city: { ne: "" }, tag: "rowing" });
await ask(`GET /contacts/${ada.id}`);
await ask(`PATCH /contacts/${ada.id}`, { city: "Paris" });
await ask(`PATCH /contacts/${ada.id}`, { email: "Bob@example.org" });
await ask(`PATCH /contacts/${ada.id}`, { city: { inc: 1 } });
await ask(`DELETE /contacts/${ada.id}`);
await ask(`GET /contacts/${ada.id}`);
await ask("PUT /contacts", {});

// A request of which only half has arrived when the server is told to stop.
let sendTheRest = (): void => undefined;
const rest = new Promise<void>((resolve) => (sendTheRest = resolve));
async function* slowly() {
  yield '{"email":"late@example.org","name":"Late",';
  await rest;
  yield '"city":"Rome"}';
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
console.log(
  `Stopped and closed. Opened again, the database has ${await again.contacts.count()} contacts.`,
);
await again.close();
await rm(folder, { recursive: true });
