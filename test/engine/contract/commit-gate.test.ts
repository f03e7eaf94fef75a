import { expect, test } from "vitest";
import { CommitGate } from "../../../src/engine/contract/index.ts";

test("commits pass at once until somebody holds the gate, then wait for their turn in order", async () => {
  const gate = new CommitGate();
  const seen: string[] = [];
  expect(gate.pass(() => "at once", undefined)).toBe("at once");
  expect(gate.enter(() => "held", undefined)).toBe("held");
  const first = gate.pass(() => seen.push("first"), undefined);
  const second = gate.enter(() => seen.push("second"), undefined);
  const third = gate.pass(() => seen.push("third"), undefined);
  expect([gate.waiting, seen]).toEqual([3, []]);
  gate.leave();
  await first;
  await second;
  expect([gate.waiting, seen]).toEqual([1, ["first", "second"]]);
  gate.leave();
  await third;
  expect(seen).toEqual(["first", "second", "third"]);
});

test("an exclusive transaction that cannot begin does not keep the gate", async () => {
  const gate = new CommitGate();
  const broken = (): never => {
    throw new Error("no");
  };
  expect(() => gate.enter(broken, undefined)).toThrow("no");
  expect(gate.pass(() => 1, undefined)).toBe(1);
  void gate.enter(() => undefined, undefined);
  const waiting = gate.enter(broken, undefined);
  const behind = gate.pass(() => 2, undefined);
  gate.leave();
  await expect(waiting).rejects.toThrow("no");
  expect(await behind).toBe(2);
});

test("who waits is sent away by its signal, or by the end", async () => {
  const gate = new CommitGate();
  void gate.enter(() => undefined, undefined);
  const abort = new AbortController();
  const impatient = gate.pass(() => 1, abort.signal);
  const patient = gate.pass(() => 2, undefined);
  abort.abort(new Error("enough"));
  gate.close(new Error("the end"));
  await expect(impatient).rejects.toThrow("enough");
  await expect(patient).rejects.toThrow("the end");
});
