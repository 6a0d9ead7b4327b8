/** In an image of ScyllaDB's name: dynalite, told what ScyllaDB is told. */
import { parseArgs } from "node:util";
import { startDynamoDb } from "../../services/aws.ts";

const { values } = parseArgs({
  strict: false,
  options: { "alternator-address": { type: "string" }, "alternator-port": { type: "string" } },
});
await startDynamoDb({ host: String(values["alternator-address"]), port: Number(values["alternator-port"]) });
process.on("SIGTERM", () => process.exit(0));
