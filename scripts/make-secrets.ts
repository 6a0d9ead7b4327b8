/** Makes the secrets of a new installation in a folder, those of its services in another, unless they are there. */
import { parseArgs } from "node:util";
import { makeFirstSecrets } from "./secrets/first-secrets.ts";
import { makeServiceCredentials } from "./secrets/service-credentials.ts";

try {
  const [folder, services] = parseArgs({ allowPositionals: true }).positionals;
  if (folder === undefined) throw new Error("usage: make-secrets.ts <folder> [<folder of the services' credentials>]");
  const made = await makeFirstSecrets(folder);
  console.log(`${made ? "made" : "unchanged"}: the secrets in ${folder}; credentials.env tells what clients need`);
  if (services !== undefined) {
    const isNew = await makeServiceCredentials(services);
    console.log(`${isNew ? "made" : "unchanged"}: the services' credentials in ${services}`);
  }
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
