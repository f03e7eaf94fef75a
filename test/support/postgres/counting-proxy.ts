/**
 * Stands between a program and a server and counts round trips: whenever a client begins to send after the server has
 * spoken, it has waited for an answer. Can hold both ways up, as a longer cable would.
 */
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

export class CountingProxy {
  /** Of all connections since the start, those of connecting included. */
  roundTrips = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** `url` is the server's; `delayMillis` is added to each direction. */
  static async start(url: string, delayMillis = 0): Promise<CountingProxy> {
    const { hostname, port } = new URL(url);
    const server = createServer();
    const proxy = new CountingProxy(server);
    server.on("connection", (client) => {
      proxy.#join(client, connect({ host: hostname, port: Number(port) }), delayMillis);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  /** The server's url by way of the proxy. */
  urlOf(url: string): string {
    const through = new URL(url);
    through.hostname = "127.0.0.1";
    through.port = String((this.#server.address() as AddressInfo).port);
    return through.href;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, server: Socket, delayMillis: number): void {
    let isServersTurn = false;
    const pass = (from: Socket, to: Socket, seen: () => void): void => {
      from.setNoDelay(true);
      this.#sockets.add(from);
      from.on("data", (bytes) => {
        seen();
        if (delayMillis === 0) to.write(bytes);
        else setTimeout(() => to.writable && to.write(bytes), delayMillis);
      });
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.on("error", () => to.destroy());
    };
    pass(client, server, () => {
      if (!isServersTurn) this.roundTrips++;
      isServersTurn = true;
    });
    pass(server, client, () => {
      isServersTurn = false;
    });
  }
}
