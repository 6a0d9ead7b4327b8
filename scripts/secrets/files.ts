import { access, rename, writeFile } from "node:fs/promises";

/** Writes a line or more so that the file is there as a whole or not at all. */
export async function writeFileWhole(path: string, text: string, mode: number): Promise<void> {
  await writeFile(`${path}.part`, `${text}\n`, { mode, flush: true });
  await rename(`${path}.part`, path);
}

export function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
