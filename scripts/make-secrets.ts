/** Makes the secrets of a new installation in a folder, unless they are there. */
import { parseArgs } from "node:util";
import { makeFirstSecrets } from "./secrets/first-secrets.ts";

try {
  const [folder] = parseArgs({ allowPositionals: true }).positionals;
  if (folder === undefined) throw new Error("usage: make-secrets.ts <folder>");
  const made = await makeFirstSecrets(folder);
  console.log(`${made ? "made" : "unchanged"}: the secrets in ${folder}; credentials.env tells what clients need`);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
