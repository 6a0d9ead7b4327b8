import { execFile } from "node:child_process";
import { glob, realpath } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Layer, LayerEntry } from "../../../scripts/image/layer.ts";
import { baseLayer } from "../../../scripts/image/layers.ts";
import { installPythonClient, runtimesSource } from "./install.ts";
import { filesOf, librariesOf } from "./programs.ts";

const run = promisify(execFile);

/** Of the standard library, what no function needs. */
const leftOut =
  /\/(site-packages|dist-packages|__pycache__|test|tests|idlelib|tkinter|turtledemo|ensurepip|config-[^/]*)\//;

const question = `
import json, sys, sysconfig
print(json.dumps([sys.executable, sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]))
`;

/** This machine's Python at its own place, as python3 in /usr/local/bin, and AWS's client beside the function. */
export async function pythonLayers(): Promise<Layer[]> {
  const client = await installPythonClient();
  const task = "/var/task";
  const natives: string[] = [];
  for await (const path of glob("**/*.so", { cwd: client })) natives.push(join(client, path));
  return [
    baseLayer(),
    { entries: [...(await interpreter()), ...(await librariesOf(natives))] },
    { entries: (await filesOf(client, ["**"], task)).filter(({ path }) => !path.startsWith(`${task}/bin/`)) },
    { entries: await filesOf(join(runtimesSource, "python"), ["*.py"], task) },
  ];
}

async function interpreter(): Promise<LayerEntry[]> {
  const [executable, ...folders] = JSON.parse((await run("python3", ["-c", question])).stdout) as [string, ...string[]];
  const program = await realpath(executable);
  const library: LayerEntry[] = [];
  for (const folder of new Set(folders)) {
    library.push(...(await filesOf(folder, ["**/*.py", "lib-dynload/*.so"], folder)));
  }
  const kept = library.filter(({ path }) => !leftOut.test(path));
  const extensions = kept.map(({ path }) => path).filter((path) => path.endsWith(".so"));
  return [
    { type: "copy", path: program, source: program, mode: 0o755 },
    { type: "symlink", path: "/usr/local/bin/python3", target: program },
    ...kept,
    ...(await librariesOf([program, ...extensions])),
  ];
}
