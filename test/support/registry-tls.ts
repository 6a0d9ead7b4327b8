import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A private certificate authority and a certificate of it for 127.0.0.1; paths of PEM files. */
export interface Authority {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

export async function makeAuthority(dir: string): Promise<Authority> {
  await mkdir(dir, { recursive: true });
  const path = (name: string) => join(dir, name);
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await writeFile(path("ext"), "subjectAltName=IP:127.0.0.1\n");
  await run("openssl", [
    ...["req", "-x509", ...newKey, "-days", "2", "-subj", "/CN=test authority"],
    ...["-keyout", path("ca.key"), "-out", path("ca.pem")],
  ]);
  await run("openssl", [
    ...["req", ...newKey, "-subj", "/CN=registry", "-keyout", path("server.key"), "-out", path("server.csr")],
  ]);
  await run("openssl", [
    ...["x509", "-req", "-in", path("server.csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key")],
    ...["-CAcreateserial", "-days", "2", "-extfile", path("ext"), "-out", path("server.pem")],
  ]);
  return { ca: path("ca.pem"), certificate: path("server.pem"), key: path("server.key") };
}
