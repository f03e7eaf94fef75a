/**
 * kotoba migrate: does at once what the program would do at its first use of its collections. With --dry-run it changes
 * nothing: every step runs over every document, and all that fail are told.
 */
import { Catalog, CollectionStore, tryStored, versionOf } from "../../collections/index.ts";
import type { CollectionDefinition, EvolutionFailed } from "../../collections/index.ts";
import type { ReadView } from "../../engine/index.ts";
import { withReader, withWriter } from "../command.ts";
import type { Command, CommandContext, CommonOptions } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { countText } from "../print/table-text.ts";
import { programDefinitions } from "../program-definitions.ts";
import { storeHost } from "../store-host.ts";
import { isRefused, outlooks, textOf } from "./check.ts";
import type { NamedOutlook } from "./check.ts";

export interface MigrateOptions extends CommonOptions {
  readonly dryRun?: boolean;
}

/** As many failures of a collection are told one by one. */
const FAILURES_MAX = 20;

export const migrate: Command<[path: string, module: string], MigrateOptions> = async (
  context,
  [path, module],
  { dryRun, json },
) => {
  const definitions = await programDefinitions(context.load, module);
  if (dryRun === true) return tryAll(context, path, definitions, json === true);
  const before = await withReader(context, path, (engine) =>
    outlooks(engine.snapshot(), definitions),
  );
  const { terminal } = context;
  const isWrong = isRefused(before);
  if (!isWrong) await migrateAll(context, path, definitions, before);
  if (json === true) {
    const collections = before.map(({ name, outlook }) => ({ name, ...outlook }));
    await terminal.out(`${JSON.stringify({ done: !isWrong, collections })}\n`);
  } else await terminal.out(`${textOf(before)}${isWrong ? "nothing was changed" : "done"}\n`);
  return isWrong ? EXIT.problems : EXIT.fine;
};

async function migrateAll(
  context: CommandContext,
  path: string,
  definitions: readonly CollectionDefinition[],
  before: readonly NamedOutlook[],
): Promise<void> {
  const names = new Set(
    before
      .filter(({ outlook }) => outlook.kind === "step" || outlook.kind === "compatible")
      .map(({ name }) => name),
  );
  if (names.size === 0) return;
  await withWriter(context, path, async (engine) => {
    const catalog = new Catalog(storeHost(context.host, engine));
    for (const definition of definitions) {
      if (names.has(definition.name)) await new CollectionStore(catalog, definition).ready();
    }
  });
}

interface Trial {
  readonly name: string;
  readonly version: number;
  readonly documents: number;
  readonly upgraded: number;
  readonly failed: number;
  /** The first of them. */
  readonly failures: readonly EvolutionFailed[];
}

async function tryAll(
  context: CommandContext,
  path: string,
  definitions: readonly CollectionDefinition[],
  json: boolean,
): Promise<ExitCode> {
  const { terminal } = context;
  const { before, trials } = await withReader(context, path, async (engine) => {
    const view = engine.snapshot();
    const tried: Trial[] = [];
    for (const definition of definitions) {
      const trial = await trialOf(view, definition);
      if (trial !== undefined) tried.push(trial);
    }
    return { before: await outlooks(view, definitions), trials: tried };
  });
  const failed = trials.reduce((sum, trial) => sum + trial.failed, 0);
  const isWrong = failed > 0 || isRefused(before);
  if (json) {
    const collections = before.map(({ name, outlook }) => {
      const trial = trials.find((one) => one.name === name);
      return { name, ...outlook, ...(trial === undefined ? {} : shownTrial(trial)) };
    });
    await terminal.out(`${JSON.stringify({ ok: !isWrong, collections })}\n`);
  } else {
    await terminal.out(`${textOf(before)}${trials.map(trialText).join("")}nothing was changed\n`);
  }
  return isWrong ? EXIT.problems : EXIT.fine;
}

async function trialOf(
  view: ReadView,
  definition: CollectionDefinition,
): Promise<Trial | undefined> {
  const failures: EvolutionFailed[] = [];
  let failed = 0;
  const found = await tryStored(view, definition, (failure) => {
    if (failed++ < FAILURES_MAX) failures.push(failure);
  });
  if (found === undefined || found.upgraded === 0) return undefined;
  return { name: definition.name, version: versionOf(definition), ...found, failed, failures };
}

function shownTrial({ failed, failures }: Trial): object {
  const shown = failures.map(({ id, issues, version }) => ({ id, from: version, issues }));
  return { failed, failures: shown };
}

function trialText({ failed, failures, name, upgraded, version }: Trial): string {
  const fine = countText(upgraded - failed, "document");
  const lines = failures.map(({ details, id }) => {
    return `  ${id}: step ${String(details["step"])}: ${String(details["issues"])}\n`;
  });
  const more = failed > failures.length ? `  and ${failed - failures.length} more\n` : "";
  const told = failed === 0 ? "" : `, ${failed} cannot be:\n${lines.join("")}${more}`;
  return `${name}: ${fine} can be brought to version ${version}${told === "" ? "\n" : told}`;
}
