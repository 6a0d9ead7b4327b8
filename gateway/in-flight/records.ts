import { crc32 } from "node:zlib";

/**
 * The file's format: records of one size, the first of which says what the file is. A record is blank or names an
 * instance of a worker, with a checksum, as a line of text that a person can read.
 */

/**
 * A page of memory holds a whole number of them. The kernel copies what is written page by page and looks for a fatal
 * signal in between, so that a record is written as a whole or not at all.
 */
export const recordBytes = 128;

/** As the contract between gateway and agent has them. */
const instancePattern = /^[A-Za-z0-9-]{1,64}$/;
const recordPattern = /^([A-Za-z0-9-]{1,64}) ([0-9a-f]{8}) *\n$/;

const toRecord = (text: string) => Buffer.from(`${text.padEnd(recordBytes - 1)}\n`);

const header = toRecord("esb: workers that have a request; format 1");
const blank = toRecord("");

export type Contents =
  /** Nothing has been written yet. */
  | { readonly kind: "empty" }
  /** Another program's, or of another format. */
  | { readonly kind: "foreign" }
  | {
      readonly kind: "records";
      /** Places for records, blank ones too. */
      readonly places: number;
      /** Where each instance stands. */
      readonly marked: ReadonlyMap<string, number>;
      /** Places whose record makes no sense. */
      readonly spoiled: readonly number[];
    };

/** A record that names a worker. @throws RangeError for an instance that is none of the contract's */
export function encodeRecord(instanceId: string): Buffer {
  if (!instancePattern.test(instanceId)) throw new RangeError(`not an instance of a worker: ${instanceId}`);
  return toRecord(`${instanceId} ${checksum(instanceId)}`);
}

/** So many blank records. */
export function blankRecords(count: number): Buffer {
  return Buffer.alloc(count * recordBytes, blank);
}

/** A whole file of blank records. */
export function blankFile(places: number): Buffer {
  return Buffer.concat([header, blankRecords(places)]);
}

/** Where in the file a place begins, in bytes. */
export function offsetOf(place: number): number {
  return (place + 1) * recordBytes;
}

/** Reads a file; a record that was cut off at the end counts as not there. */
export function decodeFile(bytes: Buffer): Contents {
  if (bytes.length === 0) return { kind: "empty" };
  if (!bytes.subarray(0, recordBytes).equals(header)) return { kind: "foreign" };
  const places = Math.floor(bytes.length / recordBytes) - 1;
  const marked = new Map<string, number>();
  const spoiled: number[] = [];
  for (let place = 0; place < places; place++) {
    const record = bytes.subarray(offsetOf(place), offsetOf(place + 1));
    if (record.equals(blank)) continue;
    const instanceId = decodeRecord(record);
    if (instanceId === undefined || marked.has(instanceId)) spoiled.push(place);
    else marked.set(instanceId, place);
  }
  return { kind: "records", places, marked, spoiled };
}

function decodeRecord(record: Buffer): string | undefined {
  const [, instanceId, sum] = recordPattern.exec(record.toString("latin1")) ?? [];
  return instanceId !== undefined && checksum(instanceId) === sum ? instanceId : undefined;
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}
