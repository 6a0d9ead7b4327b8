import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildStep } from "../../support/build-step.ts";
import { cached } from "../../support/cached.ts";

const requirements = join(import.meta.dirname, "requirements.txt");
const run = promisify(execFile);

/** Python with boto3 and the AWS CLI, in the versions of requirements.txt. */
export interface PythonClients {
  /** Folder of the packages. */
  readonly packages: string;
  readonly python: string;
  /** The AWS CLI, to be run by `python`. */
  readonly aws: string;
}

/**
 * Installs the clients, once for each content of requirements.txt.
 * @returns why that is not possible on this machine, otherwise
 */
export async function pythonClients(): Promise<PythonClients | string> {
  try {
    await run("python3", ["-c", "import venv, ensurepip"]);
  } catch {
    return "there is no python3 with venv on this machine (Debian: python3-venv)";
  }
  const folder = await cached("aws-clients/python", await readFile(requirements, "utf8"), install);
  const python = join(folder, "bin/python3");
  const { stdout } = await run(python, ["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]);
  return { packages: stdout.trim(), python, aws: join(folder, "bin/aws") };
}

async function install(folder: string): Promise<void> {
  await buildStep("python3", ["-m", "venv", folder]);
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", requirements];
  await buildStep(join(folder, "bin/python3"), pip);
}
