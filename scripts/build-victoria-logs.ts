/** Builds a VictoriaLogs server for tests, unless there is one, and tells where it is. */
import { buildVictoriaLogs } from "./victoria-logs/build.ts";

process.stdout.write(`${await buildVictoriaLogs()}\n`);
