import { closeSync, constants, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { InFlightJournal, type JournalOptions, type RecordFile } from "./journal.ts";
import { Places } from "./places.ts";
import { blankFile, type Contents, decodeFile } from "./records.ts";

/** Where it is told that something is not as it should be. */
export interface Warnings {
  warn(fields: object, message: string): void;
}

/** Places that a new file has: its space is taken at once, so that a disk that fills up later does not matter. */
const firstPlaces = 511;

/** Where the gateway of a name keeps which of its workers have a request. */
export function inFlightPath(runDir: string, owner: string): string {
  return join(runDir, `gateway-${owner}.inflight`);
}

/**
 * Reads what the life before has left, and keeps on. Where the file cannot be made, read or written, that is logged once,
 * and the journal works without what it lacks.
 */
export function openInFlight(path: string, clock: JournalOptions["clock"], logger: Warnings): InFlightJournal {
  let told = false;
  const onTrouble = (err: unknown) => {
    if (!told) logger.warn({ err, file: path }, "it cannot be kept which workers have a request");
    told = true;
  };
  const { file, contents } = openFile(path, onTrouble, logger);
  if (contents.kind !== "records") {
    return new InFlightJournal({ file, places: new Places(0, new Set()), left: new Map(), clock, onTrouble });
  }
  const { places, marked, spoiled } = contents;
  if (spoiled.length > 0)
    logger.warn({ file: path, records: spoiled.length }, "records that make no sense are ignored");
  return new InFlightJournal({
    file,
    places: new Places(places, new Set(marked.values())),
    left: marked,
    clock,
    onTrouble,
  });
}

interface Opened {
  readonly file: RecordFile | undefined;
  readonly contents: Contents;
}

function openFile(path: string, onTrouble: (error: unknown) => void, logger: Warnings): Opened {
  try {
    mkdirSync(dirname(path), { recursive: true });
    const found = openOrMake(path);
    if (found.contents.kind !== "foreign") return found;
    found.file.close();
    const kept = `${path}.put-aside`;
    renameSync(path, kept);
    logger.warn({ file: path, kept }, "a file of another format was put aside");
    return openOrMake(path);
  } catch (error) {
    onTrouble(error);
    // What the life before has left holds all the same.
    return { file: undefined, contents: readIfPossible(path) };
  }
}

function openOrMake(path: string): { file: RecordFile; contents: Contents } {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  const file: RecordFile = {
    write: (bytes, position) => writeAll(fd, bytes, position),
    close: () => closeSync(fd),
  };
  try {
    const contents = decodeFile(readFileSync(fd));
    if (contents.kind !== "empty") return { file, contents };
    const made = blankFile(firstPlaces);
    file.write(made, 0);
    return { file, contents: decodeFile(made) };
  } catch (error) {
    file.close();
    throw error;
  }
}

function readIfPossible(path: string): Contents {
  try {
    return decodeFile(readFileSync(path));
  } catch {
    return { kind: "empty" };
  }
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}
