/**
 * Imports an image archive, `docker save`'s or an OCI layout, or all archives of a folder, by way of the agent, once the
 * agent serves.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ClientTlsCredentials } from "../common/agent-tls/client.ts";
import { openIdentity } from "../common/agent-tls/identity.ts";
import { agentTlsFiles, agentTlsSettings, hostOf } from "../common/agent-tls/mode.ts";
import { readSettings } from "../common/environment.ts";
import { agentAt } from "./up/agent.ts";

try {
  const [path] = parseArgs({ allowPositionals: true }).positionals;
  if (path === undefined) throw new Error("usage: import-image.ts <archive or folder>");
  const settings = readSettings(agentTlsSettings, process.env);
  const address = settings.ESB_AGENT_ADDRESS;
  const files = agentTlsFiles(settings);
  const logger = { info: () => undefined, warn: console.error, error: console.error };
  using identity = files === undefined ? undefined : await openIdentity(files, { now: Date.now, logger });
  const onTrouble = (reason: string) => console.error(`no TLS connection to the agent: ${reason}`);
  const credentials = identity && new ClientTlsCredentials({ identity, host: hostOf(address), onTrouble });
  using agent = agentAt(address, credentials);
  for (const archive of await archivesAt(path)) {
    const images = await agent.importImage(archive, () => {});
    for (const { name } of images) console.log(`imported: ${name}`);
  }
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

async function archivesAt(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => /\.tar(\.gz)?$/.test(name));
  return names.sort().map((name) => join(path, name));
}
