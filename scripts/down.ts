/** Stops what `npm run up` started and leaves nothing behind; `--purge` also removes images and state. */
import { parseArgs } from "node:util";
import { withSystemFolders } from "./machine/packages.ts";
import { readScriptSettings } from "./up/settings.ts";
import { stopAll } from "./up/stop.ts";

process.env.PATH = withSystemFolders(process.env.PATH);
const say = (line: string) => console.log(line);

try {
  const { values } = parseArgs({ options: { purge: { type: "boolean", default: false } } });
  if (process.getuid?.() !== 0) throw new Error("Workers and networks belong to root: run it with sudo.");
  const anything = await stopAll({ settings: readScriptSettings(process.env), say, purge: values.purge });
  say(anything ? "esb is down" : "esb was not running");
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
