/**
 * Corruption everywhere: whatever happens to the files of a database while nobody has it open, every answer is right or
 * is refused by an error that names the file.
 *
 * A round has two halves. The walk goes over the stores that each recipe makes with a fixed seed: all their places (each
 * byte, each bit of each head, each length, see damages.ts) are a list, and the round of seed s takes those that stand s
 * apart from each other modulo the number of rounds that a walk takes; so rounds of consecutive seeds cover every place of
 * the store of a recipe before one is repeated. The other half are damages that are drawn, on a store that is drawn.
 */
import { seededRandom } from "../../src/testing/kit/index.ts";
import { damageAt, drawDamage, placesOf } from "./damage/damages.ts";
import type { Damage } from "./damage/damages.ts";
import { kindOf } from "./damage/disk.ts";
import { judge } from "./damage/judge.ts";
import { makeStore, recipes } from "./damage/store.ts";
import type { Store } from "./damage/store.ts";
import { count } from "./kit/proof.ts";
import type { Counts, Proof } from "./kit/proof.ts";

const UNIT = "damaged stores";
const WALKED = 100;
const DRAWN = 100;
/** Of the stores that are walked over. */
const STORE_SEED = 1;

async function round(seed: number, counts: Counts): Promise<void> {
  const random = seededRandom(seed, 9);
  const recipe = recipes[seed % recipes.length]!;
  const walk = await makeStore(recipe, STORE_SEED);
  const places = placesOf(walk.disk);
  const rounds = Math.ceil(places.length / WALKED);
  const first = Math.floor(seed / recipes.length) % rounds;
  for (let i = first; i < places.length; i += rounds)
    await judgeOne(walk, damageAt(walk.disk, places[i]!, random), i, counts);
  const drawn = await makeStore(recipes[random.below(recipes.length)]!, seed);
  for (let i = 0; i < DRAWN; i++) await judgeOne(drawn, drawDamage(drawn, random), i, counts);
}

async function judgeOne(store: Store, damage: Damage, i: number, counts: Counts): Promise<void> {
  const readOnly = i % 4 === 3;
  const outcome = await judge(store, damage, { readOnly, again: i % 8 === 0 });
  count(counts, UNIT);
  count(counts, damage.kind);
  for (const kind of kindsTouched(store, damage)) count(counts, `in a ${kind}`);
  count(counts, outcome);
  if (readOnly) count(counts, "opened to be read only");
}

function kindsTouched({ disk }: Store, damage: Damage): ReadonlySet<string> {
  const names = new Set([...disk.keys(), ...damage.disk.keys()]);
  const touched = [...names].filter((name) => disk.get(name) !== damage.disk.get(name));
  return new Set(touched.map(kindOf));
}

export const damage: Proof = {
  name: "damage",
  unit: UNIT,
  quick: 3_000,
  full: 50_000,
  share: 7,
  round,
};
