/** Packs an esb that installs on a machine without internet into one archive; docs/deployment.md, "Offline". */
import { readArguments } from "./bundle/arguments.ts";
import { makeBundle } from "./bundle/bundle.ts";
import { dockerClient } from "./bundle/docker.ts";

try {
  const options = readArguments(process.argv.slice(2));
  const tell = (sentence: string) => console.log(sentence);
  await makeBundle(options, { docker: dockerClient(process.env), environment: process.env, tell });
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
