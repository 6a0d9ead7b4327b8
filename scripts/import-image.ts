/** Imports an image archive, `docker save`'s or an OCI layout, by way of the agent, once the agent serves. */
import { parseArgs } from "node:util";
import { readSettings } from "../common/environment.ts";
import { agentAt } from "./up/agent.ts";

try {
  const [path] = parseArgs({ allowPositionals: true }).positionals;
  if (path === undefined) throw new Error("usage: import-image.ts <archive>");
  const { ESB_AGENT_ADDRESS } = readSettings(["ESB_AGENT_ADDRESS"], process.env);
  using agent = agentAt(ESB_AGENT_ADDRESS);
  const images = await agent.importImage(path, () => {});
  for (const { name } of images) console.log(`imported: ${name}`);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
