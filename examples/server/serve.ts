/**
 * A small HTTP server: routes, JSON bodies, streams of events, and an end in good order.
 *
 * Always true:
 * (1) What a request asks for is answered before stop() resolves, unless it is a stream of events, which ends.
 * (2) A client is told what it did wrong; what went wrong here is told to the operator, and to the client only as 500.
 */
import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

const BODY_BYTES_MAX = 64 * 1_024;

export interface Call {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
  /** The body, read as JSON: anything at all. @throws BadRequest where it is none, or too large. */
  body(this: void): Promise<unknown>;
  /** Aborts when the client goes away or the server stops: then what is endless ends. */
  readonly ending: AbortSignal;
}
export type Answer =
  | { readonly status: number; readonly json?: unknown }
  | { readonly events: AsyncIterable<string> };
export interface Route {
  readonly method: string;
  readonly path: RegExp;
  answer(call: Call): Promise<Answer>;
}
export interface Server {
  readonly origin: string;
  /** Requests that are not answered yet. */
  readonly underWay: number;
  /** Accepts nothing new, ends streams of events, and resolves when every request is answered. */
  stop(): Promise<void>;
}

/** The request cannot be answered as it is, and its sender can know why. */
export class BadRequest extends Error {
  readonly status: number;
  constructor(message: string, status = 400) {
    super(message);
    this.status = status;
  }
}

/** Listens on a port that is free. */
export async function serve(routes: readonly Route[]): Promise<Server> {
  const stopping = new AbortController();
  let underWay = 0;
  const server = createServer((request, response) => {
    underWay++;
    const gone = new AbortController();
    response.once("close", () => {
      underWay--;
      gone.abort();
    });
    const ending = AbortSignal.any([gone.signal, stopping.signal]);
    void respond(routes, request, response, ending);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    get underWay() {
      return underWay;
    },
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      stopping.abort();
      await closed;
    },
  };
}

async function respond(
  routes: readonly Route[],
  request: IncomingMessage,
  response: ServerResponse,
  ending: AbortSignal,
): Promise<void> {
  let answer: Answer;
  try {
    answer = await answerTo(routes, request, ending);
  } catch (error) {
    const isTheirs = error instanceof BadRequest;
    if (!isTheirs) console.error(error);
    answer = isTheirs
      ? { status: error.status, json: { error: error.message } }
      : { status: 500, json: { error: "Something went wrong here." } };
  }
  // A connection that is kept open for a next request would keep the server from stopping.
  if (ending.aborted) response.setHeader("connection", "close");
  if ("events" in answer) {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.flushHeaders();
    // Reads no faster than the client does; a client that goes away ends the stream.
    await pipeline(Readable.from(answer.events), response).catch(() => response.destroy());
    return;
  }
  const { json, status } = answer;
  if (json === undefined) response.writeHead(status).end();
  else response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
}

async function answerTo(
  routes: readonly Route[],
  request: IncomingMessage,
  ending: AbortSignal,
): Promise<Answer> {
  const url = new URL(request.url ?? "/", "http://localhost");
  const found = routes.filter(({ path }) => path.test(url.pathname));
  const route = found.find(({ method }) => method === request.method);
  if (route === undefined)
    throw found.length === 0
      ? new BadRequest("There is nothing here.", 404)
      : new BadRequest("That cannot be done here.", 405);
  const params = route.path.exec(url.pathname)?.groups ?? {};
  return route.answer({
    params: Object.fromEntries(Object.entries(params).map(([name, text]) => [name, decoded(text)])),
    query: Object.fromEntries(url.searchParams),
    headers: request.headers,
    body: () => jsonOf(request),
    ending,
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new BadRequest("The path is not well formed.");
  }
}

async function jsonOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new BadRequest("The body is too large.", 413);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8")) as unknown;
  } catch {
    throw new BadRequest("The body is no JSON.");
  }
}
