import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { blankFile, blankRecords, decodeFile, encodeRecord, offsetOf, recordBytes } from "./records.ts";

const [one, other] = [randomUUID(), randomUUID()];

/** A file of so many places with these records, each at its place. */
function file(places: number, records: Readonly<Record<number, Buffer>>): Buffer {
  const bytes = blankFile(places);
  for (const [place, record] of Object.entries(records)) record.copy(bytes, offsetOf(Number(place)));
  return bytes;
}

const changed = (record: Buffer, from: string, to: string) => Buffer.from(record.toString().replace(from, to));

const cases: [what: string, bytes: Buffer, expected: ReturnType<typeof decodeFile>][] = [
  ["nothing", Buffer.alloc(0), { kind: "empty" }],
  ["no more than a head", blankFile(0), { kind: "records", places: 0, marked: new Map(), spoiled: [] }],
  ["blank records", blankFile(3), { kind: "records", places: 3, marked: new Map(), spoiled: [] }],
  [
    "records",
    file(4, { 1: encodeRecord(one), 3: encodeRecord(other) }),
    {
      kind: "records",
      places: 4,
      marked: new Map([
        [one, 1],
        [other, 3],
      ]),
      spoiled: [],
    },
  ],
  [
    "a last record that was cut off",
    file(2, { 0: encodeRecord(one), 1: encodeRecord(other) }).subarray(0, offsetOf(2) - 1),
    { kind: "records", places: 1, marked: new Map([[one, 0]]), spoiled: [] },
  ],
  [
    "records that were half written, changed, of zeros and there twice",
    file(6, {
      0: encodeRecord(one),
      1: Buffer.concat([encodeRecord(other).subarray(0, 20), blankRecords(1).subarray(20)]),
      2: changed(encodeRecord(other), other.slice(0, 1), "x"),
      3: Buffer.alloc(recordBytes),
      4: encodeRecord(one),
    }),
    { kind: "records", places: 6, marked: new Map([[one, 0]]), spoiled: [1, 2, 3, 4] },
  ],
  ["another format", changed(blankFile(1), "format 1", "format 2"), { kind: "foreign" }],
  ["another program's", Buffer.from("hello\n"), { kind: "foreign" }],
];
for (const [what, bytes, expected] of cases) {
  test(`S4: a file with ${what} is read as ${expected.kind}`, () => assert.deepEqual(decodeFile(bytes), expected));
}

test("S4: a page of memory holds a whole number of records", () => assert.equal(4096 % recordBytes, 0));

test("S4: what is no instance of a worker is not written", () => {
  for (const text of ["", "a b", "a\n", "ü", "x".repeat(65)]) assert.throws(() => encodeRecord(text), RangeError);
  assert.equal(encodeRecord("x".repeat(64)).length, recordBytes);
});

test("S4: whatever stands in the other records, each record that is whole is read", () => {
  const garbage = fc.uint8Array({ minLength: recordBytes, maxLength: recordBytes });
  fc.assert(
    fc.property(
      fc.array(garbage, { maxLength: 5 }),
      fc.uuid(),
      fc.integer({ min: 0, max: 5 }),
      (others, instanceId, before) => {
        const rest = others.map((bytes) => Buffer.from(bytes));
        const record = encodeRecord(instanceId);
        const bytes = Buffer.concat([blankFile(0), ...rest.slice(0, before), record, ...rest.slice(before)]);
        const read = decodeFile(bytes);
        assert.ok(read.kind === "records" && read.marked.has(instanceId));
      },
    ),
  );
});
