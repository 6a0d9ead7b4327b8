import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeAtomically } from "../files.ts";
import { conflistSchema } from "./conflist.ts";

/** What is kept of an attachment, so that it can be taken apart by an agent that did not make it. */
const recordSchema = z.object({
  id: z.string(),
  address: z.string(),
  /** Absent in records of a time before workers had one. */
  identity: z.string().optional(),
  hostInterface: z.string().optional(),
  /** The list that it was attached with, placeholders filled in. */
  list: conflistSchema,
  /** ADD's result. */
  result: z.unknown(),
});

export type AttachmentRecord = z.output<typeof recordSchema>;

/** Attachments on disk: one file each, written before the attachment is used. */
export interface Records {
  save(record: AttachmentRecord): Promise<void>;
  /** undefined when there is none, or none that can be read. */
  load(id: string): Promise<AttachmentRecord | undefined>;
  remove(id: string): Promise<void>;
  list(): Promise<string[]>;
  /** Removes what a `save` left that was cut off by a crash. Only while nothing is being saved. */
  removeUnfinished(): Promise<void>;
}

/** @param folder made when the first record is saved */
export function createRecords(folder: string): Records {
  const pathOf = (id: string) => join(folder, `${id}.json`);
  return {
    async save(record) {
      await mkdir(folder, { recursive: true });
      await writeAtomically(pathOf(record.id), JSON.stringify(record));
    },
    async load(id) {
      try {
        return recordSchema.parse(JSON.parse(await readFile(pathOf(id), "utf8")));
      } catch {
        return undefined;
      }
    },
    remove: (id) => rm(pathOf(id), { force: true }),
    async list() {
      const names = await readdir(folder).catch(() => []);
      return names.filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -".json".length));
    },
    async removeUnfinished() {
      const names = await readdir(folder).catch(() => []);
      const unfinished = names.filter((name) => /\.json\..+\.tmp$/.test(name));
      await Promise.all(unfinished.map((name) => rm(join(folder, name), { force: true })));
    },
  };
}
