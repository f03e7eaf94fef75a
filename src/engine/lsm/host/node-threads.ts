/**
 * Threads of Node: one end for who starts them, the other for what runs in them.
 *
 * Always true: `ended` is called once, after the thread has gone and its files are no longer touched.
 */
import { Worker, parentPort, workerData } from "node:worker_threads";
import type { BackgroundThread, ThreadListener, Threads } from "./host.ts";

/** Objects of the thread; bytes of blocks and filters lie outside of it and are bounded by what is open at a time. */
const HEAP_MEGABYTES_MAX = 256;

export const nodeThreads: Threads = { start: startThread };

function startThread(source: string, data: unknown, listener: ThreadListener): BackgroundThread {
  const worker = new Worker(source, {
    eval: true,
    workerData: data,
    name: "kotobadb",
    // What was meant for the program (loaders, inspectors, variables) is nothing to this thread.
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MEGABYTES_MAX },
  });
  worker.unref();
  let cause: unknown;
  worker.on("message", (message) => listener.message(message));
  worker.on("error", (error) => {
    cause = error;
  });
  worker.on("messageerror", (error) => {
    cause = error;
    void worker.terminate();
  });
  const gone = new Promise<void>((resolved) => {
    worker.on("exit", (code) => {
      listener.ended(cause ?? new Error(`The background thread ended with code ${code}.`));
      resolved();
    });
  });
  return {
    post: (message) => worker.postMessage(message),
    keepAlive: (isKept) => (isKept ? worker.ref() : worker.unref()),
    stop: async () => {
      await worker.terminate();
      await gone;
    },
  };
}

/** What runs in a thread, and the way back to who started it. */
export interface MakerOfThread {
  readonly data: unknown;
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
}

/** Undefined on the main thread. */
export function makerOfThread(): MakerOfThread | undefined {
  const port = parentPort;
  if (port === null) return undefined;
  return {
    data: workerData,
    post: (message) => port.postMessage(message),
    onMessage: (listener) => void port.on("message", listener),
  };
}
