import { defineConfig } from "vitest/config";
import { isWorkerSource, workerSourceModule } from "./esbuild.config.ts";

export default defineConfig({
  plugins: [
    {
      name: "worker-source",
      load: (path) => (isWorkerSource(path) ? workerSourceModule() : undefined),
    },
  ],
  resolve: {
    alias: [
      { find: /^kotobadb$/, replacement: new URL("./src/index.ts", import.meta.url).pathname },
      {
        find: /^kotobadb\/postgres$/,
        replacement: new URL("./src/engine/postgres/index.ts", import.meta.url).pathname,
      },
      {
        find: /^kotobadb\/(engine|effect|testing)$/,
        replacement: new URL("./src/$1/index.ts", import.meta.url).pathname,
      },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    globalSetup: ["test/support/postgres/global-setup.ts"],
  },
});
