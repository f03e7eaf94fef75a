/**
 * Stands between a program and the server, and breaks what is between them, or slows it; and counts round trips: who begins
 * to send after the server has spoken has waited for an answer.
 */
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";

export interface Proxy {
  /** The server's url, by way of this. */
  readonly url: string;
  /** Milliseconds that are added to each way. */
  delayMillis: number;
  /** Of all connections since the start, those of connecting included. */
  readonly roundTrips: number;
  /** Called with what the program sends; true: the connection is cut once the server has got it, before it can answer. */
  cutsAfter: (sent: Buffer) => boolean;
  /** Called with what the program sends; true: the connection is cut and the server gets nothing of it. */
  cutsBefore: (sent: Buffer) => boolean;
  /** Nothing passes any more, either way, and nobody is told: as if a machine, or the way to it, were gone. */
  isSilent: boolean;
  /** Cuts all connections. */
  cutAll(): void;
  close(): Promise<void>;
}

export async function proxyTo(tcpUrl: string): Promise<Proxy> {
  const target = new URL(tcpUrl);
  const open = new Set<Socket>();
  let roundTrips = 0;
  const listener = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    let isDeaf = false;
    let isServersTurn = false;
    const end = (): void => {
      near.destroy();
      far.destroy();
      open.delete(near);
    };
    open.add(near);
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on("error", end);
      socket.on("close", end);
    }
    const passOn = (to: Socket, data: Buffer): void => {
      if (proxy.isSilent) return;
      if (proxy.delayMillis === 0) to.write(data);
      else setTimeout(() => to.write(data), proxy.delayMillis);
    };
    near.on("data", (data: Buffer) => {
      if (!isServersTurn) roundTrips++;
      isServersTurn = true;
      if (proxy.cutsBefore(data)) end();
      else {
        isDeaf ||= proxy.cutsAfter(data);
        passOn(far, data);
      }
    });
    far.on("data", (data: Buffer) => {
      isServersTurn = false;
      // The answer is there, so what was asked has happened; nobody hears of it.
      if (isDeaf) end();
      else passOn(near, data);
    });
  });
  await new Promise<void>((resolve) => {
    listener.listen(0, "127.0.0.1", resolve);
  });
  const { port } = listener.address() as { readonly port: number };
  const url = new URL(tcpUrl);
  url.port = String(port);
  const proxy: Proxy = {
    url: url.href,
    delayMillis: 0,
    isSilent: false,
    get roundTrips() {
      return roundTrips;
    },
    cutsAfter: () => false,
    cutsBefore: () => false,
    cutAll: () => {
      for (const socket of open) socket.destroy();
    },
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
  return proxy;
}
