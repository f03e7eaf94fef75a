/**
 * A large program as text: so many collections, each of eight fields and five indexes, each referring to the one before,
 * and ten queries on each. What types cost is measured on it.
 */
export function programOf(collections: number, library: string): string {
  const all = Array.from({ length: collections }, (_, k) => k);
  const names = all.map((k) => `c${k}: C${k}`).join(", ");
  const relations = all
    .map((k) => `c${k}: { parent: { one: "c${before(k, collections)}", via: "parentId" } }`)
    .join(", ");
  return `import { z } from "zod";
import { collection, inc, open, ref } from "${library}";
${all.map((k) => definition(k, before(k, collections))).join("")}
export const opened = await open("x", { collections: { ${names} }, relations: { ${relations} } });
${all.map(queries).join("")}`;
}

function before(k: number, collections: number): number {
  return (k + collections - 1) % collections;
}

function definition(k: number, parent: number): string {
  return `
export const C${k} = collection("c${k}", z.object({
  email: z.email(),
  name: z.string(),
  age: z.number().optional(),
  role: z.enum(["admin", "member"]).default("member"),
  tags: z.array(z.string()).default([]),
  address: z.object({ city: z.string(), zip: z.number() }),
  createdAt: z.date(),
  parentId: ref("c${parent}"),
}), {
  indexes: {
    byEmail: { on: ["email"], unique: true },
    byCity: ["address.city", "-createdAt"],
    byTag: ["tags[]"],
    admins: { on: ["createdAt"], where: { role: "admin" } },
    perRole: { count: true, by: ["role"] },
  },
});`;
}

function queries(k: number): string {
  const db = `opened.c${k}`;
  return `
export async function queries${k}() {
  const adults = await ${db}.where({ age: { gte: 18 }, address: { city: "Oslo" }, tags: { has: "x" } }).orderBy("createdAt", "desc").limit(20).all();
  const either = await ${db}.where({ OR: [{ email: { startsWith: "a" } }, { NOT: { role: "admin" } }] }).select("name", "email").all();
  const recent = await ${db}.index("byCity", "Oslo").gte(new Date(0)).limit(10).all();
  const found = await ${db}.find({ email: "e" });
  const made = await ${db}.insert({ email: "e", name: "n", address: { city: "c", zip: 1 }, createdAt: new Date(), parentId: adults[0]!.parentId });
  const changed = await ${db}.update(made.id, { name: "m", age: inc() });
  const parents = await ${db}.include("parent", (parent) => parent.select("name")).all();
  const figures = await ${db}.where({ role: "admin" }).aggregate({ n: { count: true }, oldest: { max: "age" } });
  const cities = await ${db}.groupBy("address.city").aggregate({ n: { count: true } });
  const page = await ${db}.orderBy("name").page({ size: 20 });
  return [adults, either[0]?.name, recent, found, changed, parents[0]?.parent.name, figures.oldest, cities[0]?.n, page.items];
}`;
}
