import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Answer, type AwsClient, clientEnvironment, fromBase64, type Invocation } from "./client.ts";
import type { PythonClients } from "./python.ts";

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The AWS CLI; every call is a process. */
export interface CliClient extends AwsClient {
  /** A folder of the client's own, where its calls run. */
  readonly folder: string;
  /** Runs a command line as a shell does, `aws` among its commands. */
  shell(line: string): Promise<CliResult>;
}

const refusal = /An error occurred \((\w+)\) when calling the \w+ operation(?: \(reached max retries: \d+\))?: (.*)/s;

export async function cliClient({ python, aws }: PythonClients, url: string): Promise<CliClient> {
  const folder = await mkdtemp(join(tmpdir(), "esb-aws-cli-"));
  const env = { PATH: process.env.PATH, ...clientEnvironment(url) };
  const start = (command: string, args: readonly string[]) => {
    const { promise, resolve } = Promise.withResolvers<CliResult>();
    execFile(command, args, { env, cwd: folder, maxBuffer: 64 * 2 ** 20 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    });
    return promise;
  };
  return {
    folder,
    shell: (line) => start("sh", ["-c", `aws() { "${python}" "${aws}" "$@"; }\n${line}`]),
    async invoke({ name, payload, type, logType, clientContext, qualifier }: Invocation): Promise<Answer> {
      const [sent, got] = [join(folder, "payload"), join(folder, "answer")];
      await rm(got, { force: true });
      const args = ["lambda", "invoke", "--function-name", name];
      if (payload !== undefined) {
        await writeFile(sent, payload);
        args.push("--payload", `fileb://${sent}`);
      }
      if (type !== undefined) args.push("--invocation-type", type);
      if (logType !== undefined) args.push("--log-type", logType);
      if (clientContext !== undefined) args.push("--client-context", clientContext);
      if (qualifier !== undefined) args.push("--qualifier", qualifier);
      const { code, stdout, stderr } = await start(python, [aws, ...args, got]);
      if (code !== 0) {
        const [, error, message] = refusal.exec(stderr) ?? [];
        if (error === undefined || message === undefined) throw new Error(`aws ended with ${code}: ${stderr}`);
        return { error: { name: error, message: message.trim() } };
      }
      const told = JSON.parse(stdout);
      return {
        status: told.StatusCode,
        functionError: told.FunctionError,
        executedVersion: told.ExecutedVersion,
        log: fromBase64(told.LogResult),
        payload: await readFile(got, "utf8"),
      };
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
