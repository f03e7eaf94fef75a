/** How the example speaks, and how it checks what it says. */
import { styleText } from "node:util";

export function chapter(title: string): void {
  console.log(`\n${styleText("bold", title)}`);
}
export function say(line: string): void {
  console.log(`  ${line}`);
}
export function check(what: string, holds: boolean): void {
  if (!holds) throw new Error(`The atlas is wrong: ${what}`);
  say(`${styleText("green", "✓")} ${what}`);
}
export function number(value: number): string {
  return value.toLocaleString("en-US");
}
export function millis(since: number): string {
  const taken = performance.now() - since;
  return taken < 10 ? `${taken.toFixed(2)} ms` : `${number(Math.round(taken))} ms`;
}
