import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { exportJWK, generateKeyPair } from "jose";

/** Where the key lies that development makes for itself. */
export function developmentKeyPath(stateDir: string): string {
  return join(stateDir, "gateway", "jwt-keys.json");
}

/** Makes a key set with a key for ES256 unless it is there; only its owner can read it. */
export async function ensureDevelopmentKey(path: string): Promise<void> {
  if (await isThere(path)) return;
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const keys = [{ ...(await exportJWK(privateKey)), alg: "ES256", use: "sig" }];
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const whole = `${path}.${randomUUID()}`;
  try {
    await writeFile(whole, `${JSON.stringify({ keys }, undefined, 2)}\n`, { mode: 0o600, flag: "wx", flush: true });
    // Unlike a rename it fails when another gateway has just made one, whose tokens may be out already.
    await link(whole, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(whole, { force: true });
  }
}

function isThere(path: string): Promise<boolean> {
  return readFile(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
}
