import assert from "node:assert/strict";
import { test } from "node:test";
import { type AttachmentParts, createAttachments } from "./attachments.ts";

/** Attachments that are all there, each with a record; only what `repair` needs. */
function attachments(ids: readonly string[]) {
  const lines: string[] = [];
  const warned: unknown[] = [];
  const record = (id: string) => ({
    id,
    address: "10.63.0.2",
    identity: `240.0.0.${ids.indexOf(id)}`,
    result: { ips: [{ address: "10.63.0.2/16" }] },
  });
  const parts = {
    network: "esb",
    bridge: "esb0",
    ip: { batchAnyway: async (some: readonly string[]) => void lines.push(...some) },
    namespaces: { exists: async () => true },
    records: { load: async (id: string) => record(id), list: async () => ids },
    logger: { warn: (fields: { attachment: string }) => warned.push(fields.attachment) },
  };
  return { attachments: createAttachments(parts as unknown as AttachmentParts), lines, warned };
}

test("W5: a lost route comes back; what was attached while the routes were read is not taken for damaged", async () => {
  const [whole, damaged, late] = ["esb-00000000", "esb-00000001", "esb-00000002"] as const;
  const made = attachments([whole, damaged, late]);
  await made.attachments.repair([whole, damaged], new Set(["240.0.0.0"]));
  assert.deepEqual(made.warned, [damaged]);
  assert.deepEqual(made.lines, ["route replace 240.0.0.1/32 via 10.63.0.2 dev esb0"]);
});
