/** Everything that can be checked without running esb; `--fix` first puts right what needs no human. */
import { checks, fixes } from "./checks/checks.ts";
import { runChecks } from "./checks/run.ts";

if (process.argv.includes("--fix")) await runChecks(fixes, console.log);
const results = await runChecks(checks, console.log);
const failed = results.filter((result) => result.finding !== undefined);
console.log(`${results.length - failed.length} checks passed, ${failed.length} failed`);
if (failed.length > 0) process.exitCode = 1;
