import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { glob, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";
import { addFile } from "../image/layer.ts";

const sums = "SHA256SUMS";
/** These come first: an archive that was cut off while it was copied still tells what is missing. */
const first = ["install.sh", sums, "MANIFEST"];

/** Writes SHA256SUMS over all files of a folder, as sha256sum(1) reads it. @returns how many files it lists */
export async function writeChecksums(folder: string): Promise<number> {
  const names = (await filesBelow(folder)).filter((name) => name !== sums);
  const lines = [];
  for (const name of names) lines.push(`${await sha256(join(folder, name))}  ${name}\n`);
  await writeFile(join(folder, sums), lines.join(""));
  return names.length;
}

/**
 * Packs a folder's files into a tar, below a folder `top`; the same files give the same bytes.
 * @returns the tar's SHA-256, as sha256sum(1) writes it
 */
export async function writeArchive(folder: string, top: string, path: string): Promise<string> {
  const names = await filesBelow(folder);
  names.sort((a, b) => rank(a) - rank(b));
  const tar = pack();
  const hash = createHash("sha256");
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const written = pipeline(tar as unknown as NodeJS.ReadableStream, hashing, createWriteStream(path));
  const add = async () => {
    for (const name of names) {
      const mode = name.endsWith(".sh") ? 0o755 : 0o644;
      await addFile(tar, { name: `${top}/${name}`, mode, mtime: new Date(0) }, join(folder, name));
    }
    tar.finalize();
  };
  await Promise.all([written, add().catch((error: Error) => tar.destroy(error))]);
  return hash.digest("hex");
}

function rank(name: string): number {
  const place = first.indexOf(name);
  return place === -1 ? first.length : place;
}

/** Sorted. */
async function filesBelow(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const name of glob("**", { cwd: folder })) {
    if ((await stat(join(folder, name))).isFile()) names.push(name);
  }
  return names.sort();
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
