import fc from "fast-check";
import { expect, it } from "vitest";
import {
  manifestName,
  markerName,
  parseFileName,
  parseMarkerName,
  pathIn,
  spareName,
  tableName,
  walName,
} from "../../../../src/engine/lsm/codec/index.ts";

it("names files by kind and number", () => {
  expect(walName(12)).toBe("000012.log");
  expect(spareName(12)).toBe("000012.spare");
  expect(tableName(1_234_567)).toBe("1234567.sst");
  expect(manifestName(7)).toBe("MANIFEST-000007");
  expect(markerName(3, 7)).toBe("marker.manifest.000003.MANIFEST-000007");
  expect(pathIn("/data", "x")).toBe("/data/x");
  expect(pathIn("/", "x")).toBe("/x");
});

it("parses every name that it makes, and says of what kind it is", () => {
  fc.assert(
    fc.property(fc.nat(2 ** 31 - 1), fc.nat(2 ** 31 - 1), (number, count) => {
      expect(parseFileName(walName(number))).toEqual({ kind: "wal", number });
      expect(parseFileName(spareName(number))).toEqual({ kind: "spare", number });
      expect(parseFileName(tableName(number))).toEqual({ kind: "table", number });
      expect(parseFileName(manifestName(number))).toEqual({ kind: "manifest", number });
      expect(parseMarkerName(markerName(count, number))).toEqual({ count, manifestNumber: number });
    }),
  );
});

it.each([
  "12.log",
  "0000012.log",
  "000012.log.bak",
  "000012.LOG",
  "x000012.log",
  "000012.sst\n",
  "MANIFEST-7",
  "LOCK",
  "marker.manifest.000003.MANIFEST-000007",
])("takes %j for no file of the database", (name) => {
  expect(parseFileName(name)).toBeUndefined();
});

it.each(["marker.manifest.3.MANIFEST-000007", "marker.manifest.000003.MANIFEST-000007~"])(
  "takes %j for no marker",
  (name) => {
    expect(parseMarkerName(name)).toBeUndefined();
  },
);
