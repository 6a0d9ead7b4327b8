import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Runs a program to its end. @returns its standard output @throws Error with what it said */
export async function command(
  file: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
  cwd?: string,
): Promise<string> {
  try {
    const options = { env: environment, cwd, maxBuffer: 256 * 1024 * 1024 };
    const { stdout } = await promisify(execFile)(file, args, options);
    return stdout;
  } catch (error) {
    const { stderr = "", stdout = "" } = error as { stderr?: string; stdout?: string };
    const words = `${stdout}\n${stderr}`.trim().split("\n").slice(-40).join("\n");
    throw new Error(`${file} ${args.join(" ")} failed:\n${words}`, { cause: error });
  }
}
