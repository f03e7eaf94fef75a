/**
 * The routes of an address book, and what each error of the database is in HTTP.
 *
 * What a stranger sends is parsed before it reaches the database: so a field that the schema does not name (an id of the
 * stranger's own, say) never gets in, and an object where a scalar belongs, which in a filter would be an operator, is
 * refused: `{ "city": { "ne": "" } }` finds nobody.
 */
import {
  collection,
  InvalidCursor,
  NotFound,
  ref,
  StorageError,
  UniqueViolation,
  ValidationError,
} from "kotobadb";
import type { Db } from "kotobadb";
import { z } from "zod";
import { BadRequest } from "./serve.ts";
import type { Answer, Call, Route } from "./serve.ts";

const ContactSchema = z.object({
  email: z.email(),
  name: z.string().min(1),
  city: z.string(),
  tags: z.array(z.string()),
});
export const collections = {
  contacts: collection("contacts", ContactSchema, {
    indexes: {
      byEmail: { on: ["email"], unique: true },
      byName: ["name"],
      byCity: ["city", "name"],
      byTag: ["tags[]"],
    },
  }),
};

const ContactId = ref("contacts");
const NewContact = z.strictObject({
  ...ContactSchema.shape,
  tags: ContactSchema.shape.tags.default([]),
});
const ContactPatch = z.strictObject(ContactSchema.shape).exactPartial();
const Listing = z.object({
  city: z.string().optional(),
  size: z.coerce.number().int().min(1).max(100).default(20),
  after: z.string().optional(),
});
const Search = z.strictObject({ city: z.string(), tag: z.string() });

export function routesOf({ contacts }: Db<typeof collections>): readonly Route[] {
  const one = (call: Call) => ContactId.parse(call.params["id"]);
  return [
    route("GET /contacts", async ({ query }) => {
      const { after, city, size } = Listing.parse(query);
      const listed = city === undefined ? contacts : contacts.where({ city });
      const { items, next } = await listed.orderBy("name").page({ size, after });
      return { status: 200, json: { items, next } };
    }),
    route("POST /contacts", async ({ body }) => {
      const contact = await contacts.insert(NewContact.parse(await body()));
      return { status: 201, json: contact };
    }),
    route("POST /contacts/search", async ({ body }) => {
      const { city, tag } = Search.parse(await body());
      const found = await contacts
        .where({ city, tags: { has: tag } })
        .limit(100)
        .all();
      return { status: 200, json: found };
    }),
    route("GET /contacts/changes", async ({ ending, headers }) => ({
      events: changesOf(contacts, headers["last-event-id"], ending),
    })),
    route("GET /contacts/:id", async (call) => ({
      status: 200,
      json: await contacts.getOrThrow(one(call)),
    })),
    route("PATCH /contacts/:id", async (call) => ({
      status: 200,
      json: await contacts.update(one(call), ContactPatch.parse(await call.body())),
    })),
    route("DELETE /contacts/:id", async (call) => ({
      status: (await contacts.delete(one(call))) ? 204 : 404,
    })),
  ];
}

function route(line: `${string} /${string}`, answer: Route["answer"]): Route {
  const [method, path] = line.split(" ") as [string, string];
  const pattern = path.replace(/:(\w+)/g, "(?<$1>[^/]+)");
  return {
    method,
    path: new RegExp(`^${pattern}$`),
    answer: async (call) => {
      try {
        return await answer(call);
      } catch (error) {
        return refusalOf(error);
      }
    },
  };
}

/** What the caller did wrong; what is none of the caller's doing is thrown on, and becomes a 500. */
function refusalOf(error: unknown): Answer {
  if (error instanceof z.ZodError || error instanceof ValidationError) {
    const issues = error.issues.map(({ message, path }) => ({ path: path.join("."), message }));
    return { status: 400, json: { error: "The request is not valid.", issues } };
  }
  if (error instanceof InvalidCursor)
    return { status: 400, json: { error: "The cursor is not one of this list." } };
  if (error instanceof NotFound)
    return { status: 404, json: { error: "There is no such contact." } };
  if (error instanceof UniqueViolation)
    return { status: 409, json: { error: "It is taken.", index: error.index } };
  throw error;
}

/**
 * Server-sent events, from now on or behind the event that the client saw last: a browser that reconnects sends its id,
 * and misses nothing. A commit's changes have one id, told with the last of them, so that none is left half behind.
 */
async function* changesOf(
  contacts: Db<typeof collections>["contacts"],
  since: string | string[] | undefined,
  signal: AbortSignal,
): AsyncGenerator<string> {
  if (Array.isArray(since)) throw new BadRequest("Last-Event-ID comes once.");
  try {
    for await (const { after, endsCommit, id, type, version } of contacts.changes({
      since,
      signal,
    })) {
      const data = JSON.stringify(after ?? { id });
      yield `event: ${type}\ndata: ${data}\n${endsCommit ? `id: ${version}\n` : ""}\n`;
    }
  } catch (error) {
    // That client or server ends the stream is no failure.
    if (signal.aborted) return;
    // The log does not reach back so far: the client reads the list anew.
    if (error instanceof StorageError && error.code === "TooOld")
      yield "event: reset\ndata: {}\n\n";
    else throw error;
  }
}
