/** Makes the certificates with which agent and gateway know each other, unless they are there; see docs/deployment.md. */
import { setTimeout as delay } from "node:timers/promises";
import { readArguments } from "./certificates/arguments.ts";
import { makeCertificates } from "./certificates/make.ts";

try {
  const { settleMs, ...options } = readArguments(process.argv.slice(2));
  const settle = () => delay(settleMs);
  await makeCertificates({ ...options, settle, nowMs: Date.now(), tell: (sentence) => console.log(sentence) });
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
