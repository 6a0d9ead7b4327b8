import { join } from "node:path";
import { buildCached } from "../../../scripts/image/cached.ts";
import type { Layer } from "../../../scripts/image/layer.ts";
import { baseLayer, functionRuntimeLayer } from "../../../scripts/image/layers.ts";
import { goLayers, goMissing, javaLayers, javaMissing, rustLayers, rustMissing } from "./compiled.ts";
import {
  installEmulator,
  installNode22,
  installNodeCallbackClient,
  installNodeClient,
  nodeCallbackClientMissing,
  nodeClientMissing,
  pythonClientMissing,
  runtimesSource,
} from "./install.ts";
import { filesOf, programLayer } from "./programs.ts";
import { pythonLayers } from "./python.ts";

const cache = join(import.meta.dirname, "../../../.cache/images");

/** A worker with one of AWS's runtime clients, unmodified, or esb's own, and a handler that tells what it sees. */
export interface Proof {
  /** Also the function's name. */
  readonly name: string;
  readonly image: ProofImage;
  /** In place of the handler that the image names. */
  readonly handler?: string;
  /** What its client says of the handler's error. */
  readonly errorType: string;
}

export interface ProofImage {
  readonly name: string;
  readonly command: readonly string[];
  readonly environment: readonly string[];
  /** Why it cannot be made on this machine; undefined: it can. */
  readonly missing: string | undefined;
  layers(): Promise<Layer[]>;
}

const client = ["python3", "-m", "awslambdaric", "lambda_function.handler"];
const main = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda";
const nodeCommand = ["node", "/var/task/node_modules/aws-lambda-ric/index.mjs", "look.handler"];
const javaCommand = ["/usr/lib/java/bin/java", "-cp", "/var/task:/var/task/lib/*", main, "Look"];
const bootstrap = ["/var/task/bootstrap", "handler"];

const python = imageOf("python", client, pythonClientMissing(), pythonLayers);
const emulator = imageOf("emulator", ["/usr/local/bin/aws-lambda-rie", ...client], python.missing, emulatorLayers);
const node24 = imageOf("node24", nodeCommand, nodeClientMissing(), () => nodeLayers(process.execPath));
const node22 = imageOf("node22", nodeCommand, nodeClientMissing(), async () => nodeLayers(await installNode22()));
const callbackCommand = ["node", "/var/task/node_modules/aws-lambda-ric/bin/index.mjs", "common.callback"];
const node22Callbacks = imageOf("node22-callbacks", callbackCommand, nodeCallbackClientMissing(), callbackLayers);
const ownNode24 = ownNode("own-node24", async () => process.execPath);
const ownNode22 = ownNode("own-node22", installNode22);
const go = imageOf("go", bootstrap, goMissing(), goLayers);
const rust = imageOf("rust", bootstrap, rustMissing(), rustLayers);
const java = imageOf("java", javaCommand, javaMissing(), javaLayers);

/** A handler with a callback, which aws-lambda-ric has given up with its version 4, whatever the Node. */
export const callback: Proof = {
  name: "node22-callback",
  image: node22,
  handler: "common.callback",
  errorType: "Runtime.CallbackHandlerDeprecated",
};

/** The same with the last version that takes it, which is that of AWS's own runtime for Node 22. */
export const takenCallback: Proof = { name: "node22-callbacks", image: node22Callbacks, errorType: "RangeError" };

export const proofs: readonly Proof[] = [
  { name: "python", image: python, errorType: "ValueError" },
  { name: "emulator", image: emulator, errorType: "ValueError" },
  { name: "node24", image: node24, errorType: "RangeError" },
  { name: "node24-commonjs", image: node24, handler: "common.handler", errorType: "RangeError" },
  { name: "node22", image: node22, errorType: "RangeError" },
  { name: "node22-commonjs", image: node22, handler: "common.handler", errorType: "RangeError" },
  { name: "own-node24", image: ownNode24, errorType: "RangeError" },
  { name: "own-node24-commonjs", image: ownNode24, handler: "common.handler", errorType: "RangeError" },
  { name: "own-node22", image: ownNode22, errorType: "RangeError" },
  takenCallback,
  { name: "go", image: go, errorType: "errorString" },
  {
    name: "rust",
    image: rust,
    errorType: "&alloc::boxed::Box<dyn core::error::Error + core::marker::Send + core::marker::Sync>",
  },
  { name: "java", image: java, errorType: "java.lang.IllegalStateException" },
];

function imageOf(
  name: string,
  command: readonly string[],
  missing: string | undefined,
  layers: () => Promise<Layer[]>,
  environment: readonly string[] = [],
): ProofImage {
  return { name: `localhost/esb-proof-${name}:latest`, command, missing, layers, environment };
}

/** With deploy/runtimes/node, as docs/runtimes.md tells how to make one. */
function ownNode(name: string, program: () => Promise<string>): ProofImage {
  const command = ["node", "/var/runtime/bootstrap.mjs", "look.handler"];
  const layers = async () => ownNodeLayers(await program());
  return imageOf(name, command, undefined, layers, ["LAMBDA_RUNTIME_DIR=/var/runtime"]);
}

/** Path of its archive. */
export async function proofArchive({ name, command, environment, layers }: ProofImage): Promise<string> {
  const path = join(cache, `${name.slice("localhost/esb-".length, -":latest".length)}.tar`);
  // The last as AWS's own images have it: by it a runtime is known whose program has no client's name.
  const Env = ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", ...environment];
  const config = { Entrypoint: command.slice(0, -1), Cmd: command.slice(-1), Env, WorkingDir: "/var/task" };
  await buildCached({ name, config, layers: await layers() }, path);
  return path;
}

async function emulatorLayers(): Promise<Layer[]> {
  const source = await installEmulator();
  const entry = { type: "copy", path: "/usr/local/bin/aws-lambda-rie", source, mode: 0o755 } as const;
  return [...(await pythonLayers()), { entries: [entry] }];
}

function callbackLayers(): Promise<Layer[]> {
  return clientLayers(installNode22(), installNodeCallbackClient(), "aws-lambda-ric/{bin,dist}/*.{mjs,node}");
}

function nodeLayers(program: string): Promise<Layer[]> {
  return clientLayers(Promise.resolve(program), installNodeClient(), "aws-lambda-ric/*.{mjs,json,node}");
}

async function clientLayers(program: Promise<string>, modules: Promise<string>, files: string): Promise<Layer[]> {
  return [
    baseLayer(),
    await programLayer(await program, "/usr/local/bin/node"),
    { entries: await filesOf(await modules, [files], "/var/task/node_modules") },
    { entries: await filesOf(join(runtimesSource, "node"), ["*.mjs", "*.cjs"], "/var/task") },
  ];
}

async function ownNodeLayers(program: string): Promise<Layer[]> {
  return [
    baseLayer(),
    await programLayer(program, "/usr/local/bin/node"),
    await functionRuntimeLayer(),
    { entries: await filesOf(join(runtimesSource, "node"), ["look.mjs", "common.cjs"], "/var/task") },
  ];
}
