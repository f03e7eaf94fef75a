/**
 * The documents of the comparison: people of about 300 bytes of JSON, each a pure function of its number, so that what was
 * written is known without being kept. Emails are in no order, as they are in life; a city has as many people as there
 * are documents for each of the 500 cities.
 */
import { z } from "zod";

export const PersonSchema = z.object({
  email: z.email(),
  name: z.string().min(1),
  age: z.number().int().min(0).max(150),
  city: z.string(),
  role: z.enum(["admin", "editor", "member", "guest"]),
  active: z.boolean(),
  logins: z.number().int(),
  score: z.number(),
  createdAt: z.number().int(),
  tags: z.array(z.string()),
  address: z.object({ street: z.string(), zip: z.number().int(), country: z.string() }),
  bio: z.string(),
});
export type Person = z.infer<typeof PersonSchema>;

export const CITIES = 500;
export const AGE_MIN = 18;
export const AGE_END = 90;
export const roles = ["admin", "editor", "member", "guest"] as const;
const words = ["music", "chess", "bread", "rivers", "maps", "tea", "bicycles", "birds"];

/** A number without pattern from a number: the finisher of MurmurHash3. */
export function scrambled(n: number): number {
  let hash = n ^ 0x9e3779b9;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export function cityOf(i: number): string {
  return cityName(scrambled(i * 3 + 1) % CITIES);
}
export function cityName(n: number): string {
  return `City of ${String(n % CITIES).padStart(3, "0")}`;
}
export function ageOf(i: number): number {
  return AGE_MIN + (scrambled(i * 3 + 2) % (AGE_END - AGE_MIN));
}
export function emailOf(i: number): string {
  // Within 2^32 the scrambling gives no number twice, and so no email.
  return `${scrambled(i).toString(36).padStart(7, "0")}@example.org`;
}
function roleOf(i: number): Person["role"] {
  return roles[scrambled(i * 3) & 3]!;
}

export function personOf(i: number): Person {
  const chance = scrambled(i + 0x5000_0000);
  return {
    email: emailOf(i),
    name: `Person Number ${i}`,
    age: ageOf(i),
    city: cityOf(i),
    role: roleOf(i),
    active: (chance & 1) === 0,
    logins: chance % 1_000,
    score: (chance % 100_000) / 1_000,
    createdAt: 1_700_000_000_000 + i * 1_000,
    tags: [words[chance & 7]!, words[(chance >>> 3) & 7]!],
    address: { street: `${chance % 300} High Street`, zip: chance % 100_000, country: "NO" },
    bio: `Likes ${words[(chance >>> 6) & 7]!}, ${chance.toString(16)}${scrambled(chance).toString(16)}.`,
  };
}
