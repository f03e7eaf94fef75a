/** TypeScript's language server, as an editor talks to it: JSON-RPC with a length before each message. */
import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

interface Message {
  readonly id?: number | string;
  readonly method?: string;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}
export interface Position {
  readonly line: number;
  readonly character: number;
}

export class LanguageServer {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, (message: Message) => void>();
  #buffer: Buffer = Buffer.alloc(0);
  #nextId = 1;

  private constructor(process: ChildProcessWithoutNullStreams) {
    this.#process = process;
    process.stdout.on("data", (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      for (let message = this.#take(); message !== undefined; message = this.#take())
        this.#receive(message);
    });
  }

  /** Starts the server on one file of this repository. */
  static async open(file: string): Promise<LanguageServer> {
    const server = new LanguageServer(spawn("node_modules/.bin/tsc", ["--lsp", "--stdio"]));
    await server.#request("initialize", {
      processId: process.pid,
      rootUri: pathToFileURL(resolve(".")).href,
      capabilities: {
        textDocument: {
          hover: { contentFormat: ["markdown"] },
          completion: { completionItem: { snippetSupport: false } },
        },
      },
    });
    server.#send({ method: "initialized", params: {} });
    server.#send({
      method: "textDocument/didOpen",
      params: {
        textDocument: {
          uri: uriOf(file),
          languageId: "typescript",
          version: 1,
          text: readFileSync(file, "utf8"),
        },
      },
    });
    return server;
  }

  /** What is shown of the name at a place: its declaration, without its documentation. */
  async hover(file: string, position: Position): Promise<string> {
    const result = (await this.#request("textDocument/hover", {
      textDocument: { uri: uriOf(file) },
      position,
    })) as { readonly contents: { readonly value: string } } | null;
    const text = result?.contents.value ?? "nothing";
    return /```(?:typescript|tsx?)\n([\s\S]*?)\n?```/.exec(text)?.[1] ?? text;
  }

  /** The names that may be typed at a place, in alphabetical order. */
  async completions(file: string, position: Position): Promise<readonly string[]> {
    const result = (await this.#request("textDocument/completion", {
      textDocument: { uri: uriOf(file) },
      position,
      context: { triggerKind: 1 },
    })) as { readonly items?: readonly { readonly label: string }[] } | null;
    const labels = (result?.items ?? []).map(({ label }) => label.replace(/\?$/, ""));
    return [...new Set(labels)].toSorted();
  }

  close(): void {
    this.#process.kill();
  }

  async #request(method: string, params: object): Promise<unknown> {
    const id = this.#nextId++;
    const answer = new Promise<Message>((done) => this.#waiting.set(id, done));
    this.#send({ id, method, params });
    const { error, result } = await answer;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  #send(message: object): void {
    const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }));
    this.#process.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
    this.#process.stdin.write(body);
  }

  #receive(message: Message): void {
    // A question of the server's own, about settings or the like: there is nothing to say.
    if (message.method !== undefined) {
      if (message.id !== undefined) this.#send({ id: message.id, result: null });
      return;
    }
    const done = this.#waiting.get(message.id as number);
    this.#waiting.delete(message.id as number);
    done?.(message);
  }

  #take(): Message | undefined {
    const end = this.#buffer.indexOf("\r\n\r\n");
    if (end === -1) return undefined;
    const length = Number(
      /Content-Length: (\d+)/i.exec(this.#buffer.toString("latin1", 0, end))![1],
    );
    const start = end + 4;
    if (this.#buffer.length < start + length) return undefined;
    const text = this.#buffer.toString("utf8", start, start + length);
    this.#buffer = this.#buffer.subarray(start + length);
    return JSON.parse(text) as Message;
  }
}

function uriOf(file: string): string {
  return pathToFileURL(resolve(file)).href;
}
