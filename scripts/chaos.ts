/**
 * Kills, stops and starts everything at random under load and looks whether any answer is wrong and anything is left:
 * `npm run chaos -- --minutes N --seed S`. Fractions of minutes are allowed; without a seed one is drawn and told. With
 * --keep the logs stay also when nothing was wrong.
 */
import { parseArgs } from "node:util";
import { runChaos } from "../test/chaos/run.ts";
import { withSystemFolders } from "./machine/packages.ts";
import { forgetSettings } from "./testing/settings.ts";

const mostShown = 20;
const usage = "usage: npm run chaos -- [--minutes N] [--seed S] [--keep]";

process.env.PATH = withSystemFolders(process.env.PATH);
forgetSettings();
try {
  await main();
} catch (error) {
  console.error(error instanceof TypeError || error instanceof RangeError ? `${error.message}\n${usage}` : error);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { minutes: { type: "string" }, seed: { type: "string" }, keep: { type: "boolean", default: false } },
  });
  const minutes = Number(values.minutes ?? "1");
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  if (!(minutes > 0) || !Number.isInteger(seed))
    throw new RangeError("minutes must be above 0, and a seed is a number");
  if (process.getuid?.() !== 0) throw new RangeError("the chaos makes containers and networks: run it as root");
  console.log(`chaos: seed ${seed}, ${minutes} min`);
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupted.abort());
  const result = await runChaos({
    seed,
    minutes,
    keep: values.keep,
    signal: interrupted.signal,
    say: (line) => console.log(line),
  });
  console.log(`\n${result.report}`);
  for (const violation of result.violations.slice(0, mostShown)) console.log(`VIOLATION ${violation}`);
  if (result.violations.length > mostShown) console.log(`… and ${result.violations.length - mostShown} more`);
  if (result.artefacts !== undefined) console.log(`logs: ${result.artefacts}`);
  if (interrupted.signal.aborted) console.log("interrupted");
  if (result.violations.length > 0 || interrupted.signal.aborted) process.exitCode = 1;
}
