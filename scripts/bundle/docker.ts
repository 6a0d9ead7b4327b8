import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";

/** What a bundle needs of Docker's client. */
export interface Docker {
  /** @returns what it wrote @throws Error with its words */
  run(args: readonly string[]): Promise<string>;
  /** `docker save` of all these, into one file. @throws Error with its words */
  save(images: readonly string[], path: string): Promise<void>;
}

export function dockerClient(environment: NodeJS.ProcessEnv): Docker {
  return {
    async run(args) {
      try {
        const options = { env: environment, maxBuffer: 64 * 1024 * 1024 };
        return (await promisify(execFile)("docker", [...args], options)).stdout;
      } catch (error) {
        throw failure(args, (error as { stderr?: string }).stderr || String(error));
      }
    },
    async save(images, path) {
      const args = ["save", ...images];
      const child = spawn("docker", args, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
      const ended = once(child, "close");
      const [words] = await Promise.all([text(child.stderr), pipeline(child.stdout, createWriteStream(path))]);
      const [code] = await ended;
      if (code !== 0) throw failure(args, words);
    },
  };
}

function failure(args: readonly string[], words: string): Error {
  return new Error(`docker ${args.join(" ")} failed:\n${words.trim()}`);
}
