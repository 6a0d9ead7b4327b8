import { join } from "node:path";
import { buildVictoriaLogs } from "../../scripts/victoria-logs/build.ts";
import { freePort } from "./port.ts";
import { patienceMs, type TestProcess, testProcess, untilWhileAlive } from "./process.ts";

export type StoredLine = Readonly<Record<string, string>>;

/** A VictoriaLogs server, the real one. */
export interface VictoriaLogs extends AsyncDisposable {
  readonly url: string;
  readonly process: TestProcess;
  /** Starts it, again after its end, and waits until it answers. */
  start(): Promise<void>;
  /** What a query in LogsQL finds, oldest first. */
  query(query: string): Promise<StoredLine[]>;
}

/** @param folder for its data and log */
export async function startVictoriaLogs(folder: string): Promise<VictoriaLogs> {
  const binary = await buildVictoriaLogs();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = ["-storageDataPath", join(folder, "victoria-logs"), "-httpListenAddr", `127.0.0.1:${port}`];
  const process = testProcess({
    // In place of Node, whose path is the shell's first word.
    through: ["sh", "-c", 'exec "$@"'],
    args: [binary, ...args],
    cwd: folder,
    environment: {},
    logPath: join(folder, "victoria-logs.log"),
  });
  const query = async (text: string) => {
    const body = new URLSearchParams({ query: `${text} | sort by (_time)` });
    const answer = await fetch(`${url}/select/logsql/query`, { method: "POST", body });
    const answered = await answer.text();
    if (!answer.ok) throw new Error(answered);
    return answered
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  };
  const start = async () => {
    await process.start();
    await untilWhileAlive(
      process,
      async () => {
        if (!(await fetch(`${url}/health`)).ok) throw new Error("not healthy");
      },
      patienceMs,
    );
  };
  await start();
  return { url, process, start, query, [Symbol.asyncDispose]: () => process.stop("SIGKILL").then(() => undefined) };
}
