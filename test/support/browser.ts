import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, launch } from "puppeteer-core";
import { loopbackNamespace } from "./loopback-namespace.ts";

/** Debian's, without the script in front of it, which would load extensions. */
const program = "/usr/lib/chromium/chromium";

/** Of a machine that is busy with other tests. */
export const patienceMs = 90_000;

export interface TestBrowser extends AsyncDisposable {
  readonly browser: Browser;
}

/**
 * A headless Chromium that knows nobody; it goes with the test's process.
 * @param ports of 127.0.0.1 that it reaches, and nothing else: it has a network namespace of its own
 */
export async function startBrowser(ports: readonly number[]): Promise<TestBrowser> {
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), "esb-browser-"));
  stack.defer(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
  const namespace = stack.use(await loopbackNamespace(ports));
  const script = join(dir, "chromium");
  await writeFile(script, `#!/bin/sh\nexec nsenter --net=${namespace.path} ${program} "$@"\n`, { mode: 0o755 });
  const browser = await launch({
    executablePath: script,
    headless: true,
    timeout: patienceMs,
    // It ends when the pipe does.
    pipe: true,
    userDataDir: join(dir, "profile"),
    acceptInsecureCerts: true,
    env: { PATH: process.env.PATH, HOME: dir, TMPDIR: dir },
    args: ["--no-sandbox", "--disable-gpu", "--disable-component-update", "--disable-domain-reliability"],
  });
  stack.defer(() => browser.close());
  const owned = stack.move();
  return { browser, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
