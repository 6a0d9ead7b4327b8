import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { logDriverUri } from "./driver.ts";
import { LogFiles } from "./files.ts";
import { type LogLine, parseLines } from "./lines.ts";

export const owner = { id: "hello-0", instanceId: "instance-1" };

/** The real logging driver, started as a shim does: by the URI that containerd gets, in a folder of its own. */
export interface TestDriver extends AsyncDisposable {
  readonly pid: number;
  /** The write ends of what the worker prints to. */
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly folder: string;
  /** Resolves once the worker may start. */
  readonly ready: Promise<unknown>;
  kill(signal: NodeJS.Signals): void;
  /** Ends both streams and waits. @returns the exit code, or the signal that ended it */
  end(): Promise<number | NodeJS.Signals>;
  /** The log's files, oldest first. */
  files(): Promise<{ readonly size: number; readonly lines: LogLine[] }[]>;
}

interface TestDriverOptions {
  readonly fileBytes?: number;
  readonly files?: number;
  /** Folder of the logs; absent: one that is there. */
  readonly folder?: string;
  /** Number of the extension whose driver it is; absent: the function's. */
  readonly extension?: number;
}

export async function startDriver(options: TestDriverOptions = {}): Promise<TestDriver> {
  const stateDir = await mkdtemp(join(tmpdir(), "esb logs %&=-"));
  const { fileBytes = 1024 * 1024, files = 2, folder = stateDir, extension } = options;
  const uri = logDriverUri({ stateDir, folder, fileBytes, files }, owner, extension);
  const { pathname, searchParams } = new URL(uri);
  // The script is where it always is: putting it into the state folder is another matter.
  const [[, argument = ""] = []] = [...searchParams];
  const child = spawn(pathname, [join(import.meta.dirname, "logger.pl"), argument], {
    env: {},
    stdio: ["ignore", "inherit", "inherit", "pipe", "pipe", "pipe"],
  });
  const exited = once(child, "exit");
  const [, , , stdout, stderr, ready] = child.stdio as unknown as [null, null, null, Writable, Writable, Readable];
  return {
    pid: child.pid ?? 0,
    stdout,
    stderr,
    folder,
    ready: text(ready),
    kill: (signal) => child.kill(signal),
    async end() {
      stdout.end();
      stderr.end();
      const [code, signal] = await exited;
      return code ?? signal;
    },
    async files() {
      const log = new LogFiles(folder, owner);
      const found: { size: number; lines: LogLine[] }[] = [];
      for (let number = 0; ; ) {
        await using file = await log.openFrom(number);
        if (file === undefined) return found;
        const { size } = await file.look();
        found.push({ size, lines: parseLines(await file.read(0, size)).lines });
        number = file.number + 1;
      }
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** Prints, and waits until the driver has read it. */
export async function print(stream: Writable, data: string | Buffer): Promise<void> {
  if (!stream.write(data)) await once(stream, "drain");
}

/** Memory that is a process's own, in bytes. */
export async function ownMemoryBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}
