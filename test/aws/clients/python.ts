import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "../../..");
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
 * Installs the clients under .cache, once for each content of requirements.txt.
 * @returns why that is not possible on this machine, otherwise
 */
export async function pythonClients(): Promise<PythonClients | string> {
  const digest = createHash("sha256")
    .update(await readFile(requirements))
    .digest("hex")
    .slice(0, 12);
  const folder = join(root, ".cache/aws-clients", digest);
  if (!existsSync(folder)) {
    try {
      await run("python3", ["-c", "import venv, ensurepip"]);
    } catch {
      return "there is no python3 with venv on this machine (Debian: python3-venv)";
    }
    try {
      await install(folder);
    } catch (error) {
      return `pip cannot install AWS's clients: ${String((error as { stderr?: string }).stderr || error).trim()}`;
    }
  }
  const python = join(folder, "bin/python3");
  const { stdout } = await run(python, ["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]);
  return { packages: stdout.trim(), python, aws: join(folder, "bin/aws") };
}

/** A folder of its name is always whole. */
async function install(folder: string): Promise<void> {
  const fresh = `${folder}.${process.pid}`;
  await mkdir(join(folder, ".."), { recursive: true });
  try {
    await run("python3", ["-m", "venv", fresh]);
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", requirements];
    await run(join(fresh, "bin/python3"), pip, { maxBuffer: 64 * 2 ** 20 });
    await rename(fresh, folder);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}
