import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdir, readFile, realpath, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Layer } from "../../../scripts/image/layer.ts";
import { baseLayer } from "../../../scripts/image/layers.ts";
import { buildStep } from "../build-step.ts";
import { cached } from "../cached.ts";
import { runtimesSource } from "./install.ts";
import { filesOf, librariesOf, missingOf, programLayer } from "./programs.ts";

/** Handlers that are compiled before they can run: each language's own client, held to its checksums. */

/** Where a runtime of one's own begins. */
const bootstrap = "/var/task/bootstrap";

/** Why there is no Go that could build with AWS's client; undefined: there is. */
export function goMissing(): string | undefined {
  return missingOf(["go"]) ?? tooOld("go", ["version"], /go(\d+)\.(\d+)/, [1, 26]);
}

/** A handler with aws-lambda-go, a static binary. */
export async function goLayers(): Promise<Layer[]> {
  const folder = await made("go", async (source, work) => {
    const args = ["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc"];
    const environment = { CGO_ENABLED: "0", GOFLAGS: "" };
    await buildStep("go", [...args, "-o", join(work, "bootstrap"), "."], { cwd: source, environment });
  });
  return [
    baseLayer(),
    { entries: [{ type: "copy", path: bootstrap, source: join(folder, "bootstrap"), mode: 0o755 }] },
  ];
}

/** Why there is no Rust that could build with AWS's client; undefined: there is. */
export function rustMissing(): string | undefined {
  return missingOf(["cargo", "gcc"]) ?? tooOld("cargo", ["--version"], /(\d+)\.(\d+)/, [1, 84]);
}

/** A handler with lambda_runtime; its first build takes some minutes. */
export async function rustLayers(): Promise<Layer[]> {
  const folder = await made("rust", async (source, work) => {
    const environment = { CARGO_BUILD_JOBS: "2", CARGO_TARGET_DIR: join(work, "target") };
    await buildStep("cargo", ["build", "--release", "--locked", "--quiet"], { cwd: source, environment });
    await rename(join(work, "target/release/bootstrap"), join(work, "bootstrap"));
    await rm(join(work, "target"), { recursive: true });
  });
  return [baseLayer(), await programLayer(join(folder, "bootstrap"), bootstrap)];
}

const jdk = ["javac", "jar", "jlink", "mvn"];
/** What AWS's client needs of Java. */
const modules = "java.base,java.logging,java.naming,java.sql,java.xml,jdk.unsupported";
/** Where the image has Java, and where the function. */
const [javaHome, task] = ["/usr/lib/java", "/var/task"];

/** Why there is no Java that could build with AWS's client; undefined: there is. */
export function javaMissing(): string | undefined {
  return missingOf(jdk) ?? tooOld("javac", ["-version"], /(\d+)\.(\d+)/, [17, 0]);
}

/** A handler with aws-lambda-java-runtime-interface-client, and the part of this machine's Java that it needs. */
export async function javaLayers(): Promise<Layer[]> {
  const folder = await made("java", async (source, work) => {
    const lib = join(work, "lib");
    const copy = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
    await buildStep("mvn", ["-B", "-q", "-ntp", "--strict-checksums", copy, `-DoutputDirectory=${lib}`], {
      cwd: source,
    });
    await buildStep("sha256sum", ["--check", "--strict", "--quiet", join(source, "jars.sha256")], { cwd: lib });
    const client = (await readdir(lib)).find((name) => name.startsWith("aws-lambda-java-runtime-interface-client-"));
    await buildStep("jar", ["--extract", "--file", join("lib", client ?? ""), "jni"], { cwd: work });
    await buildStep("javac", ["--release", "17", "-cp", `${lib}/*`, "-d", join(work, "classes"), "Look.java"], {
      cwd: source,
    });
    const home = dirname(
      dirname(await realpath((await buildStep("sh", ["-c", "command -v javac"], { cwd: work })).trim())),
    );
    const options = ["--strip-debug", "--no-header-files", "--no-man-pages", "--add-modules", modules];
    await buildStep(join(home, "bin/jlink"), [...options, "--output", join(work, "jre")], { cwd: work });
  });
  const jre = await filesOf(join(folder, "jre"), ["bin/java", "lib/**", "conf/**", "release"], javaHome);
  const native = `jni/libaws-lambda-jni.linux-${process.arch === "x64" ? "x86_64" : "aarch_64"}.so`;
  const sources = jre.flatMap((entry) => (entry.type === "copy" ? [entry.source] : []));
  const natives = [...sources.filter((path) => /(\.so|\/bin\/java)$/.test(path)), join(folder, native)];
  // Its own libraries find each other; `ldd` has them where they were made.
  const libraries = (await librariesOf(natives)).filter(({ path }) => !path.startsWith(folder));
  const files = [
    ...(await filesOf(join(folder, "lib"), ["*.jar"], `${task}/lib`)),
    ...(await filesOf(join(folder, "classes"), ["**"], task)),
  ];
  return [baseLayer(), { entries: [...jre, ...libraries] }, { entries: files }];
}

/** The folder with what a language's fixtures were made into, once for each content of theirs. */
async function made(language: string, make: (source: string, work: string) => Promise<unknown>): Promise<string> {
  const source = join(runtimesSource, language);
  const hash = createHash("sha256");
  for (const entry of await readdir(source, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) hash.update(entry.name).update(await readFile(join(entry.parentPath, entry.name)));
  }
  return cached(`runtimes/${language}-${process.arch}`, hash.digest("hex"), async (work) => {
    await make(source, work);
  });
}

function tooOld(tool: string, args: string[], pattern: RegExp, [major, minor]: [number, number]): string | undefined {
  const { stdout } = spawnSync(tool, args, { encoding: "utf8" });
  const [, ...found] = pattern.exec(stdout) ?? [];
  const [hasMajor = 0, hasMinor = 0] = found.map(Number);
  const enough = hasMajor > major || (hasMajor === major && hasMinor >= minor);
  return enough ? undefined : `${tool} from ${major}.${minor} is needed, here is ${stdout.trim()}`;
}
